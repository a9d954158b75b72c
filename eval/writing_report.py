"""The report on what Paperboy writes, and what changed since another one."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from eval import blocks
from eval.blocks import Block, Heading, Picture, Rows, Text
from eval.drawing import columns, reach, styled, svg
from eval.intervals import RESAMPLES, Interval
from eval.summaries import Rouge
from eval.writing import MEASURES, Result
from service.errors import InputError

BASELINE = Path(__file__).with_name("baseline.json")
_MOST_FAILURES = 12
_SHORTEST_CHANGE = 1e-9


def write(folder: Path, result: Result, rouge: Rouge | None, about: str) -> list[Path]:
    """Write `report.md`, `report.html` and the plot; the paths of the first two.

    Raises:
        InputError: the folder cannot be written.
    """
    return blocks.write(folder, made(result, rouge, about), "Paperboy: what it writes")


def made(result: Result, rouge: Rouge | None, about: str) -> list[Block]:
    """The report, block by block."""
    found: list[Block] = [
        Heading(1, "What Paperboy writes"),
        Text(about),
        Text(f"Brackets hold 95 % intervals: the papers were drawn anew {RESAMPLES:,} times."),
        Rows(
            ("measure", *(f"{w.length}, {w.papers} papers" for w in result.written)),
            [(name, *(str(w.values[name] or "–") for w in result.written)) for name in MEASURES],
        ),
        Text(
            "Supported claims: by the check of `paperboy verify`, which is a filter, not an oracle. Numbers preserved: "
            "share of the abstract's numbers that the summary has; invented: numbers a summary has and its abstract "
            "has not. Coverage is the share of words taken over in passages, density their mean length squared "
            "(Grusky et al. 2018); compression: words of the abstract for one of the summary."
        ),
        Heading(2, "Trials"),
        Picture("trials.svg", _bars(result), "Share of trials that went as they should"),
        Rows(("trial", "times", "passed"), [(t.name, str(t.trials), str(t.passed or "–")) for t in result.trials]),
    ]
    if rouge:
        header = ("system", "papers", "ROUGE-1", "ROUGE-2", "ROUGE-L", "standard error")
        found += [Heading(2, "ROUGE on SciTLDR dev"), Rows(header, [tuple(map(str, rouge))])]
    if result.failures:
        shown = [(failure,) for failure in result.failures[:_MOST_FAILURES]]
        found += [Heading(2, "What went wrong"), Rows((f"{len(result.failures)} cases, the first of them",), shown)]
    return found


def document(result: Result, rouge: Rouge | None) -> dict[str, Any]:
    """All figures as plain values for JSON, the same names every time."""
    return {
        **{f"{w.length}: {name}": _rounded(w.values[name]) for w in result.written for name in MEASURES},
        **{trial.name: _rounded(trial.passed) for trial in result.trials},
        **({"ROUGE-1/2/L": [rouge.rouge_1, rouge.rouge_2, rouge.rouge_l]} if rouge else {}),
    }


def read(path: Path) -> dict[str, Any]:
    """The figures of an earlier run.

    Raises:
        InputError: the file has none.
    """
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))["figures"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} has no figures of `paperboy eval summaries --json`: {error}") from None
    return dict(figures)


def changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Name, earlier and later value, and what to think of it, of all that differs."""
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            if old != new:
                yield name, _shown(old), _shown(new), "only in one of them"
        elif abs(new[0] - old[0]) > _SHORTEST_CHANGE:
            yield (
                name,
                _shown(old),
                _shown(new),
                "outside the interval" if _outside(old, new) else "within the interval",
            )


def _outside(old: Sequence[float | None], new: Sequence[float | None]) -> bool:
    value, low, high = new[0], old[1], old[-1]
    return value is not None and low is not None and high is not None and not low <= value <= high


def _shown(value: Sequence[float | None] | None) -> str:
    return "–" if value is None else " / ".join("–" if part is None else f"{part:g}" for part in value)


def _rounded(value: Interval | None) -> list[float | None] | None:
    return None if value is None else [None if part is None else round(part, 4) for part in value]


def _bars(result: Result) -> str:
    shown = [(trial.name, trial.passed) for trial in result.trials if trial.passed]
    with styled():
        figure = Figure(figsize=(7, 0.45 * len(shown) + 0.8), layout="constrained")
        axes = figure.subplots()
        values = [value for _, value in shown]
        axes.barh(
            range(len(shown)), [value.mean for value in values], 0.6, color="#0055AA",
            xerr=columns([reach(value) for value in values]), error_kw={"elinewidth": 0.9, "capsize": 2},
        )  # fmt: skip
        axes.set_yticks(range(len(shown)), [name for name, _ in shown])
        axes.invert_yaxis()
        axes.set(xlim=(0, 1.02), xlabel="share of trials")
        return svg(figure)
