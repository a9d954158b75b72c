"""A day of arXiv as a digest, against a loop over single summaries: `python -m eval.bench digest`.

The papers are those of the day whose list is nearest to 300, the models are those that ship. Both sides have one open
library with its models loaded, and a home in which nothing was summarized before; they take turns.
"""

import json
import shutil
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from eval.bench.lexical import ABSTRACTS
from eval.bench.measure import alternate, ratios, spread
from eval.data import data_folder, read_lines
from service.answer.edition import make_edition
from service.library import Library
from service.settings import Mode, Settings
from service.types import Filter

_PAPERS = 300
_PAIRS = 2
_MODES: tuple[Mode, ...] = ("extractive", "quotes")


class Made(NamedTuple):
    """What one side made of a day."""

    seconds: float
    texts: dict[str, str]
    """The summaries by paper id."""
    edition_seconds: float = 0.0
    """What grouping, ordering and the opening took besides."""


def main() -> None:
    """Print the table."""
    if data_folder() is None:
        Console().print("no abstracts: set PAPERS_DATA, see training/README.md; skipped")
        return
    with TemporaryDirectory() as folder:
        day, papers = day_of(list(read_lines(*ABSTRACTS)), _PAPERS)
        sys.stderr.write(f"taking in the {len(papers)} papers of {day}\n")
        home = filled(Path(folder) / "home", papers)
        table = Table(title=f"The {len(papers)} papers of {day}", title_justify="left")
        for heading in ("mode", "digest, s", "loop over summarize, s", "ratio", "same texts", "topics, opening, s"):
            table.add_column(heading, overflow="fold")
        for mode in _MODES:
            table.add_row(mode, *_row(home, day, mode))
    Console(width=120).print(table)


def day_of(records: Sequence[dict[str, Any]], wanted: int) -> tuple[date, list[dict[str, Any]]]:
    """The day whose number of papers is nearest to the one wanted, the newest of such, with its papers."""
    counts = Counter(record["listed"] for record in records if record.get("listed"))
    day = min(counts, key=lambda day: (abs(counts[day] - wanted), -date.fromisoformat(day).toordinal()))
    return date.fromisoformat(day), [record for record in records if record.get("listed") == day]


def filled(home: Path, papers: Sequence[dict[str, Any]]) -> Path:
    """A home with these papers and no summaries."""
    with TemporaryDirectory() as folder, Library.open(Settings(home=home)) as library:
        file = Path(folder) / "papers.jsonl"
        file.write_text("".join(f"{json.dumps(paper)}\n" for paper in papers), encoding="utf-8")
        library.ingest([file])
    return home


def digested(home: Path, day: date, mode: Mode) -> Made:
    """The digest, with the models loaded before."""
    with _warm(home, mode, together=True) as library:
        begun = time.perf_counter()
        digest, papers = library.digest("", Filter(day=day), mode)
        summarized = time.perf_counter()
        make_edition(library.workbench(), digest, papers)
        edition = time.perf_counter() - summarized
    if digest.failures:
        raise SystemExit(f"{len(digest.failures)} papers were not summarized: {digest.failures[0].reason}")
    return Made(summarized - begun, {summary.paper_id: summary.text for summary in digest.summaries}, edition)


def one_by_one(home: Path, day: date, mode: Mode) -> Made:
    """The same papers, each by a call of its own."""
    with _warm(home, mode, together=False) as library:
        names = [paper.paper_id for paper in library.stores.catalog.select(Filter(day=day))]
        begun = time.perf_counter()
        texts = {name: library.summarize(name, mode=mode).text for name in names}
        return Made(time.perf_counter() - begun, texts)


@contextmanager
def _warm(home: Path, mode: Mode, *, together: bool) -> Iterator[Library]:
    """A library over a copy of the home, so that no side finds the summaries of the other."""
    with TemporaryDirectory() as folder:
        copy = shutil.copytree(home, Path(folder) / "home")
        with Library.open(Settings(home=copy, mode=mode), together=together) as library:
            library.summarize_text("A title", "We warm up. It is done in no time. Nothing else is found.", mode=mode)
            yield library


def _row(home: Path, day: date, mode: Mode) -> tuple[str, ...]:
    ours: list[Made] = []
    theirs: list[Made] = []

    def digest(_number: int) -> float:
        ours.append(digested(home, day, mode))
        return ours[-1].seconds

    def loop(_number: int) -> float:
        theirs.append(one_by_one(home, day, mode))
        return theirs[-1].seconds

    pairs = alternate(_PAIRS, digest, loop)
    same = sum(theirs[0].texts.get(name) == text for name, text in ours[0].texts.items())
    return (
        f"{statistics.median(pair[0] for pair in pairs):.1f}",
        f"{statistics.median(pair[1] for pair in pairs):.1f}",
        spread(ratios(pairs)),
        f"{same} of {len(theirs[0].texts)}",
        f"{statistics.median(made.edition_seconds for made in ours):.1f}",
    )
