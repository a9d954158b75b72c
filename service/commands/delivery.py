"""The digest brought to its reader: like, dislike, send, run, schedule."""

from __future__ import annotations

import shutil
import sys
from contextlib import redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.errors import InputError
from service.invocation import Invocation, condition, read_day, with_dates, with_json, with_writer

if TYPE_CHECKING:
    from service.types import Filter


@click.command()
@click.argument("paper")
@click.option("--forget", is_flag=True, help="Have no opinion on it any more.")
@click.pass_obj
def like(invocation: Invocation, /, paper: str, forget: bool) -> int:
    """Show papers like PAPER (id or title) first in digests."""
    return _opinion(invocation, paper, liked=None if forget else True)


@click.command()
@click.argument("paper")
@click.option("--forget", is_flag=True, help="Have no opinion on it any more.")
@click.pass_obj
def dislike(invocation: Invocation, /, paper: str, forget: bool) -> int:
    """Show papers like PAPER (id or title) last in digests."""
    return _opinion(invocation, paper, liked=None if forget else False)


@click.command()
@click.argument("day", required=False)
@click.option("--to", "addresses", multiple=True, metavar="ADDRESS", help="Who gets it; without it `mail_to`.")
@click.option("--webhook", is_flag=True, help="Post it to the webhook of PAPERBOY_WEBHOOK_URL, too.")
@click.option("--again", is_flag=True, help="Also to those who got it, or may have got it, before.")
@click.option("--dry-run", is_flag=True, help="Send nothing: write the messages as .eml files.")
@click.option(
    "--out", default=".", type=click.Path(path_type=Path, file_okay=False), help="Folder of these files."
)  # fmt: skip
@with_dates
@with_writer
@with_json
@click.pass_obj
def send(
    invocation: Invocation,
    /,
    day: str | None,
    addresses: tuple[str, ...],
    webhook: bool,
    again: bool,
    dry_run: bool,
    out: Path,
    as_json: bool,
    since: datetime | None,
    until: datetime | None,
    **flags: Any,
) -> int:
    """Send the digest of DAY (a date or `latest`) by mail, to each recipient once.

    A delivery that was interrupted may have arrived: it is told and not repeated. Status 1: somebody did not get it.
    """
    from service.newsstand import Newsstand, Wanted

    console = invocation.console(as_json)
    name, days = _days(day, since, until)
    settings = invocation.settings(**flags)
    wanted = Wanted(name, days, addresses or settings.mail_to, webhook=webhook, again=again)
    with invocation.library(console, together=True, **flags) as library, console.progress() as progress:
        stand = Newsstand(library, settings)
        report = stand.write_messages(wanted, out, progress) if dry_run else stand.send(wanted, progress)
    console.show(report.document(), lambda: console.deliveries(report))
    return report.status


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option("--to", "addresses", multiple=True, metavar="ADDRESS", help="Who gets it; without it `mail_to`.")
@click.option("--webhook", is_flag=True, help="Post it to the webhook of PAPERBOY_WEBHOOK_URL, too.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the digest to this file, too.")
@click.option("--format", "form", type=click.Choice(["md", "html", "txt", "json", "atom"]), default="html")
@with_writer
@with_json
@click.pass_context
def run(
    context: click.Context,
    /,
    paths: tuple[Path, ...],
    addresses: tuple[str, ...],
    webhook: bool,
    out: Path | None,
    form: str,
    as_json: bool,
    **flags: Any,
) -> int:
    """Fetch, ingest, digest and send in one go, for a timer. Doing it again goes on where it stopped.

    What is fetched and taken in, and who gets it, the settings say: `fetch`, `sources`, `mail_to`. PATHs are taken in,
    too.
    """
    from service.newsstand import Newsstand, Wanted
    from service.types import Filter

    invocation: Invocation = context.obj
    console = invocation.console(as_json)
    settings = invocation.settings(**flags)
    fetched = _fetch(context, settings.fetch)
    sources = [*map(Path, settings.sources), *paths]
    wanted = Wanted("latest", Filter(), addresses or settings.mail_to, webhook=webhook)
    with invocation.library(console, together=True, **flags) as library, console.progress() as progress:
        ingested = library.ingest([path.expanduser() for path in sources], None, progress) if sources else None
        stand = Newsstand(library, settings)
        if out is not None:
            console.write_file(out, stand.text(wanted, form, progress))
        report = stand.send(wanted, progress, anybody=out is None)
    failures = (*fetched, *(ingested.failures if ingested else ()))
    report = report._replace(failures=(*failures, *report.failures))
    console.show(report.document(), lambda: console.deliveries(report))
    return report.status


@click.command()
@click.option("--at", type=click.DateTime(["%H:%M"]), default="07:30", show_default=True, help="Time of day.")
@click.option("--cron", is_flag=True, help="A line for a crontab instead of systemd units.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The digest goes to this file, too.")
@click.pass_obj
def schedule(invocation: Invocation, /, at: datetime, cron: bool, out: Path | None) -> int:
    """Print what makes `paperboy run` happen every day, for the current settings. Nothing is installed."""
    from service.delivery.schedule import cron_line, systemd_units

    home = invocation.settings().home.absolute()
    program = shutil.which(sys.argv[0])
    command = [str(Path(program).absolute())] if program else [sys.executable, "-m", "service.cli"]
    command += ["--home", str(home), "run", *(["--out", str(out.absolute())] if out else [])]
    click.echo((cron_line if cron else systemd_units)(command, at.time(), home / "environment"), nl=False)
    return 0


def _opinion(invocation: Invocation, paper: str, *, liked: bool | None) -> int:
    from service.remote_editions import editions_of

    console = invocation.console(as_json=False)
    with invocation.library(console) as library:
        title = editions_of(library, ()).give_opinion(paper, liked)
    console.line(f"“{title}” is {'forgotten' if liked is None else 'liked' if liked else 'disliked'}.")
    return 0


def _days(day: str | None, since: datetime | None, until: datetime | None) -> tuple[str, Filter]:
    latest = (day or "").lower() == "latest"
    days = condition(day=None if latest else read_day(day), since=since, until=until)
    if not latest and days.is_open:
        raise InputError("name a day: paperboy send 2023-07-27, or latest, or --since D --until D")
    return ("latest" if latest else ""), days


def _fetch(context: click.Context, requests: tuple[str, ...]) -> list[Any]:
    """Run `paperboy fetch` as the settings say; what fails is listed and the rest goes on."""
    import shlex

    from service.errors import PaperboyError
    from service.types import Failure

    root = context.find_root().command
    command = root.get_command(context, "fetch") if isinstance(root, click.Group) else None
    failures = []
    for request in requests:
        where = f"fetch {request}"
        if command is None:
            failures.append(Failure(where=where, reason="this Paperboy has no command to fetch with"))
            continue
        try:
            # What it prints is not the document of this command.
            with redirect_stdout(sys.stderr):
                status = command.main(shlex.split(request), standalone_mode=False, obj=context.obj)
        except (PaperboyError, click.ClickException, ValueError) as error:
            failures.append(Failure(where=where, reason=str(error)))
        else:
            if status:
                failures.append(Failure(where=where, reason="some papers could not be taken in"))
    return failures
