"""The lexical index: BM25 by tantivy, derived from the catalog. The only module that imports `tantivy`.

`pre-trained` finds `pretrained` and the other way round: a compound is indexed joined and in its parts.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tantivy

from service.errors import IndexUnusableError
from service.index.home import remove_store

_COMPOUND = re.compile(r"[^\W_]+(?:[-‐‑][^\W_]+)+")
_WORD = re.compile(r"[^\W_]+(?:[-‐‑'’][^\W_]+)*")
_WRITER_BYTES = 64 * 2**20
# Words of questions, not of subjects.
_STOP_WORDS = frozenset([
    "a", "about", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "being", "but",
    "by", "can", "could", "did", "do", "does", "doing", "for", "from", "had", "has", "have", "having", "he",
    "her", "his", "how", "i", "if", "in", "into", "is", "it", "its", "just", "let", "lets", "many", "me",
    "more", "most", "much", "my", "no", "nor", "not", "of", "on", "one", "only", "or", "other", "our", "out",
    "over", "own", "same", "she", "should", "so", "some", "such", "than", "that", "the", "their", "them",
    "then", "there", "these", "they", "this", "those", "to", "too", "up", "very", "was", "we", "were", "what",
    "when", "where", "which", "while", "who", "whom", "whose", "why", "will", "with", "would", "you", "your",
    # How often something is, and how things are set against each other.
    "between", "compare", "compared", "compares", "comparison", "differ", "difference", "differences", "differs",
    "often", "rather", "versus", "vs",
])  # fmt: skip


class Analyzer:
    """Texts to index terms: letters and digits, lower case, no accents, English stems."""

    def __init__(self) -> None:
        self.native = (
            tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(r"[\p{L}\p{N}]+"))
            .filter(tantivy.Filter.remove_long(40))
            .filter(tantivy.Filter.lowercase())
            .filter(tantivy.Filter.ascii_fold())
            .filter(tantivy.Filter.stemmer("english"))
            .build()
        )

    def terms(self, text: str) -> list[str]:
        """Index terms of a text, in order, stop words included."""
        return list(self.native.analyze(_with_joined_compounds(text)))

    def query_terms(self, text: str) -> Counter[str]:
        """Index terms of a text with their counts, without stop words."""
        kept = [word for word in _WORD.findall(text) if word.lower() not in _STOP_WORDS]
        return Counter(self.terms(" ".join(kept)))


class LexicalIndex:
    """BM25 over title and abstract (k1 1.2, b 0.75)."""

    def __init__(self, path: Path) -> None:
        """Open or create the index.

        Raises:
            IndexUnusableError: the files are damaged.
        """
        self._path = path
        builder = tantivy.SchemaBuilder()
        # Signed: deleting by term finds nothing in an unsigned field.
        builder.add_integer_field("row", stored=True, indexed=True, fast=True)
        builder.add_text_field("text", tokenizer_name="paper", index_option="freq")
        self._schema = builder.build()
        self.analyzer = Analyzer()
        self._open()

    def put(self, texts: Iterable[tuple[int, str]]) -> None:
        """Index texts by row number, replacing those of the same row; durable on return.

        Raises:
            IndexUnusableError: the files are damaged or cannot be written.
        """
        with self._damage_named():
            writer = self._index.writer(_WRITER_BYTES, 1)
            try:
                for row, text in texts:
                    writer.delete_documents_by_term("row", row)
                    document = tantivy.Document()
                    document.add_integer("row", row)
                    document.add_text("text", _with_joined_compounds(text))
                    writer.add_document(document)
                writer.commit()
            finally:
                writer.wait_merging_threads()
            self._reload()

    def search(self, weights: Mapping[str, float], limit: int) -> list[tuple[int, float]]:
        """Row numbers and BM25 scores of the best texts for weighted terms, best first.

        Raises:
            IndexUnusableError: the files are damaged.
        """
        parts = [
            (tantivy.Occur.Should, tantivy.Query.boost_query(self._term(term), weight))
            for term, weight in weights.items()
            if weight > 0
        ]
        if not parts or not self.count():
            return []
        with self._damage_named():
            hits = self._searcher.search(tantivy.Query.boolean_query(parts), limit=limit, count=False).hits
            rows = self._searcher.fast_field_values("row", [address for _, address in hits])
        return [(int(row or 0), float(score)) for row, (score, _) in zip(rows, hits, strict=True)]

    def document_frequency(self, term: str) -> int:
        """Number of texts with the term."""
        return int(self._searcher.doc_freq("text", term))

    def count(self) -> int:
        """Number of texts."""
        return int(self._searcher.num_docs)

    def rows(self) -> set[int]:
        """Row numbers of all texts."""
        if not self.count():
            return set()
        hits = self._searcher.search(tantivy.Query.all_query(), limit=self.count(), count=False).hits
        return {int(row or 0) for row in self._searcher.fast_field_values("row", [address for _, address in hits])}

    def clear(self) -> None:
        """Remove everything and start anew."""
        remove_store(self._path)
        self._open()

    def _open(self) -> None:
        with self._damage_named():
            self._path.mkdir(parents=True, exist_ok=True)
            self._index: Any = tantivy.Index(self._schema, path=str(self._path))
            self._index.register_tokenizer("paper", self.analyzer.native)
            self._reload()
            # Terms are read here already: damage seen now is mended by whoever opens the index.
            self.document_frequency("")

    @contextmanager
    def _damage_named(self) -> Iterator[None]:
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - tantivy's panics are not Exceptions
            raise IndexUnusableError(
                f"the lexical index in {self._path} cannot be used ({error}): check the disk; `paperboy reindex` "
                "builds it anew"
            ) from None

    def _reload(self) -> None:
        self._index.reload()
        self._searcher: Any = self._index.searcher()

    def _term(self, term: str) -> Any:
        return tantivy.Query.term_query(self._schema, "text", term, index_option="freq")


def _with_joined_compounds(text: str) -> str:
    return _COMPOUND.sub(lambda match: f"{re.sub('[-‐‑]', '', match.group())} {match.group()}", text)
