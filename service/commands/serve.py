"""The HTTP service, keys for it, and the tools for language models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from service.errors import SettingsError
from service.invocation import Invocation, with_reranker, with_writer

_PORT = 8642
_ROOM = 256


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others need --keys.")
@click.option("--port", type=click.IntRange(0, 65_535), default=_PORT, show_default=True)
@click.option("--keys", "keys_file", type=click.Path(path_type=Path), help="Ask for one of the keys of this file.")
@click.option("--allow-host", "names", multiple=True, metavar="NAME", help="A further host name it is reached by.")
@click.option("--allow-origin", "origins", multiple=True, metavar="URL", help="Another site whose pages may use it.")
@click.option("--rate", default=600, show_default=True, type=click.IntRange(1), help="Requests a minute for each key.")
@click.option("--queue", "room", default=_ROOM, show_default=True, type=click.IntRange(1), help="Requests that wait.")
@with_writer
@with_reranker
@click.pass_obj
def serve(
    invocation: Invocation,
    /,
    host: str,
    port: int,
    keys_file: Path | None,
    names: tuple[str, ...],
    origins: tuple[str, ...],
    rate: int,
    room: int,
    **flags: Any,
) -> int:
    """Serve the page and the HTTP API, and the other commands while it runs."""
    from service.library import Library
    from service.web.app import create_app
    from service.web.guard import Access, is_loopback, origin_names
    from service.web.keys import Keys, read_keys
    from service.web.service import Service
    from service.web.serving import listen
    from service.web.serving import serve as run

    if not is_loopback(host) and keys_file is None:
        raise SettingsError(
            f"{host} can be reached by others: give --keys FILE (`paperboy key NAME --keys FILE` makes one)"
        )
    keys = Keys() if keys_file is None else read_keys(keys_file)
    try:
        access = Access(host=host, names=names, origins=origin_names(origins), per_minute=rate)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    settings, console = invocation.settings(**flags), invocation.console(as_json=False)
    with listen(host, port) as bound, Library.open(settings, console.note, together=True) as library:
        address = f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}"
        service = Service(library, settings, room=room)
        try:
            run(
                create_app(service, access, keys),
                service,
                bound,
                on_start=lambda: console.line(f"Paperboy is at {address}; Ctrl-C ends it."),
            )
        finally:
            service.close()
    return 0


@click.command()
@click.argument("name")
@click.option("--keys", "keys_file", required=True, type=click.Path(path_type=Path), help="File with the hashes.")
def key(name: str, keys_file: Path) -> int:
    """Make a key for NAME; it is shown once, and FILE gets its hash."""
    from service.web.keys import add_key

    click.echo(add_key(keys_file, name))
    return 0


@click.command()
@with_writer
@with_reranker
@click.pass_obj
def mcp(invocation: Invocation, /, **flags: Any) -> int:
    """Offer search, ask, summaries and digests to a language model's client, on stdin and stdout (MCP)."""
    from service.tools import tool_server

    console = invocation.console(as_json=False)
    tool_server(lambda: invocation.library(console, **flags)).run("stdio")
    return 0
