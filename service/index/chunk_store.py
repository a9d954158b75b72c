"""Chunks with their vectors, in the catalog's database."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numkong
import numpy as np
from numpy.typing import NDArray

from service.index.catalog import Stored
from service.index.database import Database
from service.ports import Matrix, PassageVectors, StoredVector, Vector
from service.sentences import Span
from service.types import Chunk

_LARGE = 20_000
"""Chunks from which on all of them are kept in 8 bits: a quarter of the memory, and cosines right to three digits."""
_STEPS = 127.0
_READ_AT_ONCE = 4_000
_BY_CHUNK, _BY_PAPER = " ORDER BY paper_row, number", " ORDER BY paper_row"
_SENTENCES = "SELECT paper_row, vectors FROM sentence_vectors"


@dataclass(frozen=True, eq=False)
class ChunkMatrix:
    """All chunk or sentence vectors of some papers: `vectors[i]` is of the paper at row `owners[i]`."""

    owners: NDArray[np.int64]
    """Ascending."""
    vectors: Matrix | NDArray[np.float16] | NDArray[np.int8]
    scales: NDArray[np.float32] | None = None
    """What each vector of whole numbers is to be multiplied with; shape (vectors,)."""

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where the vectors of each paper begin."""
        return np.flatnonzero(np.diff(self.owners, prepend=self.owners[:1] - 1))

    def at(self, places: NDArray[np.int64]) -> "ChunkMatrix":
        """Those at some places, which ascend."""
        scales = None if self.scales is None else self.scales[places]
        return ChunkMatrix(self.owners[places], self.vectors[places], scales)

    def of(self, rows: NDArray[np.int64]) -> "ChunkMatrix":
        """Those of the papers at `rows`, which ascend."""
        starts, ends = (np.searchsorted(self.owners, rows, side) for side in ("left", "right"))
        lengths = ends - starts
        # Each place is its paper's start and how far it is from there.
        offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return self.at(np.repeat(starts, lengths) + offsets)


class PaperMatrix(NamedTuple):
    """One vector of each of some papers: `vectors[i]` is of the paper at row `owners[i]`."""

    owners: NDArray[np.int64]
    """Ascending."""
    vectors: Matrix


class SentenceVectors(NamedTuple):
    """The sentences of one paper, in order: spans in the abstract and vectors, shape (sentences, dimensions)."""

    spans: tuple[Span, ...]
    vectors: Matrix


class ChunkStore:
    """Reads and writes chunks; `dimensions` is the length of a vector."""

    def __init__(self, database: Database, dimensions: int) -> None:
        self._database, self._connection = database, database.connection
        self._dimensions = dimensions

    def put(self, row: int, chunks: Sequence[Chunk], vectors: Sequence[PassageVectors]) -> None:
        """Replace the chunks of a paper. Call it within a transaction.

        `vectors` has, for each chunk, its vector and those of its sentences.
        """
        self._database.writes += 1
        self._connection.execute("DELETE FROM chunks WHERE paper_row = ?", (row,))
        self._connection.executemany(
            "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?)",
            [
                (
                    row,
                    chunk.index,
                    chunk.start,
                    chunk.end,
                    json.dumps(chunk.sentences),
                    vector.whole.astype(np.float32).tobytes(),
                )
                for chunk, vector in zip(chunks, vectors, strict=True)
            ],
        )
        every = b"".join(vector.segments.astype(np.float16).tobytes() for vector in vectors)
        self._connection.execute("REPLACE INTO sentence_vectors VALUES (?, ?)", (row, every))

    def matrix(self, rows: Sequence[int] | NDArray[np.int64] | None = None) -> ChunkMatrix:
        """The chunk vectors of the papers at `rows`, or of all."""
        query = "SELECT paper_row, vector FROM chunks"
        if rows is None:
            return self._every(query)
        found = self._select(query, rows)
        return ChunkMatrix(_owners(found), _vectors(found, self._dimensions))

    def paper_matrix(self, rows: Sequence[int]) -> PaperMatrix:
        """One vector of unit length, the mean of its chunks', for each of the papers at `rows`, ascending."""
        return paper_vectors(self.matrix(rows))

    def sentences(self, rows: Sequence[int]) -> dict[int, SentenceVectors]:
        """The sentences of the papers at `rows`, by row."""
        spans: dict[int, list[Span]] = {}
        for row, cut in self._select("SELECT paper_row, sentences FROM chunks", rows):
            spans.setdefault(row, []).extend((start, end) for start, end in json.loads(cut))
        found = self._select(_SENTENCES, rows, _BY_PAPER)
        return {
            row: SentenceVectors(tuple(spans[row]), _halves(data, self._dimensions).astype(np.float32))
            for row, data in found
        }

    def sentence_matrix(self, rows: Sequence[int] | NDArray[np.int64] | None = None) -> ChunkMatrix:
        """The sentence vectors of the papers at `rows`, or of all; owners ascend."""
        found = self._select(_SENTENCES, rows, _BY_PAPER)
        counts = [len(data) // (2 * self._dimensions) for _, data in found]
        owners = np.repeat(np.array([row for row, _ in found], np.int64), counts)
        return ChunkMatrix(owners, _halves(b"".join(data for _, data in found), self._dimensions))

    def stored_vectors(self, papers: Sequence[Stored]) -> list[StoredVector]:
        """The rows that the vector store should have for these papers."""
        ids = {paper.row: paper.paper_id for paper in papers}
        found = self._select("SELECT paper_row, number, vector FROM chunks", list(ids))
        return [
            StoredVector(chunk_id(ids[row], number), ids[row], np.frombuffer(data, dtype=np.float32))
            for row, number, data in found
        ]

    def all_stored_vectors(self, fingerprint: str) -> Iterator[StoredVector]:
        """The same for all papers that are marked as indexed under the fingerprint."""
        query = (
            "SELECT papers.paper_id, chunks.number, chunks.vector FROM chunks "
            "JOIN papers ON papers.row = chunks.paper_row WHERE papers.indexed_fingerprint = ?"
        )
        for paper_id, number, data in self._connection.execute(query, (fingerprint,)):
            yield StoredVector(chunk_id(paper_id, number), paper_id, np.frombuffer(data, dtype=np.float32))

    def count(self) -> int:
        """Number of chunks."""
        return int(self._connection.execute("SELECT count(*) FROM chunks").fetchone()[0])

    def indexed(self, fingerprint: str) -> int:
        """Number of chunks that the vector store should have."""
        query = "SELECT count(*) FROM chunks JOIN papers ON row = paper_row WHERE indexed_fingerprint = ?"
        return int(self._connection.execute(query, (fingerprint,)).fetchone()[0])

    def _every(self, query: str) -> ChunkMatrix:
        """The chunk vectors of all papers, of which no second copy is ever in memory."""
        count, start = self.count(), 0
        large = count >= _LARGE
        owners, scales = np.empty(count, np.int64), np.empty(count, np.float32) if large else None
        vectors: NDArray[Any] = np.empty((count, self._dimensions), np.int8 if large else np.float32)
        cursor = self._connection.execute(query + _BY_CHUNK)
        while found := cursor.fetchmany(_READ_AT_ONCE):
            end = start + len(found)
            owners[start:end], read = _owners(found), _vectors(found, self._dimensions)
            if scales is None:
                vectors[start:end] = read
            else:
                vectors[start:end], scales[start:end] = in_8_bits(read)
            start = end
        return ChunkMatrix(owners[:start], vectors[:start], None if scales is None else scales[:start])

    def _select(
        self, query: str, rows: Sequence[int] | NDArray[np.int64] | None, order: str = _BY_CHUNK
    ) -> list[tuple]:  # type: ignore[type-arg]
        if rows is None:
            return self._connection.execute(query + order).fetchall()
        condition = " WHERE paper_row IN (SELECT value FROM json_each(?))"
        return self._connection.execute(query + condition + order, (json.dumps(np.asarray(rows).tolist()),)).fetchall()


def chunk_id(paper_id: str, number: int) -> str:
    """The id of a chunk in the vector store."""
    return f"{paper_id}#{number}"


def paper_of(chunk: str) -> str:
    """The paper of a chunk id."""
    return chunk.rpartition("#")[0]


def paper_vectors(matrix: ChunkMatrix) -> PaperMatrix:
    """One vector of unit length for each paper, the mean of its chunks'."""
    sums: Matrix = np.add.reduceat(matrix.vectors, matrix.starts, axis=0, dtype=np.float32)
    return PaperMatrix(matrix.owners[matrix.starts], sums / np.linalg.norm(sums, axis=1, keepdims=True).clip(1e-9))


def in_8_bits(vectors: Matrix) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Vectors as whole numbers from -127 to 127, and what to multiply each with to have it back."""
    scales = np.abs(vectors).max(axis=1).clip(1e-9) / np.float32(_STEPS)
    return np.round(vectors / scales[:, np.newaxis]).astype(np.int8), scales


def cosines(matrix: ChunkMatrix, vector: Vector) -> NDArray[np.float32]:
    """Cosines of all vectors with a unit vector: 12,000 chunks take less than a millisecond, 183,000 in 8 bits 6 ms.

    Memory is what this waits for; numpy has no quick way with less than single precision.
    """
    if matrix.vectors.dtype == np.float32:
        single: NDArray[np.float32] = matrix.vectors @ vector
        return single
    if not len(matrix.vectors):
        return np.empty(0, np.float32)
    if matrix.scales is None:
        return _products(matrix.vectors, vector.astype(np.float16)[np.newaxis]).astype(np.float32)
    asked, scale = in_8_bits(vector[np.newaxis])
    nearness: NDArray[np.float32] = _products(matrix.vectors, asked).astype(np.float32) * (matrix.scales * scale)
    return nearness


def _products(vectors: NDArray[Any], asked: NDArray[Any]) -> NDArray[np.float64]:
    # Into an array of single precision it writes twenty times as slowly as into its own of double.
    found: NDArray[np.float64] = np.asarray(numkong.cdist(asked, vectors, "dot"))[0]
    return found


def _owners(found: Sequence[tuple[int, bytes]]) -> NDArray[np.int64]:
    return np.fromiter((row for row, _ in found), dtype=np.int64, count=len(found))


def _vectors(found: Sequence[tuple[int, bytes]], dimensions: int) -> Matrix:
    return np.frombuffer(b"".join(data for _, data in found), dtype=np.float32).reshape(-1, dimensions)


def _halves(data: bytes, dimensions: int) -> NDArray[np.float16]:
    return np.frombuffer(data, dtype=np.float16).reshape(-1, dimensions)
