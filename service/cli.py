"""The command line: one short function per command. Heavy imports stand inside the commands, so `--help` is quick."""

from __future__ import annotations

import signal
import sqlite3
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import click

from service import __version__
from service.errors import InputError, PaperboyError
from service.invocation import (
    Invocation,
    condition,
    given,
    read_day,
    with_batch,
    with_dates,
    with_day,
    with_json,
    with_reranker,
    with_writer,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="paperboy")
@click.option("--home", metavar="DIR", help="Directory of the catalog (or PAPERBOY_HOME).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
@click.pass_context
def paperboy(context: click.Context, home: str | None, as_json: bool) -> None:
    """The day's research papers on your own machine: cited answers, summaries, a digest."""
    context.obj = Invocation(home, as_json)


@paperboy.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--format", "format_name", metavar="F", help="page or jsonl; without it the format is detected.")
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


@paperboy.command()
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


@paperboy.command()
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


@paperboy.command()
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


@paperboy.command()
@click.argument("day", required=False)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file instead of stdout.")
@click.option("--format", "form", type=click.Choice(["md", "html", "json", "atom"]), default="md", show_default=True)
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
    """Summaries of a day's papers: DAY is a date or `latest`; or give --since and --until."""
    from service.console import digest_text
    from service.contract import digest_document

    console = invocation.console(as_json or (form == "json" and out is None))
    latest = (day or "").lower() == "latest"
    days = condition(day=None if latest else read_day(day), since=since, until=until)
    if not latest and days.is_open:
        raise InputError("name a day: paperboy digest 2023-07-27, or latest, or --since D --until D")
    with invocation.library(console, together=True, mode=mode, **flags) as library, console.progress() as progress:
        made, papers = library.digest("latest" if latest else "", days, progress=progress)
    text = digest_text(form, made, papers)
    if out is not None:
        console.write_file(out, text)
    console.show(digest_document(made), lambda: console.digest(made, text, out))
    return 1 if made.failures else 0


@paperboy.command()
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
    """Check a text claim by claim against its source: numbers, names, wording."""
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


@paperboy.command()
@with_json
@click.pass_obj
def reindex(invocation: Invocation, as_json: bool) -> int:
    """Build both indexes anew from the catalog, without embedding."""
    console = invocation.console(as_json)
    with invocation.library(console) as library, console.progress() as progress:
        papers = library.reindex(progress)
    console.show({"papers": papers}, lambda: console.line(f"Both indexes were built anew for {papers} papers."))
    return 0


@paperboy.command()
@click.option("--no-mend", is_flag=True, help="Only say what differs; status 1 if something does.")
@with_json
@click.pass_obj
def doctor(invocation: Invocation, no_mend: bool, as_json: bool) -> int:
    """Say what is wrong with the home directory and mend it; show versions, processor, models."""
    from service.doctor import examine

    console = invocation.console(as_json)
    report = examine(invocation.settings(), console.note, mend=not no_mend)
    console.show(report.document(), lambda: console.doctor(report))
    return 0 if report.sound else 1


@paperboy.command()
@with_writer
@with_json
@click.pass_obj
def bench(invocation: Invocation, /, as_json: bool, **flags: Any) -> int:
    """Measure the writer here: first token, tokens a second, summaries an hour; and what others would give."""
    from service.speed import examine_speed

    console = invocation.console(as_json)
    machine, speeds = examine_speed(invocation.settings(**flags))
    document = {"machine": machine._asdict(), "writers": [speed.document() for speed in speeds]}
    console.show(document, lambda: console.speeds(machine, speeds))
    return 0


@paperboy.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def backup(invocation: Invocation, file: Path) -> int:
    """Copy the catalog to FILE, also while another command works with it."""
    from service.library import backup as make_backup

    make_backup(invocation.settings(), file)
    click.echo(f"{file} has a copy of the catalog; `paperboy --home DIR restore {file}` makes a home of it.")
    return 0


@paperboy.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def restore(invocation: Invocation, file: Path) -> int:
    """Fill an empty home from a backup FILE and build its indexes."""
    from service.library import restore as fill

    papers = fill(invocation.settings(), file)
    click.echo(f"{papers} papers were restored to {invocation.settings().home}.")
    return 0


@paperboy.group()
def models() -> None:
    """List, fetch and check model files."""


@models.command("list")
@with_json
@click.pass_obj
def models_list(invocation: Invocation, as_json: bool) -> int:
    """Models that Paperboy knows and where they are."""
    from service.doctor import model_rows

    rows = model_rows(invocation.settings())
    console = invocation.console(as_json)
    console.show({"models": rows}, lambda: console.models(rows))
    return 0


@models.command("pull")
@click.argument("name")
@click.pass_obj
def models_pull(invocation: Invocation, name: str) -> int:
    """Fetch a model: a name of `models list`, or OWNER/REPOSITORY:FILE.gguf on the Hugging Face hub."""
    from service.index.home import Home
    from service.llm.pull import pull

    path = pull(name, Home(invocation.settings().home).models)
    click.echo(f"{path} is here; use it with --model {path.name}")
    return 0


@models.command("check")
@with_json
@click.pass_obj
def models_check(invocation: Invocation, as_json: bool) -> int:
    """Compare the model files that are here with their sizes and hashes."""
    from service.doctor import check_models

    rows = check_models(invocation.settings())
    console = invocation.console(as_json)
    console.show({"models": rows}, lambda: console.model_checks(rows))
    return 1 if any(row["problem"] for row in rows) else 0


@paperboy.command("eval", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def evaluate(invocation: Invocation, arguments: tuple[str, ...]) -> int:
    """Measure Paperboy in a checkout. `paperboy eval retrieval --home DIR` does it on your own papers."""
    from service.doctor import run_evaluation

    return run_evaluation([*invocation.flags(), *arguments])


def main() -> None:
    """Run a command: status 0 done, 1 some items failed, 2 not served, with one line that says why."""
    # As an interrupt does: what is open is closed, what runs below is ended.
    signal.signal(signal.SIGTERM, _terminated)
    try:
        status = paperboy(standalone_mode=False)
    except click.ClickException as error:
        status = _refuse(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        status = _refuse("interrupted; what was stored is kept", 130)
    except PaperboyError as error:
        status = _refuse(str(error))
    except (OSError, sqlite3.Error) as error:
        # What is expected of files is handled where they are opened; left are a full disk and a damaged catalog.
        status = _refuse(
            f"reading or writing failed ({error}): check the disk; `paperboy doctor` says what is damaged, and "
            "`paperboy restore FILE` fills an empty --home from a backup"
        )
    sys.exit(status if isinstance(status, int) else 0)


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(_refuse("terminated; what was stored is kept", 143))


def _refuse(message: str, status: int = 2) -> int:
    click.echo(f"paperboy: {' '.join(message.split())}", err=True)
    return status


if __name__ == "__main__":
    main()
