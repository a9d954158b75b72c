"""Which records are taken for the same paper: `python -m eval.bench identity`.

The sample pages, where the copies are known from their titles, and all abstracts of arXiv, where each id stands once:
what merges there has the same title and nearly the same abstract. Nothing is embedded.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from eval.bench.lexical import ABSTRACTS
from eval.data import data_folder
from eval.questions import SAMPLE_PAGES
from service.index.catalog import Catalog, Outcome
from service.index.database import Database
from service.index.merge import resemblance, word_triples
from service.index.near_duplicates import NearDuplicates
from service.sources import read_path
from service.text import title_key
from service.types import Failure, NearDuplicate, Paper

_SHOWN = 10
_NEAR = 0.3
"""Resemblance of abstracts from which on a merge is beyond doubt, the titles being the same."""


class Found(NamedTuple):
    """What became of the records of some files."""

    records: int
    papers: int
    merges: Counter[str]
    """Records that went into a paper that was there already, by what they had in common."""
    doubtful: list[tuple[str, str]]
    """Titles of merged records of whose abstracts neither is a version of the other."""
    near: tuple[NearDuplicate, ...]
    """Pairs that are shown and not merged."""
    failures: int


def main() -> None:
    """Print what was merged, and the near-duplicates."""
    console = Console(width=120)
    _show(console, "the sample pages", identified([SAMPLE_PAGES]))
    folder = data_folder()
    if folder is None:
        console.print("no abstracts: set PAPERS_DATA, see training/README.md; the sample only")
        return
    _show(console, "the abstracts of arXiv", identified([folder.joinpath(*ABSTRACTS)]))


def identified(paths: Iterable[Path]) -> Found:
    """Store the records of files in a catalog of their own, and look at what merges."""
    merges: Counter[str] = Counter()
    doubtful: list[tuple[str, str]] = []
    records = failures = 0
    with TemporaryDirectory() as folder:
        database = Database(Path(folder) / "catalog.sqlite3")
        try:
            catalog = Catalog(database)
            seen: dict[int, Paper] = {}
            with database.transaction():
                for record in (record for path in paths for record in read_path(path)):
                    if isinstance(record, Failure):
                        failures += 1
                        continue
                    records += 1
                    stored, outcome, _ = catalog.put(record)
                    if outcome is not Outcome.ADDED:
                        known = seen[stored.row]
                        merges[_common(known, record)] += 1
                        if not _surely_one(known, record):
                            doubtful.append((known.title, record.title))
                    seen[stored.row] = stored
            near = NearDuplicates(database, catalog).all_pairs()
            return Found(records, catalog.count(), merges, doubtful, near, failures)
        finally:
            database.close()


def _common(known: Paper, record: Paper) -> str:
    """Why two records are one paper."""
    if known.own_id and record.own_id and known.paper_id == record.paper_id:
        return "id"
    if known.doi and known.doi == record.doi:
        return "DOI"
    return "title, same abstract" if known.abstract == record.abstract else "title, abstract nearly the same"


def _surely_one(known: Paper, record: Paper) -> bool:
    same_title = title_key(known.title) == title_key(record.title)
    return same_title and resemblance(word_triples(known.abstract), word_triples(record.abstract)) >= _NEAR


def _show(console: Console, name: str, found: Found) -> None:
    merged = sum(found.merges.values())
    reasons = ", ".join(f"{count:,} by {reason}" for reason, count in found.merges.most_common()) or "none"
    console.print(
        f"{name}: {found.records:,} records, {found.papers:,} papers, {found.failures} failures; {merged:,} merged: "
        f"{reasons}; {len(found.doubtful)} of them doubtful; {len(found.near):,} near-duplicates shown"
    )
    for known, record in found.doubtful[:_SHOWN]:
        console.print(f"  doubtful: “{known}” and “{record}”")
    if found.near:
        table = Table(title="The near-duplicates, nearest first", title_justify="left")
        for heading in ("resemblance", "one title", "the other"):
            table.add_column(heading, overflow="fold")
        for pair in sorted(found.near, key=lambda pair: -pair.resemblance)[:_SHOWN]:
            table.add_row(f"{pair.resemblance:.2f}", pair.first_title, pair.second_title)
        console.print(table)
