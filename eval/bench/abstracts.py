"""A catalog of all abstracts of arXiv to search in, filled within minutes: real words, random unit vectors.

Nothing that is timed in it depends on what the vectors mean.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from eval.bench.lexical import ABSTRACTS
from eval.data import read_lines
from service.index.catalog import Catalog
from service.index.chunk_store import ChunkStore
from service.index.database import Database
from service.index.lexical import Entry, LexicalIndex
from service.ports import Matrix, PassageVectors
from service.types import Chunk, Paper

DIMENSIONS = 384
FIRST_DAY = date(2000, 1, 1)
DAYS = 10_000
"""Each paper is from a random one of so many days."""
_BATCH = 5_000


class Abstracts(NamedTuple):
    """The parts of a catalog that search needs."""

    catalog: Catalog
    chunks: ChunkStore
    lexical: LexicalIndex


@contextmanager
def abstracts_catalog() -> Iterator[Abstracts]:
    """A catalog that is there as long as the context; two chunks a paper, three sentences a chunk."""
    with TemporaryDirectory() as folder:
        database = Database(Path(folder) / "catalog.sqlite3")
        parts = Abstracts(
            Catalog(database), ChunkStore(database, DIMENSIONS), LexicalIndex(Path(folder) / "lexical")
        )  # fmt: skip
        draw, papers = np.random.default_rng(0), _papers()
        while batch := list(islice(papers, _BATCH)):
            with database.transaction():
                _store(batch, parts, draw)
        try:
            yield parts
        finally:
            database.close()


def _papers() -> Iterator[Paper]:
    draw = np.random.default_rng(1)
    for record in read_lines(*ABSTRACTS):
        day = FIRST_DAY + timedelta(days=int(draw.integers(DAYS)))
        yield Paper(
            paper_id=record["id"], own_id=True, title=record["title"], abstract=record["abstract"], published=day
        )


def _store(papers: Iterable[Paper], parts: Abstracts, draw: np.random.Generator) -> None:
    stored = [parts.catalog.put(paper)[0] for paper in papers]
    for paper in stored:
        half, end = len(paper.abstract) // 2, len(paper.abstract)
        cut = [
            Chunk(paper_id=paper.paper_id, index=index, text="", start=start, end=stop, sentences=((start, stop),) * 3)
            for index, (start, stop) in enumerate(((0, half), (half, end)))
        ]
        parts.chunks.put(paper.row, cut, [_passage(draw) for _ in cut])
    parts.lexical.put(Entry(paper.row, paper.abstract, paper.title) for paper in stored)


def _passage(draw: np.random.Generator) -> PassageVectors:
    vectors = unit_vectors(draw, 4)
    return PassageVectors(vectors[0], vectors[1:])


def unit_vectors(draw: np.random.Generator, count: int) -> Matrix:
    """Random directions, shape (count, DIMENSIONS)."""
    vectors = draw.standard_normal((count, DIMENSIONS), dtype=np.float32)
    unit: Matrix = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
