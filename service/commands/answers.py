"""Texts over papers: ask, summarize, digest, verify."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from service.errors import InputError
from service.invocation import (
    Invocation,
    condition,
    given,
    read_day,
    with_batch,
    with_dates,
    with_json,
    with_reranker,
    with_writer,
)


@click.command()
@click.argument("question", required=False)
@click.option("-k", "most", type=click.IntRange(1, 100), help="Papers that a list answer may have.")
@with_writer
@with_reranker
@with_batch
@with_json
@click.pass_obj
def ask(
    invocation: Invocation,
    /,
    question: str | None,
    most: int | None,
    mode: str | None,
    batch_file: str | None,
    as_json: bool,
    **flags: Any,
) -> int:
    """Answer a question over the papers, every claim with a checked citation."""
    from service.batch import each, run_together
    from service.contract import answer_document

    console = invocation.console(as_json)
    with invocation.library(console, together=batch_file is not None, mode=mode, **flags) as library:
        if batch_file is not None:
            return run_together(
                batch_file,
                ("question",),
                lambda records: each(
                    answer_document, library.ask_many(each(lambda r: str(r["question"]), records), most=most)
                ),
            )
        answer = library.ask(given(question, "QUESTION"), most=most)
    console.show(answer_document(answer), lambda: console.answer(answer))
    return 0


@click.command()
@click.argument("paper", required=False)
@click.option("--length", type=click.Choice(["sentence", "paragraph"]), default="sentence", show_default=True)
@click.option("--title", default="", help="Title of the abstract on stdin.")
@with_writer
@with_batch
@with_json
@click.pass_obj
def summarize(
    invocation: Invocation,
    /,
    paper: str | None,
    length: Any,
    title: str,
    mode: str | None,
    batch_file: str | None,
    as_json: bool,
    **flags: Any,
) -> int:
    """Summarize a paper by id or title; `summarize -` reads an abstract on stdin."""
    from service.batch import each, read_stdin, run_together
    from service.contract import summary_document

    console = invocation.console(as_json)
    with invocation.library(console, together=batch_file is not None, mode=mode, **flags) as library:
        if batch_file is not None:
            return run_together(
                batch_file,
                ("abstract",),
                lambda records: each(
                    summary_document,
                    library.summarize_many(each(lambda r: (str(r.get("title") or ""), r["abstract"]), records), length),
                ),
            )
        name = given(paper, "PAPER")
        if name == "-":
            summary = library.summarize_text(title, read_stdin(), length)
        else:
            summary = library.summarize(name, length)
    console.show(summary_document(summary), lambda: console.summary(summary))
    return 0


@click.command()
@click.argument("day", required=False)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file instead of stdout.")
@click.option(
    "--format", "form", type=click.Choice(["md", "html", "txt", "json", "atom"]), default="md", show_default=True
)
@with_dates
@with_writer
@with_json
@click.pass_obj
def digest(
    invocation: Invocation,
    /,
    day: str | None,
    out: Path | None,
    form: str,
    mode: str | None,
    as_json: bool,
    since: Any,
    until: Any,
    **flags: Any,
) -> int:
    """Summaries of a day's papers: DAY is a date or `latest`; or give --since and --until.

    Grouped by topic, first what is near your interests: `interests` in settings.toml, `paperboy like`, `dislike`.
    """
    from service.console import digest_text
    from service.contract import digest_document
    from service.remote_editions import editions_of

    console = invocation.console(as_json or (form == "json" and out is None))
    latest = (day or "").lower() == "latest"
    days = condition(day=None if latest else read_day(day), since=since, until=until)
    if not latest and days.is_open:
        raise InputError("name a day: paperboy digest 2023-07-27, or latest, or --since D --until D")
    interests = invocation.settings().interests
    with invocation.library(console, together=True, mode=mode, **flags) as library, console.progress() as progress:
        made, _ = library.digest("latest" if latest else "", days, progress=progress)
        editions = editions_of(library, interests)
        edition = editions.make(made)._replace(seen_until=editions.seen_until(""))
        text = digest_text(form, edition)
        if out is not None:
            console.write_file(out, text)
        if out is not None or not console.as_json:
            editions.looked("", edition.newest_row)
    console.show(digest_document(made), lambda: console.digest(made, text, out))
    return 1 if made.failures else 0


@click.command()
@click.option("--source", type=click.Path(path_type=Path), help="File with the source text.")
@click.option("--summary", "summary_file", type=click.Path(path_type=Path), help="File with the text to check.")
@with_batch
@with_json
@click.pass_obj
def verify(
    invocation: Invocation,
    source: Path | None,
    summary_file: Path | None,
    batch_file: str | None,
    as_json: bool,
) -> int:
    """Check a text claim by claim against its source: numbers, names, negation, direction, wording."""
    from service.batch import read_text, run_batch
    from service.checking import check_texts
    from service.contract import verification_document

    console = invocation.console(as_json)
    if batch_file is not None:
        return run_batch(
            batch_file,
            ("source", "summary"),
            lambda r: verification_document(check_texts(r["source"], r["summary"])),
        )
    if source is None or summary_file is None:
        raise InputError("give --source FILE and --summary FILE, or --batch FILE")
    checked = check_texts(read_text(source), read_text(summary_file))
    console.show(verification_document(checked), lambda: console.verification(checked))
    return 0
