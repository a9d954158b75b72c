"""What all parts of the engine's benchmark share: rounds A B B A, ratios of pairs, rows with a bound and a verdict."""

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

_TABLE_WIDTH = 120
_NOISY = 0.06
"""Share of the processor that others may use before a run is called noisy."""


@dataclass(frozen=True)
class Setup:
    """How to measure. `quick` measures little of everything: to see that it runs, not for figures."""

    threads: int
    rounds: int | None
    quick: bool

    def times(self, usual: int) -> int:
        """How many rounds, given how many are usual for a part."""
        return self.rounds or (1 if self.quick else usual)

    def count(self, full: int, least: int) -> int:
        """How many of something that there is much of."""
        return least if self.quick else full


@dataclass
class Row:
    """One figure. `ok` is `None` where nothing is demanded."""

    part: str
    what: str
    figure: str
    bound: str = ""
    ok: bool | None = None
    values: dict[str, Any] = field(default_factory=dict)
    """The numbers behind it, for the JSON file."""


class Report:
    """Rows, shown as a table for each part and kept for the file."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._shown = 0

    def add(self, row: Row) -> None:
        """Add a row and tell on stderr that it is there."""
        self.rows.append(row)
        sys.stderr.write(f"  {row.part} {row.what}: {row.figure} {row.bound} {verdict(row)}\n")

    def show(self, title: str) -> None:
        """Print what has come since the last table."""
        table = Table(title=title, title_justify="left")
        for heading in ("part", "what", "figure", "bound", ""):
            table.add_column(heading, overflow="fold")
        for row in self.rows[self._shown :]:
            table.add_row(row.part, row.what, row.figure, row.bound, verdict(row))
        self._shown = len(self.rows)
        Console(width=_TABLE_WIDTH).print(table)

    def records(self) -> list[dict[str, Any]]:
        """All rows for a JSON file."""
        return [asdict(row) for row in self.rows]


def verdict(row: Row) -> str:
    """One word on a row."""
    return "" if row.ok is None else "ok" if row.ok else "MISSED"


def alternate(
    rounds: int, ours: Callable[[int], float], theirs: Callable[[int], float]
) -> list[tuple[float, float]]:  # fmt: skip
    """Measure two things in the order A B, B A, A B, …: a drift of the machine then favours neither.

    Args:
        rounds: pairs.
        ours: measures once; told the number of the round.
        theirs: the same for the other side.
    """
    pairs = []
    for number in range(rounds):
        if number % 2:
            second = theirs(number)
            pairs.append((ours(number), second))
        else:
            first = ours(number)
            pairs.append((first, theirs(number)))
    return pairs


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Median with the least and the greatest."""
    low, middle, high = (format(value, form) for value in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low} to {high})"


def ratios(pairs: Iterable[tuple[float, float]]) -> list[float]:
    """First over second of each pair."""
    return [first / second for first, second in pairs]


def busy_share(seconds: float = 1.0) -> float:
    """Share of all processor time that is used while this process only waits."""
    before = _processor_ticks()
    time.sleep(seconds)
    total, idle = (after - first for after, first in zip(_processor_ticks(), before, strict=True))
    return 1 - idle / total if total else 0.0


def machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was with other things."""
    share = busy_share()
    if share > _NOISY:
        sys.stderr.write(f"others use {share:.0%} of the processor: take the figures as rough\n")
    names = [line.split(":")[1].strip() for line in _read("/proc/cpuinfo").splitlines() if "model name" in line]
    return {"processor": names[0] if names else "", "cores": os.cpu_count(), "busy_before": round(share, 3)}


def _processor_ticks() -> tuple[int, int]:
    """All ticks and idle ticks since the start of the machine."""
    ticks = [int(value) for value in _read("/proc/stat").partition("\n")[0].split()[1:9]]
    return sum(ticks), sum(ticks[3:5])


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
