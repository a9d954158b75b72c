"""The vector store: Chroma, derived from the catalog. The only module that imports `chromadb`.

What is behind the choices (measured on chromadb 1.5.9):
- a high `sync_threshold` keeps all vectors in Chroma's SQLite file, and the graph is built in memory at first use
  (60 µs a vector): with the default, a kill inside the graph's save left collections unusable in 5 of 116 tries;
- a row is deleted before it is put again: replaced in place, it or a neighbour could no longer be reached in the
  graph, so that no search found it (9 of 2,000 stores of 20 rows; deleted before, none of 2,000);
- a damaged file can end the process that opens it, so a child process opens it first (`probe`);
- the embedding function is never used: it would download a model.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from service.child import run_module
from service.errors import IndexUnusableError
from service.ports import StoredVector, Vector

_COLLECTION = "chunks"
_NEVER = 1_000_000_000
_PAGE = 2_000
_PROBE_SECONDS = 120
_PROBE_QUERIES = 20


class ChromaStore:
    """One collection in one directory; the directory has one owner."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        """Open or create the collection. A directory of another fingerprint is emptied: its vectors do not compare.

        Raises:
            IndexUnusableError: Chroma cannot open what is there.
        """
        # Slow to import (0.5 s), so only where a store is really opened.
        import chromadb
        from chromadb.config import Settings

        self._path, self._fingerprint = path, fingerprint
        # To count the rows takes longer with each.
        self._count: int | None = None
        # Without `_env_file=None` Chroma reads a .env file of the current directory.
        settings = Settings(_env_file=None, anonymized_telemetry=False)  # type: ignore[call-arg]
        try:
            self._client: Any = chromadb.PersistentClient(str(path), settings=settings)
            self._collection = self._open_collection()
        except Exception as error:  # noqa: BLE001 - Chroma raises its Rust core's errors as plain Exceptions
            raise IndexUnusableError(f"Chroma cannot open {path} ({error}): check the disk") from None

    def put(self, rows: Sequence[StoredVector]) -> None:
        """Add rows, replacing those of the same `chunk_id`.

        Raises:
            IndexUnusableError: Chroma cannot write.
        """
        self._count = None
        size = self._client.get_max_batch_size()
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            chunk_ids = [row.chunk_id for row in part]
            try:
                replaced = self._collection.get(ids=chunk_ids, include=[])["ids"]
                if replaced:
                    self._collection.delete(ids=replaced)
                self._collection.upsert(
                    ids=chunk_ids,
                    embeddings=np.stack([row.vector for row in part]),
                    metadatas=[{"paper_id": row.paper_id} for row in part],
                )
            except Exception as error:  # noqa: BLE001 - as above
                raise IndexUnusableError(f"Chroma cannot write to {self._path} ({error}): check the disk") from None

    def delete(self, chunk_ids: Sequence[str]) -> None:
        """Remove rows; unknown ids are passed over."""
        self._count = None
        for start in range(0, len(chunk_ids), _PAGE):
            self._collection.delete(ids=list(chunk_ids[start : start + _PAGE]))

    def delete_papers(self, paper_ids: Sequence[str]) -> None:
        """Remove all rows of these papers."""
        if paper_ids:
            found = self._collection.get(where={"paper_id": {"$in": list(paper_ids)}}, include=[])
            self.delete(found["ids"])

    def search(self, vector: Vector, k: int) -> list[tuple[str, float]]:
        """The `k` nearest chunk ids with their cosines, nearest first."""
        if self._count is None:
            self._count = self.count()
        k = min(k, self._count)
        if not k:
            return []
        found = self._collection.query(query_embeddings=vector.reshape(1, -1), n_results=k, include=["distances"])
        distances: Any = found["distances"]
        return [(name, 1.0 - float(d)) for name, d in zip(found["ids"][0], distances[0], strict=True)]

    def rows(self) -> Iterator[StoredVector]:
        """All rows, in no particular order."""
        for start in range(0, self.count(), _PAGE):
            part: Any = self._collection.get(limit=_PAGE, offset=start, include=["embeddings", "metadatas"])
            for name, vector, values in zip(part["ids"], part["embeddings"], part["metadatas"], strict=True):
                yield StoredVector(name, str(values["paper_id"]), np.asarray(vector, dtype=np.float32))

    def count(self) -> int:
        """Number of rows."""
        return int(self._collection.count())

    def clear(self) -> None:
        """Remove everything and start anew."""
        self._count = None
        self._client.delete_collection(_COLLECTION)
        self._collection = self._open_collection()

    def close(self) -> None:
        """Release files."""
        self._client.close()

    def _open_collection(self) -> Any:
        names = [collection.name for collection in self._client.list_collections()]
        if _COLLECTION in names:
            found = self._client.get_collection(_COLLECTION, embedding_function=None)
            if (found.metadata or {}).get("fingerprint") == self._fingerprint:
                return found
            self._client.delete_collection(_COLLECTION)
        return self._client.create_collection(
            _COLLECTION,
            embedding_function=None,
            metadata={"fingerprint": self._fingerprint},
            configuration={"hnsw": {"space": "cosine", "sync_threshold": _NEVER, "batch_size": _NEVER}},
        )


def probe(path: Path, fingerprint: str) -> str:
    """Open a store in a child process, which a damaged file may crash; why it must be built anew, or nothing."""
    if not path.exists():
        return ""
    try:
        done = run_module("service.index.vectors", str(path), fingerprint, timeout=_PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        return f"Chroma did not answer within {_PROBE_SECONDS} s"
    if done.returncode < 0:
        return f"Chroma crashed (signal {-done.returncode})"
    try:
        return str(json.loads(done.stdout)["problem"])
    except (ValueError, KeyError, TypeError):
        return f"Chroma failed (status {done.returncode})"


def _examine(path: Path, fingerprint: str) -> str:
    """Open, count, read and search: every kind of damage seen so far fails in one of them."""
    try:
        store = ChromaStore(path, fingerprint)
        sample: Iterable[StoredVector] = [row for row, _ in zip(store.rows(), range(_PROBE_QUERIES), strict=False)]
        for row in sample:
            store.search(row.vector, 1)
        store.close()
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent rebuilds
        return f"{type(error).__name__}: {error}"
    return ""


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"problem": _examine(Path(sys.argv[1]), sys.argv[2])}))
