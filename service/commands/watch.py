"""Saved questions: watch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from service.errors import InputError
from service.invocation import Invocation, with_json


@click.command()
@click.argument("question", required=False)
@click.option("--list", "listing", is_flag=True, help="Show the saved questions, without looking again.")
@click.option("--remove", type=int, metavar="N", help="Forget the question of that number.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write a feed for each to this folder.")
@with_json
@click.pass_obj
def watch(
    invocation: Invocation, /, question: str | None, listing: bool, remove: int | None, out: Path | None, as_json: bool
) -> int:
    """Save QUESTION ("which papers …"), and say which papers answer the saved questions that did not before.

    With --out each question has an Atom feed (watch-N.atom) and a JSON Feed (watch-N.json), as files for any web server
    or feed reader.
    """
    from service.remote_editions import editions_of

    console = invocation.console(as_json)
    with invocation.library(console) as library:
        editions = editions_of(library, ())
        if remove is not None and not editions.unwatch(remove):
            raise InputError(f"no saved question has the number {remove}: `paperboy watch --list` shows them")
        if question is not None:
            editions.watch(question)
        quiet = listing or (remove is not None and question is None and out is None)
        feeds = [] if quiet else editions.feeds()
        watches = editions.watches()
    if out is not None:
        _write(console, out, feeds)
    console.show(_document(watches, feeds), lambda: console.watches(watches, feeds, quiet=quiet))
    return 0


def _write(console: Any, folder: Path, feeds: list[Any]) -> None:
    from service.answer.feeds import feed_id, to_atom_feed, to_json_feed

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}") from None
    for feed in feeds:
        console.write_file(folder / f"{feed_id(feed)}.atom", to_atom_feed(feed))
        console.write_file(folder / f"{feed_id(feed)}.json", to_json_feed(feed))


def _document(watches: list[Any], feeds: list[Any]) -> dict[str, Any]:
    found = {feed.watch.number: feed.papers for feed in feeds}
    return {
        "watches": [
            {
                **one._asdict(),
                "papers": len(found.get(one.number, ())),
                "new": [
                    {
                        "paper_id": paper.paper.paper_id,
                        "title": paper.paper.title,
                        "score": paper.score,
                        "quote": paper.quote,
                    }
                    for paper in found.get(one.number, ())
                    if paper.new
                ],
            }
            for one in watches
        ]
    }
