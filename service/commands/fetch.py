"""Papers from the services that list them: fetch."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from service.errors import InputError
from service.invocation import Invocation, condition, with_dates, with_day, with_json

if TYPE_CHECKING:
    from service.fetching import SourceName


@click.command()
@click.argument("source", type=click.Choice(["hf", "arxiv", "s2"]))
@click.option("--category", "categories", multiple=True, metavar="C", help="Such as cs.CL; may be given several times.")
@click.option("--query", default="", metavar="WORDS", help="Search for these words (arxiv and s2).")
@click.option("--most", type=click.IntRange(1, 100_000), default=1_000, show_default=True, help="Papers of a search.")
@with_day
@with_dates
@with_json
@click.pass_obj
def fetch(
    invocation: Invocation,
    /,
    source: SourceName,
    categories: tuple[str, ...],
    query: str,
    most: int,
    as_json: bool,
    day: datetime | None,
    since: datetime | None,
    until: datetime | None,
) -> int:
    """Fetch papers from a service and take them in. Doing it again fetches what is new.

    hf: the daily papers of Hugging Face, of today or of --day, or of --since to --until.

    arxiv: the newest list of each --category, or the lists of the given days, or what --query finds.

    s2: what --query finds at Semantic Scholar, published on the given days.

    A day is the day on which a paper was listed. Nothing is fetched but by this command.
    """
    from service.contract import ingest_document
    from service.sources.fetch.wanted import Wanted

    if day and (since or until):
        raise InputError("--day is one day, --since and --until are a range: give one or the other")
    days = condition(since=day or since, until=day or until)
    console = invocation.console(as_json)
    wanted = Wanted(days.since, days.until, _checked(categories), query.strip(), most)
    with invocation.library(console) as library, console.progress() as progress:
        report = library.fetch(source, wanted, progress)
    console.show(ingest_document(report), lambda: console.ingest_report(report))
    return 1 if report.failures else 0


def _checked(categories: tuple[str, ...]) -> tuple[str, ...]:
    """Categories become parts of addresses.

    Raises:
        InputError: one has a form that no category has.
    """
    for category in categories:
        if not category.replace("-", "").replace(".", "").replace(" ", "").isalnum() or not category.isascii():
            raise InputError(f"--category {category} is no category: they are like cs.CL, math or hep-th")
    return categories
