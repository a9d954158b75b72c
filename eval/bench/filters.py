"""What a filter costs: the time of a search among some of the papers over that of the same search among all.

Real abstracts, random unit vectors (nothing depends on what they mean), a question embedded in no time: so all of the
time is the search's own. The share of papers that pass is set by a range of days.
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from eval.bench.lexical import ABSTRACTS
from eval.bench.measure import alternate, ratios, spread
from eval.data import data_folder, read_lines
from service.index.catalog import Catalog
from service.index.chunk_store import ChunkStore
from service.index.database import Database
from service.index.lexical import Entry, LexicalIndex
from service.index.retrieval import Retriever
from service.ports import Matrix, PassageVectors, QuestionVectors, Vector
from service.types import Chunk, Filter, Paper

_DIMENSIONS = 384
_SHARES = (0.001, 0.01, 0.1, 0.5, 1.0)
_QUESTIONS = 15
_BOUND = 2.0
_FIRST = date(2000, 1, 1)
_DAYS = 10_000
_BATCH = 5_000


class RandomEmbedder:
    """The same random unit vector for the same text."""

    fingerprint = "random"
    dimensions = _DIMENSIONS
    max_tokens = 256

    def count_tokens(self, text: str) -> int:
        """Words."""
        return len(text.split())

    def embed_query(self, text: str) -> Vector:
        """A vector that depends on the length of the text only."""
        vector: Vector = _unit_vectors(np.random.default_rng(len(text)), 1)[0]
        return vector

    def embed_question(self, parts: Sequence[str]) -> QuestionVectors:
        """The same vector for all."""
        vector = self.embed_query("".join(parts))
        return QuestionVectors(vector, *[np.tile(vector, (len(parts) // 2, 1))] * 2)

    def embed_passages(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        """Not needed here."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""


def main() -> None:
    """Print the table."""
    if data_folder() is None:
        Console().print("no abstracts: set PAPERS_DATA, see training/README.md; skipped")
        return
    with tempfile.TemporaryDirectory() as folder:
        retriever, questions, papers = _filled(Path(folder))
        table = Table(title=f"Filtered over unfiltered search, {papers:,} papers", title_justify="left")
        for heading in ("papers that pass", "unfiltered ms", "filtered ms", "ratio of pairs", "bound"):
            table.add_column(heading)
        retriever.rank(questions[0])
        for share in _SHARES:
            table.add_row(f"{share:.1%}", *_row(retriever, questions, share), f"{_BOUND:.0f}")
        Console(width=120).print(table)


def _row(retriever: Retriever, questions: list[str], share: float) -> tuple[str, str, str]:
    # The whole range is a filter too, though all pass.
    condition = Filter(since=_FIRST, until=_FIRST + timedelta(days=max(0, round(share * _DAYS) - 1)))
    pairs = alternate(
        len(questions),
        lambda number: _seconds(retriever, questions[number], condition),
        lambda number: _seconds(retriever, questions[number], None),
    )
    filtered, unfiltered = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
    return f"{unfiltered:.1f}", f"{filtered:.1f}", spread(ratios(pairs))


def _seconds(retriever: Retriever, question: str, condition: Filter | None) -> float:
    begun = time.perf_counter()
    retriever.rank(question, condition)
    return time.perf_counter() - begun


def _filled(folder: Path) -> tuple[Retriever, list[str], int]:
    """A retriever over all abstracts, questions, and the number of papers."""
    database = Database(folder / "catalog.sqlite3")
    catalog, chunks = Catalog(database), ChunkStore(database, _DIMENSIONS)
    lexical, draw = LexicalIndex(folder / "lexical"), np.random.default_rng(0)
    questions: list[str] = []
    batch: list[Paper] = []
    for number, record in enumerate(read_lines(*ABSTRACTS)):
        day = _FIRST + timedelta(days=int(draw.integers(_DAYS)))
        title, abstract = record["title"], record["abstract"]
        batch.append(Paper(paper_id=record["id"], own_id=True, title=title, abstract=abstract, published=day))
        if number % 5_000 == 0 and len(questions) < _QUESTIONS:
            questions.append(title)
        if len(batch) == _BATCH:
            _store(batch, database, catalog, chunks, lexical, draw)
            batch = []
    _store(batch, database, catalog, chunks, lexical, draw)
    return Retriever(catalog, chunks, lexical, RandomEmbedder(), lambda: None), questions, catalog.count()


def _store(
    papers: list[Paper],
    database: Database,
    catalog: Catalog,
    chunks: ChunkStore,
    lexical: LexicalIndex,
    draw: np.random.Generator,
) -> None:
    with database.transaction():
        stored = [catalog.put(paper)[0] for paper in papers]
        for paper in stored:
            half, end = len(paper.abstract) // 2, len(paper.abstract)
            spans = ((0, half), (half, end))
            cut = [
                Chunk(
                    paper_id=paper.paper_id, index=index, text="", start=start, end=stop, sentences=((start, stop),) * 3
                )
                for index, (start, stop) in enumerate(spans)
            ]
            chunks.put(paper.row, cut, [_passage(draw) for _ in cut])
    lexical.put(Entry(paper.row, paper.abstract, paper.title) for paper in stored)


def _passage(draw: np.random.Generator) -> PassageVectors:
    vectors = _unit_vectors(draw, 4)
    return PassageVectors(vectors[0], vectors[1:])


def _unit_vectors(draw: np.random.Generator, count: int) -> Matrix:
    vectors = draw.standard_normal((count, _DIMENSIONS), dtype=np.float32)
    unit: Matrix = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
