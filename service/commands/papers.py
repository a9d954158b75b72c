"""Papers in and out: ingest, search, and keeping the home directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from service.invocation import Invocation, condition, given, with_batch, with_dates, with_day, with_json, with_reranker

# Written out: to ask the registry would import it for every `--help`.
_FORMATS = (
    "pdf, page, arxiv-atom, arxiv-rss, arxiv-oai, arxiv-snapshot, hf, s2, venue, csl, jsonl, bibtex, ris, table, plain"
)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--format", "format_name", metavar="F", help=f"One of {_FORMATS}; without it the format is detected.")
@with_json
@click.pass_obj
def ingest(invocation: Invocation, paths: tuple[Path, ...], format_name: str | None, as_json: bool) -> int:
    """Take in papers from files or folders. Doing it again changes nothing."""
    from service.contract import ingest_document

    console = invocation.console(as_json)
    with invocation.library(console) as library, console.progress() as progress:
        report = library.ingest(paths, format_name, progress)
    console.show(ingest_document(report), lambda: console.ingest_report(report))
    return 1 if report.failures else 0


@click.command()
@click.argument("query", required=False)
@click.option("-k", "count", type=int, default=10, show_default=True, help="Number of papers.")
@with_day
@with_dates
@with_reranker
@with_batch
@with_json
@click.pass_obj
def search(
    invocation: Invocation,
    /,
    query: str | None,
    count: int,
    reranker: str | None,
    batch_file: str | None,
    as_json: bool,
    **days: Any,
) -> int:
    """Find papers; each with the sentence nearest to the query.

    Operators narrow it: "activation memory", title:adapter, author:"ada lovelace", cat:cs.CL, quantiz*, since:2024-01,
    until:2024-12-31, day:2024-03-05.
    """
    from service.batch import run_batch
    from service.contract import search_document

    console = invocation.console(as_json)
    papers = condition(**days)
    with invocation.library(console, reranker=reranker) as library:
        if batch_file is not None:
            return run_batch(
                batch_file,
                ("question",),
                lambda r: search_document(r["question"], library.search(r["question"], count, papers)),
            )
        wanted = given(query, "QUERY")
        hits = library.search(wanted, count, papers)
    console.show(search_document(wanted, hits), lambda: console.hits(hits))
    return 0


@click.command()
@with_json
@click.pass_obj
def reindex(invocation: Invocation, as_json: bool) -> int:
    """Build both indexes anew from the catalog, without embedding."""
    console = invocation.console(as_json)
    with invocation.library(console) as library, console.progress() as progress:
        papers = library.reindex(progress)
    console.show({"papers": papers}, lambda: console.line(f"Both indexes were built anew for {papers} papers."))
    return 0


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def backup(invocation: Invocation, file: Path) -> int:
    """Copy the catalog to FILE, also while another command works with it."""
    from service.backups import backup as make_backup

    make_backup(invocation.settings(), file)
    click.echo(f"{file} has a copy of the catalog; `paperboy --home DIR restore {file}` makes a home of it.")
    return 0


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def restore(invocation: Invocation, file: Path) -> int:
    """Fill an empty home from a backup FILE and build its indexes."""
    from service.backups import restore as fill

    papers = fill(invocation.settings(), file)
    click.echo(f"{papers} papers were restored to {invocation.settings().home}.")
    return 0
