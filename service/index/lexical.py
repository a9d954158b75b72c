"""The lexical index: BM25 by tantivy, derived from the catalog. The only module that imports `tantivy`.

Spellings that mean the same are brought together (`tokens.py`): `pre-trained` finds `pretrained` and the other way
round, a Greek letter its name. A name such as MEFT or GPT-4 has a term of its own beside its words.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import tantivy
from numpy.typing import NDArray

from service.errors import IndexUnusableError
from service.index.home import remove_store
from service.index.tokens import STOP_WORDS, hyphenated, joined, joined_beside, names, plain

VERSION = "2"
"""Of the schema and of how texts are cut into terms: an index of another version is built anew from the catalog."""

Field = Literal["text", "title", "author", "category"]
Rows = NDArray[np.int64]
"""Row numbers, ascending."""

_WORD = re.compile(r"[^\W_]+(?:[-‐‑'’][^\W_]+)*")
_WRITER_BYTES = 64 * 2**20
# Stands around the term of a name: no text has it, and no stemmer looks behind it.
_NAME = "\ue000"
_TOKEN = rf"{_NAME}[\p{{L}}\p{{N}}]+{_NAME}|[\p{{L}}\p{{N}}]+"
_LONGEST_TERM = 40
_FEW_ROWS = 2_000
"""Rows up to which a search asks for them by term; of more it takes more hits and leaves out the others."""
SHORTEST_TYPO = 5
"""Letters of a word from which on it may have a typing error."""
_COMPLETIONS = 30


def name_term(exact: str) -> str:
    """The index term of a name as such."""
    return f"{_NAME}{exact}{_NAME}"


class Entry(NamedTuple):
    """What is indexed of a paper."""

    row: int
    abstract: str
    title: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


_REMEMBERED_TEXTS = 4_096
_TERMS_AT_ONCE = 20
"""Their powers of two add up without rounding in the 24 bits of a score."""


class Required(NamedTuple):
    """What a paper must have: words in order in one field, or, with `prefix`, a word that begins so."""

    field: Field
    words: str
    prefix: bool = False


class Analyzer:
    """Texts to index terms: letters and digits, lower case, no accents, English stems."""

    def __init__(self) -> None:
        self.native = _analyzer(tantivy.Filter.stemmer("english"))
        self.native_words = _analyzer()
        self.term_set = lru_cache(_REMEMBERED_TEXTS)(self._term_set)
        """The different terms of a text; the same papers are looked at again and again."""

    def terms(self, text: str) -> list[str]:
        """Index terms of a text, in order, stop words included."""
        return list(self.native.analyze(joined_beside(hyphenated(plain(text)))))

    def _term_set(self, text: str) -> frozenset[str]:
        return frozenset(self.terms(text))

    def query_terms(self, text: str) -> Counter[str]:
        """Index terms of a text with their counts, without stop words."""
        kept = [word for word in _WORD.findall(hyphenated(plain(text))) if word.lower() not in STOP_WORDS]
        return Counter(self.terms(" ".join(kept)))

    def words(self, text: str) -> list[str]:
        """The same words without stemming: lower case, no accents, compounds in their parts."""
        return list(self.native_words.analyze(plain(text)))

    def phrases(self, text: str) -> list[list[str]]:
        """The stems of a phrase in order, compounds in their parts and, where there are any, compounds joined."""
        text = plain(text)
        readings = [list(self.native.analyze(reading)) for reading in (text, joined(hyphenated(text)))]
        return readings if readings[0] != readings[1] else readings[:1]


class LexicalIndex:
    """BM25 over title and abstract (k1 1.2, b 0.75), and what a paper must have besides."""

    def __init__(self, path: Path) -> None:
        """Open or create the index.

        Raises:
            IndexUnusableError: the files are damaged or of another version.
        """
        self._path = path
        self._schema = _schema()
        self.analyzer = Analyzer()
        self._open()

    def put(self, entries: Iterable[Entry]) -> None:
        """Index papers by row number, replacing those of the same row; durable on return.

        Raises:
            IndexUnusableError: the files are damaged or cannot be written.
        """
        with self._damage_named():
            writer = self._index.writer(_WRITER_BYTES, 1)
            try:
                for entry in entries:
                    writer.delete_documents_by_term("row", entry.row)
                    writer.add_document(_document(entry))
                writer.commit()
            finally:
                writer.wait_merging_threads()
            self._reload()

    def search(
        self,
        weights: Mapping[str, float],
        limit: int,
        rows: Rows | None = None,
        required: Sequence[Required] = (),
    ) -> list[tuple[int, float]]:
        """Row numbers and BM25 scores of the best papers for weighted terms, best first.

        Args:
            weights: by index term.
            limit: papers at most.
            rows: the papers that may be found; `None`: all.
            required: what they must have.

        Raises:
            IndexUnusableError: the files are damaged.
        """
        terms = [
            (tantivy.Occur.Should, tantivy.Query.boost_query(self._term("text", term), weight))
            for term, weight in weights.items()
            if weight > 0
        ]
        if not terms or not self.count() or (rows is not None and not len(rows)):
            return []
        query = tantivy.Query.boolean_query(terms)
        conditions = [self._required(one) for one in required]
        if rows is not None and len(rows) <= _FEW_ROWS:
            conditions.append(tantivy.Query.term_set_query(self._schema, "row", rows.tolist()))
            rows = None
        if conditions:
            parts = [tantivy.Query.const_score_query(condition, 0.0) for condition in conditions]
            query = tantivy.Query.boolean_query([(tantivy.Occur.Must, part) for part in (query, *parts)])
        return self._hits(query, limit) if rows is None else self._hits_among(query, limit, rows)

    def having(self, terms: Collection[str], rows: Collection[int]) -> dict[int, set[str]]:
        """Of each of a few papers, by row, which of the terms it has.

        A term counts a power of two, so that the sum says which were found: to read 60 abstracts takes fifty times
        as long.

        Raises:
            IndexUnusableError: the files are damaged.
        """
        found: dict[int, set[str]] = {row: set() for row in rows}
        if not found or not self.count():
            return found
        among = tantivy.Query.const_score_query(tantivy.Query.term_set_query(self._schema, "row", list(found)), 0.0)
        wanted = sorted(set(terms))
        for start in range(0, len(wanted), _TERMS_AT_ONCE):
            some = wanted[start : start + _TERMS_AT_ONCE]
            parts = [(tantivy.Occur.Must, among)]
            for place, term in enumerate(some):
                one = tantivy.Query.const_score_query(self._term("text", term), float(1 << place))
                parts.append((tantivy.Occur.Should, one))
            for row, score in self._hits(tantivy.Query.boolean_query(parts), len(found)):
                found[row].update(term for place, term in enumerate(some) if int(score) >> place & 1)
        return found

    def matching(self, required: Sequence[Required]) -> Rows:
        """The papers that have all that is required.

        Raises:
            IndexUnusableError: the files are damaged.
        """
        if not self.count():
            return np.empty(0, dtype=np.int64)
        parts = [(tantivy.Occur.Must, self._required(one)) for one in required]
        query = tantivy.Query.const_score_query(tantivy.Query.boolean_query(parts), 1.0)
        return np.sort(np.array([row for row, _ in self._hits(query, self.count())], dtype=np.int64))

    def beginning(self, text: str, limit: int) -> list[int]:
        """Rows of papers whose title has the words of a text, the last of which may be unfinished; likely ones first.

        Where there are none, one typing error in each longer word is forgiven.

        Raises:
            IndexUnusableError: the files are damaged.
        """
        words = self.analyzer.words(text)
        if not words or not self.count():
            return []
        unfinished = text[-1:].isalnum()
        parts = [self._term("title_word", word) for word in words]
        if unfinished:
            parts[-1] = self._completed("title_word", words[-1])
        query = tantivy.Query.boolean_query([(tantivy.Occur.Must, part) for part in parts])
        found = self._hits(query, limit)
        if not found:
            parts = [
                self._nearly(word, part, prefix=unfinished and number == len(words))
                for number, (word, part) in enumerate(zip(words, parts, strict=True), start=1)
            ]
            found = self._hits(tantivy.Query.boolean_query([(tantivy.Occur.Must, part) for part in parts]), limit)
        return [row for row, _ in found]

    def document_frequency(self, term: str) -> int:
        """Number of papers with the term."""
        return int(self._searcher.doc_freq("text", term))

    def word_frequency(self, word: str) -> int:
        """Number of papers with the word as it stands, in lower case."""
        return int(self._searcher.doc_freq("word", word))

    def count(self) -> int:
        """Number of papers."""
        return int(self._searcher.num_docs)

    def rows(self) -> set[int]:
        """Row numbers of all papers."""
        return {row for row, _ in self._hits(tantivy.Query.all_query(), self.count())} if self.count() else set()

    def clear(self) -> None:
        """Remove everything and start anew."""
        remove_store(self._path)
        self._open()

    def _open(self) -> None:
        with self._damage_named():
            self._path.mkdir(parents=True, exist_ok=True)
            version = self._path / "version"
            if (self._path / "meta.json").exists() and (not version.exists() or version.read_text() != VERSION):
                raise ValueError("it is of another version")
            self._index: Any = tantivy.Index(self._schema, path=str(self._path))
            version.write_text(VERSION)
            self._index.register_tokenizer("paper", self.analyzer.native)
            self._index.register_tokenizer("word", self.analyzer.native_words)
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

    def _hits(self, query: Any, limit: int) -> list[tuple[int, float]]:
        with self._damage_named():
            hits = self._searcher.search(query, limit=limit, count=False).hits
            rows = self._searcher.fast_field_values("row", [address for _, address in hits])
        return [(int(row or 0), float(score)) for row, (score, _) in zip(rows, hits, strict=True)]

    def _hits_among(self, query: Any, limit: int, rows: Rows) -> list[tuple[int, float]]:
        """The best hits among many rows: more are taken than wanted, until enough of them are among the rows."""
        allowed = np.zeros(int(rows[-1]) + 1, dtype=bool)
        allowed[rows] = True
        most = self.count()
        taken = min(most, 2 * limit * max(1, most // len(rows)))
        while True:
            hits = self._hits(query, taken)
            kept = [hit for hit in hits if hit[0] < len(allowed) and allowed[hit[0]]]
            if len(kept) >= limit or len(hits) < taken or taken == most:
                return kept[:limit]
            taken = min(most, 4 * taken)

    def _term(self, field: str, term: str) -> Any:
        option = "freq" if field == "text" else "position" if field in ("phrase", "title", "author") else "basic"
        return tantivy.Query.term_query(self._schema, field, term, index_option=option)

    def _required(self, required: Required) -> Any:
        field, words, prefix = required
        if field == "category":
            return self._term("category", words.lower())
        if prefix:
            return self._begun({"text": "word", "title": "title_word"}.get(field, field), self.analyzer.words(words))
        if field == "author":
            return self._any(self._phrase("author", order) for order in _both_orders(self.analyzer.words(words)))
        name = next(names(plain(words), asked=True), None)
        if field == "text" and name and name.end - name.start == len(plain(words)):
            term = name_term(name.exact)
            if self.document_frequency(term):
                return self._term("text", term)
        stems = "phrase" if field == "text" else "title"
        return self._any(self._phrase(stems, reading) for reading in self.analyzer.phrases(words))

    def _begun(self, field: str, words: list[str]) -> Any:
        """Every word of a compound, the last of them unfinished."""
        if not words:
            return tantivy.Query.empty_query()
        last = tantivy.Query.regex_query(self._schema, field, f"{words[-1]}.*")
        parts = [*(self._term(field, word) for word in words[:-1]), last]
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, part) for part in parts])

    def _phrase(self, field: str, words: list[str]) -> Any:
        if len(words) > 1:
            return tantivy.Query.phrase_query(self._schema, field, list(words))
        return self._term(field, words[0]) if words else tantivy.Query.empty_query()

    def _any(self, queries: Iterable[Any]) -> Any:
        return tantivy.Query.boolean_query([(tantivy.Occur.Should, query) for query in queries])

    def _completed(self, field: str, start: str) -> Any:
        """Any of the most common words that begin so."""
        words = self._searcher.terms_with_prefix(field, start, limit=_COMPLETIONS)
        return self._any(self._term(field, word) for word, _ in words)

    def _nearly(self, word: str, exactly: Any, *, prefix: bool) -> Any:
        if len(word) < SHORTEST_TYPO:
            return exactly
        return tantivy.Query.fuzzy_term_query(self._schema, "title_word", word, distance=1, prefix=prefix)


def _analyzer(*filters: Any) -> Any:
    builder = (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(_TOKEN))
        .filter(tantivy.Filter.remove_long(_LONGEST_TERM))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
    )
    for one in filters:
        builder = builder.filter(one)
    return builder.build()


def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    # Signed: deleting by term finds nothing in an unsigned field.
    builder.add_integer_field("row", stored=True, indexed=True, fast=True)
    # What papers are ranked by.
    builder.add_text_field("text", tokenizer_name="paper", index_option="freq")
    # What is required: stems in order; whole words; each also of the title alone.
    builder.add_text_field("phrase", tokenizer_name="paper", index_option="position")
    builder.add_text_field("title", tokenizer_name="paper", index_option="position")
    builder.add_text_field("word", tokenizer_name="word", index_option="basic")
    builder.add_text_field("title_word", tokenizer_name="word", index_option="freq")
    builder.add_text_field("author", tokenizer_name="word", index_option="position")
    builder.add_text_field("category", tokenizer_name="raw", index_option="basic")
    return builder.build()


def _document(entry: Entry) -> Any:
    document = tantivy.Document()
    document.add_integer("row", entry.row)
    title, abstract = plain(entry.title), plain(entry.abstract)
    whole = f"{title} {abstract}" if title else abstract
    beside = joined_beside(hyphenated(whole))
    exact = " ".join(name_term(name.exact) for name in names(whole))
    document.add_text("text", f"{beside} {exact}")
    document.add_text("word", beside)
    document.add_text("title_word", joined_beside(hyphenated(title)))
    for field, text in (("title", title), ("phrase", title), ("phrase", abstract)):
        # As values of their own, so no phrase goes from one into the other.
        document.add_text(field, text)
        if (other := joined(hyphenated(text))) != text:
            document.add_text(field, other)
    for author in entry.authors:
        document.add_text("author", plain(author))
    for category in {part for name in entry.categories for part in (name.lower(), name.lower().partition(".")[0])}:
        document.add_text("category", category)
    return document


def _both_orders(words: list[str]) -> list[list[str]]:
    """A name as "Ada Lovelace" and as "Lovelace, Ada"."""
    return [words] if len(words) < 2 else [words, [words[-1], *words[:-1]], [*words[1:], words[0]]]
