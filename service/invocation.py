"""What the commands share: how settings are given, how dates are read, where output goes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from service.errors import InputError

if TYPE_CHECKING:
    from service.console import Console
    from service.library import Library
    from service.remote import RemoteLibrary
    from service.settings import Settings
    from service.types import Filter

_DAY = click.DateTime(["%Y-%m-%d"])
_Command = Callable[..., Any]


class Invocation:
    """What every command needs: settings from all sources, and how to print."""

    def __init__(self, home: str | None, as_json: bool) -> None:
        self._home, self._as_json = home, as_json

    def flags(self) -> list[str]:
        """What was given before the command, for a process that takes the same."""
        home = [] if self._home is None else ["--home", self._home]
        return [*home, *(["--json"] if self._as_json else [])]

    def settings(self, **flags: object) -> Settings:
        """Settings with the flags of a command; `None` was not given."""
        from service.settings import load_settings

        return load_settings({"home": self._home, **flags})

    def console(self, as_json: bool) -> Console:
        """Where output goes."""
        from service.console import Console

        return Console(as_json or self._as_json)

    def library(self, console: Console, *, together: bool = False, **flags: object) -> Library | RemoteLibrary:
        """The library: that of a service that owns the home, or else opened here and owned until it is closed.

        Args:
            console: told what had to be mended.
            together: many texts at a time are going to be written.
            flags: of the command.
        """
        from service.index.home import Home

        settings = self.settings(**flags)
        if Home(settings.home).socket.exists():
            from service.remote import connect

            remote = connect(settings, console.note)
            if remote is not None:
                return remote
        from service.library import Library

        return Library.open(settings, console.note, together=together)


def with_json(command: _Command) -> _Command:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")(command)


def with_batch(command: _Command) -> _Command:
    """Add `--batch`."""
    return click.option("--batch", "batch_file", metavar="FILE", help="JSON lines in, JSON lines out, in order.")(
        command
    )


def with_writer(command: _Command) -> _Command:
    """Add the options of the commands that may load the writer."""
    for option in (
        click.option("--context", metavar="auto|N", help="Context window in tokens."),
        click.option("--parallel", metavar="auto|N", help="Requests of a batch at a time."),
        click.option("--threads", metavar="auto|N", help="Processor threads."),
        click.option("--gpu-layers", metavar="auto|N", help="Layers of the model to offload to the GPU."),
        click.option("--model", "writer", metavar="PATH", help="Chat model: a GGUF file or a name of `models list`."),
        click.option("--endpoint", metavar="URL[,URL]", help="OpenAI-compatible servers that write instead."),
        click.option("--mode", type=click.Choice(["quotes", "free", "extractive"]), help="How the text is written."),
    ):
        command = option(command)
    return command


def with_reranker(command: _Command) -> _Command:
    """Add `--reranker`."""
    return click.option(
        "--reranker", metavar="PATH", help="Cross-encoder that orders the first 50 papers anew: a GGUF file or a name."
    )(command)


def with_dates(command: _Command) -> _Command:
    """Add `--since` and `--until`."""
    for option in (
        click.option("--until", type=_DAY, metavar="D", help="Last day, YYYY-MM-DD."),
        click.option("--since", type=_DAY, metavar="D", help="First day, YYYY-MM-DD."),
    ):
        command = option(command)
    return command


def with_day(command: _Command) -> _Command:
    """Add `--day`."""
    return click.option("--day", type=_DAY, metavar="D", help="Only papers of this day, YYYY-MM-DD.")(command)


def given(value: str | None, name: str) -> str:
    """An argument that is needed unless there is a batch.

    Raises:
        InputError: it was not given.
    """
    if value is None:
        raise InputError(f"{name} is missing: give it, or --batch FILE")
    return value


def read_day(text: str | None) -> datetime | None:
    """A day as an argument.

    Raises:
        InputError: it is none.
    """
    try:
        day: datetime | None = _DAY.convert(text, None, None) if text is not None else None
    except click.BadParameter:
        raise InputError(f"{text} is not a day: YYYY-MM-DD, or latest") from None
    return day


def condition(
    day: datetime | None = None, since: datetime | None = None, until: datetime | None = None
) -> Filter:  # fmt: skip
    """The filter for a day or a range of days."""
    from service.types import Filter

    return Filter(
        day=day.date() if day else None,
        since=since.date() if since else None,
        until=until.date() if until else None,
    )
