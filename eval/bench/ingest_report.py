"""The report of the ingest bench: a table with a verdict on each bound, and a plot over the size."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eval import blocks
from eval.blocks import Block, Heading, Picture, Rows, Text
from eval.drawing import styled, svg

SPEED_BOUND = 0.9
"""Least share of the embedder's own speed."""
SEARCH_BOUND = 50.0
"""Milliseconds that the 95th percentile of searches may take."""
_COLOUR, _OTHER = "#0055AA", "#E69F00"


@dataclass(frozen=True)
class Size:
    """What was measured when the catalog had grown to so many papers. Memory and disk are in bytes."""

    papers: int
    added: int
    """Papers that were embedded on the way from the size before."""
    seconds: float
    stages: dict[str, float]
    """Seconds by what was being done."""
    embedding: float
    """Share of the time in which the embedder was at work."""
    tokens_per_second: float
    """Of the ingest as a whole."""
    alone_tokens_per_second: float
    """Of the embedder by itself, on some of the same batches."""
    service_peak: int
    worker_peak: int
    searching_peak: int
    disk: dict[str, int]
    search_p50: float
    """Milliseconds."""
    search_p95: float
    search_worst: float

    @property
    def papers_per_second(self) -> float:
        """How fast papers went in."""
        return self.added / self.seconds

    @property
    def of_embedder(self) -> float:
        """The ingest's share of the speed that the embedder has by itself."""
        return self.tokens_per_second / self.alone_tokens_per_second


def written(work: Path, sizes: Sequence[Size], facts: Mapping[str, Any]) -> int:
    """Write `report.md`, `report.html` and the plot, print the table; 1 where a bound is missed, else 0."""
    made: list[Block] = [
        Heading(1, "Ingest"),
        Text(f"{facts.get('processor')}, {facts.get('cores')} cores; others used {facts.get('busy_before', 0):.0%}."),
        table(sizes),
        Picture("ingest.svg", plot(sizes), "Speed, memory, disk and search over the number of papers"),
    ]
    paths = blocks.write(work, made, "Paperboy: ingest")
    sys.stdout.write(f"{blocks.markdown(made[2:3])}\nreport: {paths[0]}\n")
    return int(not all(size.of_embedder >= SPEED_BOUND and size.search_p95 <= SEARCH_BOUND for size in sizes))


def table(sizes: Sequence[Size]) -> Rows:
    """A column for each size."""
    rows = [
        ["papers/s", *(f"{size.papers_per_second:.1f}" for size in sizes)],
        ["time in the embedder", *(f"{size.embedding:.1%}" for size in sizes)],
        *([f"time: {stage}", *(f"{_stage(size, stage):.1%}" for size in sizes)] for stage in _stages(sizes)),
        ["embedding tokens/s", *(f"{size.tokens_per_second:,.0f}" for size in sizes)],
        ["of the embedder by itself", *(f"{size.alone_tokens_per_second:,.0f}" for size in sizes)],
        [f"ratio, at least {SPEED_BOUND}", *(_judged(size.of_embedder, ".2f", SPEED_BOUND) for size in sizes)],
        ["memory at most: service, MiB", *(f"{size.service_peak / 2**20:,.0f}" for size in sizes)],
        ["memory at most: embedder, MiB", *(f"{size.worker_peak / 2**20:,.0f}" for size in sizes)],
        ["memory grows by, bytes a paper", "", *(f"{byte:,.0f}" for byte in _growth(sizes))],
        ["memory at most while searching, MiB", *(f"{size.searching_peak / 2**20:,.0f}" for size in sizes)],
        *(
            [f"disk: {store}, bytes a paper", *(f"{size.disk[store] / size.papers:,.0f}" for size in sizes)]
            for store in sizes[0].disk
        ),
        ["search p50, ms", *(f"{size.search_p50:.1f}" for size in sizes)],
        [f"search p95, ms, at most {SEARCH_BOUND:.0f}", *(_judged(-s.search_p95, ".1f", -SEARCH_BOUND) for s in sizes)],
    ]
    return Rows(["papers", *(f"{size.papers:,}" for size in sizes)], rows)


def plot(sizes: Sequence[Size]) -> str:
    """Four panels over the number of papers."""
    across = [size.papers for size in sizes]
    with styled():
        figure = Figure(figsize=(8, 5.2), layout="constrained")
        speed, memory, disk, search = figure.subplots(2, 2).ravel()
        _lines(speed, across, {"ingest": [s.tokens_per_second for s in sizes],
                               "embedder by itself": [s.alone_tokens_per_second for s in sizes]})  # fmt: skip
        speed.set(title="Embedding tokens/s", ylim=(0, None))
        _lines(memory, across, {"service": [s.service_peak / 2**20 for s in sizes],
                                "embedder": [s.worker_peak / 2**20 for s in sizes]})  # fmt: skip
        memory.set(title="Memory at most, MiB", ylim=(0, None))
        below = [0.0] * len(sizes)
        for store, colour in zip(sizes[0].disk, (_COLOUR, "#56B4E9", "#999999"), strict=True):
            values = [size.disk[store] / size.papers / 1_000 for size in sizes]
            disk.bar([f"{n:,}" for n in across], values, 0.5, bottom=below, label=store, color=colour)
            below = [low + value for low, value in zip(below, values, strict=True)]
        disk.set(title="Disk, kB a paper")
        disk.legend(frameon=False)
        _lines(search, across, {"p50": [s.search_p50 for s in sizes], "p95": [s.search_p95 for s in sizes]})
        search.axhline(SEARCH_BOUND, color="#999999", linestyle="--", linewidth=1)
        search.set(title="Search, ms", ylim=(0, None), xlabel="papers")
        return svg(figure)


def _lines(axes: Axes, across: Sequence[int], lines: Mapping[str, Sequence[float]]) -> None:
    for (name, values), colour in zip(lines.items(), (_COLOUR, _OTHER), strict=True):
        axes.plot(across, values, marker="o", markersize=4, color=colour, label=name)
    axes.set_xscale("log")
    axes.set_xticks(across, [f"{number:,}" for number in across])
    axes.set_xticks([], minor=True)
    axes.grid(color="#eeeeee", linewidth=0.7)
    axes.legend(frameon=False)


def _stages(sizes: Sequence[Size]) -> list[str]:
    return list(dict.fromkeys(stage for size in sizes for stage in size.stages))


def _stage(size: Size, stage: str) -> float:
    return size.stages.get(stage, 0.0) / size.seconds


def _growth(sizes: Sequence[Size]) -> list[float]:
    """Bytes of the service's memory by which each further paper raised the peak, from each size to the next."""
    return [
        (after.service_peak - before.service_peak) / (after.papers - before.papers) for before, after in pairwise(sizes)
    ]


def _judged(value: float, form: str, least: float) -> str:
    return f"{abs(value):{form}}{'' if value >= least else ' MISSED'}"
