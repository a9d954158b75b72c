"""Model files: list, pull, check."""

from __future__ import annotations

import click

from service.invocation import Invocation, with_json


@click.group()
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
