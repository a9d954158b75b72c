"""The state of this installation: doctor, bench, eval."""

from __future__ import annotations

from typing import Any

import click

from service.invocation import Invocation, with_json, with_writer


@click.command()
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


@click.command()
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


@click.command("eval", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def evaluate(invocation: Invocation, arguments: tuple[str, ...]) -> int:
    """Measure Paperboy in a checkout. `paperboy eval retrieval --home DIR` does it on your own papers."""
    from service.doctor import run_evaluation

    return run_evaluation([*invocation.flags(), *arguments])
