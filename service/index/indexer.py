"""Brings the vectors and the derived indexes up to the catalog: whatever was interrupted is finished here.

Each paper carries two fingerprints (embedder file and chunking version): of its vectors, and of its entry in the
indexes. A paper whose fingerprint is not the current one is pending. So a crash between the stores loses nothing,
and another embedder leads to a new index, never to a mixed one.
"""

from collections.abc import Callable
from itertools import islice

from service.index.catalog import Catalog, Stored
from service.index.chunk_store import ChunkStore
from service.index.chunking import VERSION, cut_papers
from service.index.database import Database
from service.index.lexical import Entry, LexicalIndex
from service.index.vectors import ChromaStore
from service.ports import Embedder, PassageVectors
from service.text import content_hash

_EMBED_BATCH = 32
_INDEX_BATCH = 1_000

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many."""


def index_fingerprint(embedder: Embedder) -> str:
    """What an index was made with."""
    return content_hash(embedder.fingerprint, str(embedder.max_tokens), VERSION)


def lexical_entry(paper: Stored) -> Entry:
    """What the lexical index has of a paper."""
    return Entry(paper.row, paper.abstract, paper.title, paper.authors, paper.categories)


class Indexer:
    """Embeds and indexes pending papers."""

    def __init__(
        self,
        database: Database,
        catalog: Catalog,
        chunks: ChunkStore,
        lexical: LexicalIndex,
        embedder: Embedder,
    ) -> None:
        self._database, self._catalog, self._chunks = database, catalog, chunks
        self._lexical, self._embedder = lexical, embedder
        self.fingerprint = index_fingerprint(embedder)

    def embed_pending(self, progress: Progress, total: int) -> int:
        """Chunk and embed the papers without current vectors, `total` of them; each batch is durable once it is done.

        Returns:
            the number of papers embedded.
        """
        done = 0
        for batch in self._catalog.batches("vectors_fingerprint", self.fingerprint, _EMBED_BATCH):
            made = cut_papers(batch, self._embedder)
            passages = [passage for cut in made for passage in cut.passages]
            vectors = map(_without_title, self._embedder.embed_passages(passages))
            with self._database.transaction():
                for paper, cut in zip(batch, made, strict=True):
                    self._chunks.put(paper.row, cut.chunks, list(islice(vectors, len(cut.chunks))))
                self._catalog.mark("vectors_fingerprint", [paper.row for paper in batch], self.fingerprint)
            done += len(batch)
            progress("embedding", done, total)
        return done

    def index_pending(self, vectors: ChromaStore, progress: Progress) -> None:
        """Enter the papers with current vectors into Chroma and the lexical index."""
        total = self._catalog.pending("indexed_fingerprint", self.fingerprint)
        done = 0
        for batch in self._catalog.batches("indexed_fingerprint", self.fingerprint, _INDEX_BATCH):
            stale = [paper.paper_id for paper in batch if paper.stale]
            vectors.delete_papers(stale)
            vectors.put(self._chunks.stored_vectors(batch))
            self._lexical.put(lexical_entry(paper) for paper in batch)
            with self._database.transaction():
                self._catalog.mark("indexed_fingerprint", [paper.row for paper in batch], self.fingerprint)
            done += len(batch)
            progress("indexing", done, total)


def _without_title(vectors: PassageVectors) -> PassageVectors:
    return PassageVectors(vectors.whole, vectors.segments[1:])
