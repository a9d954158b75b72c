"""Catalog, chunks and the indexes derived from them, opened together and kept in step.

Whatever is missing or damaged among the derived is rebuilt here from the catalog, without embedding anything again.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np

from service import resources
from service.errors import IndexUnusableError
from service.index.background import FILE, Background, read_background
from service.index.catalog import Catalog
from service.index.chunk_store import ChunkStore
from service.index.database import Database
from service.index.home import Home, remove_store
from service.index.indexer import Indexer, Progress, lexical_entry
from service.index.lexical import LexicalIndex
from service.index.near_duplicates import NearDuplicates
from service.index.retrieval import Retriever
from service.index.vectors import ChromaStore, probe
from service.ports import Embedder, StoredVector

_SAME_VECTOR = 1e-4
_COMPARE_BATCH = 2_000


class Differences(NamedTuple):
    """What a check of the home directory found; all zero when catalog and indexes agree."""

    damaged: tuple[str, ...]
    """What SQLite's own check says."""
    pending: int
    """Papers that wait to be embedded or indexed."""
    missing_vectors: int
    wrong_vectors: int
    orphan_vectors: int
    missing_texts: int
    orphan_texts: int

    @property
    def none(self) -> bool:
        """Whether everything agrees."""
        return not self.damaged and not any(self[1:])


class Stores:
    """Everything below one home directory. The home must be owned."""

    def __init__(self, home: Home, embedder: Embedder, *, chroma_cold_limit: int, note: Callable[[str], None]) -> None:
        """Open the catalog and the lexical index; Chroma is opened at first use.

        Args:
            home: owned home directory.
            embedder: makes the vectors of new papers.
            chroma_cold_limit: chunks up to which the second search of a process opens Chroma.
            note: told what has to be converted or rebuilt.

        Raises:
            HomeError: the catalog cannot be opened.
        """
        self._home, self._embedder, self._note = home, embedder, note
        self._limit = chroma_cold_limit
        self.database = Database(home.catalog, note)
        self.catalog = Catalog(self.database)
        self.near_duplicates = NearDuplicates(self.database, self.catalog)
        self.chunks = ChunkStore(self.database, embedder.dimensions)
        self._chroma: ChromaStore | None = None
        self._opening: Future[ChromaStore] | None = None
        self._searched = False
        # How often papers had been written when something was counted: 91,451 papers take 120 ms, more than all else of
        # a search.
        self._settled = -1
        self._counted = (-1, 0)
        self.lexical = self._open_lexical()
        self.indexer = Indexer(self.database, self.catalog, self.chunks, self.lexical, embedder)
        self.retriever = Retriever(
            self.catalog, self.chunks, self.lexical, embedder, self._vectors_for_search, lambda: self._background
        )

    @property
    def fingerprint(self) -> str:
        """What the index is made with."""
        return self.indexer.fingerprint

    def finish(self, progress: Progress, announce: Callable[[int], None] | None = None) -> int:
        """Embed and index what is pending, and rebuild a lexical index that has other papers than it should.

        Args:
            progress: told what is done.
            announce: told first how many papers have no vectors of this embedder, where there are such.

        Returns:
            the number of papers embedded.
        """
        if self.lexical.count() != self.catalog.marked():
            self._refill_lexical()
        if self._settled == self.database.writes:
            return 0
        waiting = self.catalog.pending("vectors_fingerprint", self.fingerprint)
        if waiting and announce:
            announce(waiting)
        embedded = self.indexer.embed_pending(progress, waiting) if waiting else 0
        if self.catalog.pending("indexed_fingerprint", self.fingerprint):
            self.indexer.index_pending(self.vectors(), progress)
            self.retriever.refresh()
        self._settled = self.database.writes
        return embedded

    @cached_property
    def _background(self) -> Background | None:
        """Read at the first search."""
        return read_background(resources.models_folder() / FILE, self._embedder.fingerprint)

    def vectors(self) -> ChromaStore:
        """The vector store, examined in a child process first and rebuilt where it is damaged."""
        if self._chroma is None:
            opening, self._opening = self._opening, None
            self._chroma = opening.result() if opening else self._open_chroma()
            if self._chroma.count() != self.chunks.indexed(self.fingerprint):
                self._refill(self._chroma)
        return self._chroma

    def reindex(self, progress: Progress) -> None:
        """Build both indexes anew from the catalog's vectors and texts."""
        self._close_chroma()
        remove_store(self._home.chroma)
        self.lexical.clear()
        self.catalog.unmark_all()
        self.finish(progress)

    def disagreement(self) -> str:
        """What an index has more or less of than the catalog, by their counts alone; empty: nothing.

        `differences` compares row by row, which takes as long as there are papers.
        """
        papers, texts = self.catalog.marked(), self.lexical.count()
        if texts != papers:
            return f"the lexical index has {texts:,} papers and the catalog {papers:,}"
        if self._chroma is not None:
            vectors, chunks = self._chroma.count(), self.chunks.indexed(self.fingerprint)
            if vectors != chunks:
                return f"the vector store has {vectors:,} chunks and the catalog {chunks:,}"
        return ""

    def differences(self) -> Differences:
        """Compare the indexes with the catalog, every row of both, unless the catalog is damaged."""
        damaged = self.database.problems()
        if damaged:
            return Differences(tuple(damaged), 0, 0, 0, 0, 0, 0)
        store = self.vectors()
        wanted = {row.chunk_id: row for row in self.chunks.all_stored_vectors(self.fingerprint)}
        wrong = orphans = found = 0
        for row in store.rows():
            expected = wanted.get(row.chunk_id)
            if expected is None:
                orphans += 1
                continue
            found += 1
            wrong += not np.allclose(expected.vector, row.vector, atol=_SAME_VECTOR)
        rows, texts = set(self.catalog.indexed_rows(self.fingerprint)), self.lexical.rows()
        return Differences(
            damaged=(),
            pending=self.catalog.pending("indexed_fingerprint", self.fingerprint),
            missing_vectors=len(wanted) - found,
            wrong_vectors=wrong,
            orphan_vectors=orphans,
            missing_texts=len(rows - texts),
            orphan_texts=len(texts - rows),
        )

    def mend(self, found: Differences, progress: Progress) -> None:
        """Make the indexes agree with the catalog again."""
        if found.missing_vectors or found.wrong_vectors or found.orphan_vectors:
            self._refill(self.vectors())
        if found.missing_texts or found.orphan_texts:
            self._refill_lexical()
        self.finish(progress)

    def close(self) -> None:
        """Close everything; a second call does nothing."""
        self._close_chroma()
        self.database.close()

    def _vectors_for_search(self) -> ChromaStore | None:
        """Chroma, once it is open; until then searches scan.

        To examine and import it and to build its graph takes 1.4 s for 1,000 papers and 5 s for 10,000, so the second
        search of a process begins it on a thread, and the first, which may be the only one, does not.
        """
        first, self._searched = not self._searched, True
        if self._chroma is None:
            if self._opening is None:
                if first or self._chunk_count() > self._limit:
                    return None
                self._opening = _beside().submit(self._open_chroma)
            if not self._opening.done():
                return None
        return self.vectors()

    def _open_chroma(self) -> ChromaStore:
        problem = probe(self._home.chroma, self.fingerprint)
        if problem:
            self._note(f"the vector store is rebuilt from the catalog: {problem}")
            remove_store(self._home.chroma)
        store = ChromaStore(self._home.chroma, self.fingerprint)
        # Builds the graph.
        store.count()
        return store

    def _chunk_count(self) -> int:
        if self._counted[0] != self.database.writes:
            self._counted = self.database.writes, self.chunks.count()
        return self._counted[1]

    def _refill(self, store: ChromaStore) -> None:
        store.clear()
        batch: list[StoredVector] = []
        for row in self.chunks.all_stored_vectors(self.fingerprint):
            batch.append(row)
            if len(batch) == _COMPARE_BATCH:
                store.put(batch)
                batch = []
        if batch:
            store.put(batch)

    def _refill_lexical(self) -> None:
        self.lexical.clear()
        for batch in self.catalog.indexed_batches(_COMPARE_BATCH):
            self.lexical.put(lexical_entry(paper) for paper in batch)

    def _open_lexical(self) -> LexicalIndex:
        try:
            return LexicalIndex(self._home.lexical)
        except IndexUnusableError:
            self._note("the lexical index is rebuilt from the catalog: its files are damaged or of another version")
            remove_store(self._home.lexical)
            return LexicalIndex(self._home.lexical)

    def _close_chroma(self) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            # Whatever is wrong with it no longer matters.
            with suppress(IndexUnusableError):
                opening.result().close()
        if self._chroma is not None:
            self._chroma.close()
            self._chroma = None


@cache
def _beside() -> ThreadPoolExecutor:
    """The thread on which Chroma is opened."""
    return ThreadPoolExecutor(1, "chroma")
