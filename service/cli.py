"""The command line: what all commands share, and how a failure ends one."""

from __future__ import annotations

import signal
import sqlite3
import sys
from types import FrameType

import click

from service import __version__
from service.commands.answers import ask, digest, summarize, verify
from service.commands.delivery import dislike, like, run, schedule, send
from service.commands.fetch import fetch
from service.commands.models import models
from service.commands.papers import backup, ingest, reindex, restore, search
from service.commands.serve import key, mcp, serve
from service.commands.upkeep import bench, doctor, evaluate
from service.commands.watch import watch
from service.errors import PaperboyError
from service.invocation import Invocation


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="paperboy")
@click.option("--home", metavar="DIR", help="Directory of the catalog (or PAPERBOY_HOME).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
@click.pass_context
def paperboy(context: click.Context, home: str | None, as_json: bool) -> None:
    """The day's research papers on your own machine: cited answers, summaries, a digest."""
    context.obj = Invocation(home, as_json)


for _command in (
    ingest, fetch, search, ask, summarize, digest, verify, serve, key, mcp,
    like, dislike, send, run, schedule, watch,
    reindex, doctor, bench, backup, restore, models, evaluate,
):  # fmt: skip
    paperboy.add_command(_command)


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
