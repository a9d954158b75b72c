"""Chunks with their vectors, in the catalog's database."""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numkong
import numpy as np
from numpy.typing import NDArray

from service.index.catalog import Stored
from service.index.database import Database
from service.ports import Matrix, PassageVectors, StoredVector, Vector
from service.sentences import Span
from service.types import Chunk

_LARGE = 20_000
"""Chunks from which on all of them are kept in half precision: half of the memory, and cosines right to four digits."""
_READ_AT_ONCE = 4_000
_ORDER = " ORDER BY paper_row, number"


class ChunkMatrix(NamedTuple):
    """All chunk or sentence vectors of some papers: `vectors[i]` is of the paper at row `owners[i]`."""

    owners: NDArray[np.int64]
    """Ascending."""
    vectors: Matrix | NDArray[np.float16]

    def of(self, rows: NDArray[np.int64]) -> "ChunkMatrix":
        """Those of the papers at `rows`, which ascend."""
        starts, ends = (np.searchsorted(self.owners, rows, side) for side in ("left", "right"))
        lengths = ends - starts
        # Each place is its paper's start and how far it is from there.
        offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        places = np.repeat(starts, lengths) + offsets
        return ChunkMatrix(self.owners[places], self.vectors[places])


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
        self._connection = database.connection
        self._dimensions = dimensions

    def put(self, row: int, chunks: Sequence[Chunk], vectors: Sequence[PassageVectors]) -> None:
        """Replace the chunks of a paper. Call it within a transaction.

        `vectors` has, for each chunk, its vector and those of its sentences.
        """
        self._connection.execute("DELETE FROM chunks WHERE paper_row = ?", (row,))
        self._connection.executemany(
            "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    row,
                    chunk.index,
                    chunk.start,
                    chunk.end,
                    json.dumps(chunk.sentences),
                    vector.whole.astype(np.float32).tobytes(),
                    vector.segments.astype(np.float16).tobytes(),
                )
                for chunk, vector in zip(chunks, vectors, strict=True)
            ],
        )

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
        parts: dict[int, list[tuple[tuple[Span, ...], Matrix]]] = {}
        for row, spans, data in self._select("SELECT paper_row, sentences, sentence_vectors FROM chunks", rows):
            vectors = np.frombuffer(data, dtype=np.float16).astype(np.float32).reshape(-1, self._dimensions)
            read = tuple((start, end) for start, end in json.loads(spans))
            parts.setdefault(row, []).append((read, vectors))
        return {
            row: SentenceVectors(
                tuple(span for spans, _ in found for span in spans),
                np.concatenate([part for _, part in found]),
            )
            for row, found in parts.items()
        }

    def sentence_matrix(self, rows: Sequence[int] | NDArray[np.int64] | None = None) -> ChunkMatrix:
        """The sentence vectors of the papers at `rows`, or of all; owners ascend."""
        found = self._select("SELECT paper_row, sentence_vectors FROM chunks", rows)
        counts = [len(data) // (2 * self._dimensions) for _, data in found]
        owners = np.repeat(np.array([row for row, _ in found], np.int64), counts)
        flat = np.frombuffer(b"".join(data for _, data in found), dtype=np.float16)
        return ChunkMatrix(owners, flat.reshape(-1, self._dimensions))

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
        kept = np.float16 if count >= _LARGE else np.float32
        owners, vectors = np.empty(count, np.int64), np.empty((count, self._dimensions), kept)
        cursor = self._connection.execute(query + _ORDER)
        while found := cursor.fetchmany(_READ_AT_ONCE):
            end = start + len(found)
            owners[start:end], vectors[start:end] = _owners(found), _vectors(found, self._dimensions)
            start = end
        return ChunkMatrix(owners[:start], vectors[:start])

    def _select(self, query: str, rows: Sequence[int] | NDArray[np.int64] | None) -> list[tuple]:  # type: ignore[type-arg]
        if rows is None:
            return self._connection.execute(query + _ORDER).fetchall()
        condition = " WHERE paper_row IN (SELECT value FROM json_each(?))"
        return self._connection.execute(query + condition + _ORDER, (json.dumps(np.asarray(rows).tolist()),)).fetchall()


def chunk_id(paper_id: str, number: int) -> str:
    """The id of a chunk in the vector store."""
    return f"{paper_id}#{number}"


def paper_of(chunk: str) -> str:
    """The paper of a chunk id."""
    return chunk.rpartition("#")[0]


def starts_of(owners: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the chunks of each paper begin; `owners` ascend."""
    return np.flatnonzero(np.diff(owners, prepend=owners[:1] - 1))


def paper_vectors(matrix: ChunkMatrix) -> PaperMatrix:
    """One vector of unit length for each paper, the mean of its chunks'."""
    starts = starts_of(matrix.owners)
    sums: Matrix = np.add.reduceat(matrix.vectors, starts, axis=0, dtype=np.float32)
    return PaperMatrix(matrix.owners[starts], sums / np.linalg.norm(sums, axis=1, keepdims=True).clip(1e-9))


def cosines(matrix: ChunkMatrix, vector: Vector) -> NDArray[np.float32]:
    """Cosines of all vectors with a unit vector: 12,000 chunks take less than a millisecond, 183,000 half ones 8 ms.

    Memory is what this waits for. numpy takes three times as long with single precision and has no quick way with half.
    """
    if matrix.vectors.dtype == np.float32:
        single: NDArray[np.float32] = matrix.vectors @ vector
        return single
    if not len(matrix.vectors):
        return np.empty(0, np.float32)
    # Into an array of single precision it writes twenty times as slowly as into its own of double.
    found = np.asarray(numkong.cdist(vector.astype(np.float16)[np.newaxis], matrix.vectors, "dot"))
    nearness: NDArray[np.float32] = found[0].astype(np.float32)
    return nearness


def _owners(found: Sequence[tuple[int, bytes]]) -> NDArray[np.int64]:
    return np.fromiter((row for row, _ in found), dtype=np.int64, count=len(found))


def _vectors(found: Sequence[tuple[int, bytes]], dimensions: int) -> Matrix:
    return np.frombuffer(b"".join(data for _, data in found), dtype=np.float32).reshape(-1, dimensions)
