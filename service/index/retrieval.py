"""Hybrid retrieval, per paper: four rankings fused by reciprocal rank.

Nearest chunk, nearest sentence, BM25 of the question, BM25 of the expanded question. The constants were chosen on CACM,
CISI and SciFact, where they beat two-way fusion; `eval/retrieval.py` measures them. The order of the first papers is
made in `relevance.py`.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np

from service.index.background import Background
from service.index.catalog import Catalog, Stored
from service.index.chunk_store import (
    ChunkMatrix,
    ChunkStore,
    SentenceVectors,
    cosines,
    paper_of,
    paper_vectors,
)
from service.index.expansion import BACKGROUND_SHARE, FEEDBACK_PAPERS, expand, joined
from service.index.fusion import NONE, Scored, fuse
from service.index.lexical import LexicalIndex, Required, Rows
from service.index.reading import read_question
from service.index.tokens import hyphenated
from service.index.words import Word, content_words, term_weights, weighed
from service.ports import Embedder, Matrix, QuestionVectors, Vector, VectorStore
from service.types import Filter, Quote

_WEIGHTS = (1.0, 1.0, 1.0, 1.5)
"""Of chunks, sentences, BM25 and expanded BM25."""
_LEXICAL_LIMIT = 1_000
_DENSE_CHUNKS = 300
_DENSE_PAPERS = 2_000
_CANDIDATES = 500
"""Papers whose sentences are looked at."""
JUDGED = 60
"""Papers of which all is looked at: exact cosines, and their words."""
_FEW_PAPERS = 1_000
"""Papers whose chunks are read by themselves, where those of all have not been read yet."""
_KEPT_PAPERS = 2_000
"""In a catalog of so many papers the vectors of all sentences are kept: 12 kB a paper."""
_KNOWN_WORDS = 10_000
"""Words of which it is kept what they are to the index: rare ones of questions, and the background's."""
_GATHERED_SHARE = 0.25
"""Of all chunks: of more it is quicker to take the cosines of all."""
_TITLE_DISCOUNT = 0.3
_POINTS_ELSEWHERE = re.compile(
    r"https?:\s?//|\b(?:codes?|website|web ?page|project page|supplementary)\b.*\b(?:available|found|released|here)\b",
    re.IGNORECASE,
)
_ASKS_WHERE = frozenset(["avail", "code", "github", "link", "releas", "url", "websit"])
_ELSEWHERE_DISCOUNT = 0.5
"""Of a sentence that says where the code is: it has the words of many questions and answers none but that."""


class Candidate(NamedTuple):
    """One paper in a ranking, with what speaks for it; the cosines are exact."""

    row: int
    fused: float
    """Reciprocal rank score, as a share of the best paper's."""
    chunk_cosine: float
    sentence_cosine: float
    lexical: float
    """BM25 of the question's own terms, as a share of the best paper's."""
    expanded: float
    """The same for the expanded question."""


class Ranking(NamedTuple):
    """Papers for a question, best first."""

    candidates: list[Candidate]
    """The first `JUDGED`."""
    fused: Scored
    """All that were found, with reciprocal rank scores as shares of the best paper's."""
    searched: int
    """How many papers were."""
    question_vector: Vector
    terms: Counter[str]
    words: list[Word]
    """What the question means, word by word."""
    likeness: Matrix
    """Cosines of the first `JUDGED` papers with each other, shape (judged, judged)."""


class _Scope(NamedTuple):
    """Which papers may be found: those at `rows` (`None`: all) that have what is required; both together: `allowed`."""

    rows: Rows | None
    required: Sequence[Required]
    allowed: Rows | None


class _Widened(NamedTuple):
    """What the words of a question weigh, and what they find together with the background's."""

    words: list[Word]
    weights: dict[str, float]
    """By index term."""
    expanded: Scored | None
    """`None`: there is no background."""


class NearSentence(NamedTuple):
    """A sentence of a paper and how near it is to a question."""

    quote: Quote
    score: float
    """Cosine plus covered share of the question's term weights: -1 to 2."""


class Retriever:
    """Ranks papers for questions over one catalog and its indexes."""

    def __init__(
        self,
        catalog: Catalog,
        chunks: ChunkStore,
        lexical: LexicalIndex,
        embedder: Embedder,
        vectors: Callable[[], VectorStore | None],
        background: Callable[[], Background | None] = lambda: None,
    ) -> None:
        """Use a catalog and its indexes.

        Args:
            catalog: the papers.
            chunks: their vectors.
            lexical: their words.
            embedder: for questions.
            vectors: gives the vector store, or `None` where scanning the catalog's vectors is cheaper now.
            background: gives abstracts of others for this embedder; without them questions take words from the
                catalog's own best papers.
        """
        self._catalog, self._chunks, self._lexical = catalog, chunks, lexical
        self._embedder, self._vectors, self._background = embedder, vectors, background
        self._matrix: ChunkMatrix | None = None
        self._sentences: ChunkMatrix | None = None
        self._papers = -1
        # To ask the embedder takes as long as to search for the words.
        self._is_word = lru_cache(_KNOWN_WORDS)(self._one_token)
        # The background's words are much the same ones for many questions.
        self._terms_of_word = lru_cache(_KNOWN_WORDS)(lambda word: tuple(lexical.analyzer.query_terms(word)))

    def refresh(self) -> None:
        """Forget what was read, after the catalog changed."""
        self._matrix = None
        self._sentences = None
        self._papers = -1

    def rank(
        self,
        question: str,
        condition: Filter | None = None,
        *,
        every_paper: bool = False,
        required: Sequence[Required] = (),
    ) -> Ranking:
        """Rank papers that pass the condition and have what is required.

        With `every_paper` exact cosines of all are taken, as list questions need.
        """
        question = hyphenated(question)
        texts, parts = content_words(question, self._lexical.analyzer)
        terms = self._lexical.analyzer.query_terms(question)
        # Before the embedder is busy: it is asked whether rare words are any.
        reading = read_question(question, self._lexical, self._is_word)
        reads = _beside().submit(self._embedder.embed_question, parts)
        scope = self._scope(condition, required)
        searched = self._count() if scope.allowed is None else len(scope.allowed)
        lexical = self._search_terms(reading.of(terms), scope)
        meaning = reads.result()
        vector = meaning.whole
        widening = _beside().submit(self._widened, texts, meaning, reading.of, terms, scope)
        if not searched:
            return Ranking([], NONE, 0, vector, terms, widening.result().words, np.zeros((0, 0), np.float32))
        dense = self._dense(vector, scope.allowed, every_paper)
        nearest = fuse([dense, lexical]).rows[:_CANDIDATES]
        sentences = self._sentence_scores(vector, nearest)
        words, weights, expanded = widening.result()
        if expanded is None:
            first = fuse([dense, sentences, lexical]).first(FEEDBACK_PAPERS)
            expanded = self._search_terms(self._expanded(weights, first), scope)
        fused = fuse([dense, sentences, lexical, expanded], _WEIGHTS).shares()
        rows, shares = fused.first(JUDGED)
        chunks = self._chunks_of(rows)
        # Exact cosines: the vector store gives its nearest chunks only, and many are kept in 8 bits.
        dense = _best_by_owner(chunks, vector)
        unread = sentences.lacking(rows)
        sentences = sentences.joined(self._sentence_scores(vector, unread)) if len(unread) else sentences
        evidence = (found.at(rows) for found in (dense, sentences, lexical.shares(), expanded.shares()))
        columns = (column.tolist() for column in (rows, shares, *evidence))
        candidates = list(map(Candidate._make, zip(*columns, strict=True)))
        return Ranking(candidates, fused, searched, vector, terms, words, _likeness(chunks, rows))

    def passing(self, condition: Filter, required: Sequence[Required]) -> Rows:
        """Rows of the papers that pass the condition and have what is required."""
        allowed = self._scope(condition, required).allowed
        return self._catalog.rows(condition) if allowed is None else allowed

    def near_sentences(self, ranking: Ranking, papers: Sequence[Stored]) -> dict[str, list[NearSentence]]:
        """The sentences of papers, nearest to the question of a ranking first, by paper id.

        Nearness is the cosine plus the covered share of the question's term weights. On SciFact, right paper given,
        the supporting sentence is first in 0.55 of the cases and among three in 0.90.
        """
        weights = {term: math.sqrt(weight) for term, weight in term_weights(ranking.words).items()}
        found = self._chunks.sentences([paper.row for paper in papers])
        return {
            paper.paper_id: self._near(paper, found[paper.row], ranking.question_vector, weights)
            for paper in papers
            if paper.row in found
        }

    def _near(
        self, paper: Stored, sentences: SentenceVectors, vector: Vector, weights: Mapping[str, float]
    ) -> list[NearSentence]:
        # That the paper is about the words of its title is known: they say little about a single sentence.
        title = self._lexical.analyzer.term_set(paper.title)
        weights = {term: weight * (_TITLE_DISCOUNT if term in title else 1.0) for term, weight in weights.items()}
        total = sum(weights.values()) or 1.0
        elsewhere = _ASKS_WHERE.isdisjoint(weights)
        near = []
        for (start, end), cosine in zip(sentences.spans, sentences.vectors @ vector, strict=True):
            text = paper.abstract[start:end]
            present = self._lexical.analyzer.term_set(text)
            covered = sum(weight for term, weight in weights.items() if term in present) / total
            discount = _ELSEWHERE_DISCOUNT if elsewhere and _POINTS_ELSEWHERE.search(text) else 0.0
            quote = Quote(paper_id=paper.paper_id, text=text, start=start, end=end)
            near.append(NearSentence(quote, float(cosine) + covered - discount))
        return sorted(near, key=lambda sentence: -sentence.score)

    def _scope(self, condition: Filter | None, required: Sequence[Required]) -> _Scope:
        rows = None if condition is None or condition.is_open else self._catalog.rows(condition)
        if rows is not None and len(rows) == self._count():
            rows = None
        if not required:
            return _Scope(rows, required, rows)
        having = self._lexical.matching(required)
        allowed = having if rows is None else np.intersect1d(rows, having, assume_unique=True)
        return _Scope(rows, required, allowed)

    def _count(self) -> int:
        # To count 91,000 rows takes SQLite 3 ms.
        if self._papers < 0:
            self._papers = self._catalog.count()
        return self._papers

    def _dense(self, vector: Vector, allowed: Rows | None, every_paper: bool) -> Scored:
        store = self._vectors() if allowed is None and not every_paper else None
        if store is not None:
            found = store.search(vector, _DENSE_CHUNKS)
            by_id: dict[str, float] = {}
            for name, cosine in found:
                by_id.setdefault(paper_of(name), cosine)
            rows = self._catalog.rows_by_id(list(by_id))
            return Scored.pairs((row, by_id[paper_id]) for paper_id, row in rows.items())
        if self._matrix is None and allowed is not None and len(allowed) <= _FEW_PAPERS:
            few = self._chunks.matrix(allowed)
            return _best_by_owner(few, vector)
        if self._matrix is None:
            self._matrix = self._chunks.matrix()
        if allowed is None:
            return _best_by_owner(self._matrix, vector)
        chosen = np.flatnonzero(np.isin(self._matrix.owners, allowed, kind="table"))
        if len(chosen) <= _GATHERED_SHARE * len(self._matrix.owners):
            return _best_by_owner(self._matrix.at(chosen), vector)
        return _best_by_owner(self._matrix, vector, allowed)

    def _sentence_scores(self, vector: Vector, rows: Rows) -> Scored:
        return _best_by_owner(self._sentences_of(rows), vector)

    def _sentences_of(self, rows: Rows) -> ChunkMatrix:
        """The sentence vectors of some papers, owners ascending."""
        # To read them takes longer than all else but the question's vector.
        if self._sentences is None and self._count() <= _KEPT_PAPERS:
            self._sentences = self._chunks.sentence_matrix()
        return self._chunks.sentence_matrix(rows) if self._sentences is None else self._sentences.of(np.sort(rows))

    def _chunks_of(self, rows: Rows) -> ChunkMatrix:
        """The chunk vectors of a few papers in single precision, owners ascending."""
        kept = self._matrix
        if kept is None or kept.vectors.dtype != np.float32:
            return self._chunks.matrix(rows)
        return kept.of(np.sort(rows))

    def _one_token(self, word: str) -> bool:
        """Whether a word is one token to the embedder: then it is common in English, and no typing error."""
        return self._embedder.count_tokens(word) == 1

    def _search_terms(self, weights: Mapping[str, float], scope: _Scope) -> Scored:
        return Scored.pairs(self._lexical.search(weights, _LEXICAL_LIMIT, scope.rows, scope.required))

    def _widened(
        self,
        texts: Sequence[str],
        meaning: QuestionVectors,
        weigh: Callable[[Mapping[str, float]], dict[str, float]],
        terms: Mapping[str, int],
        scope: _Scope,
    ) -> _Widened:
        """Weigh the words of a question and search for them with the background's; beside the scan of the vectors."""
        words = weighed(texts, meaning, self._embedder.embed_words(texts), self._lexical.analyzer)
        weights = weigh(by_importance(terms, words))
        background = self._background()
        if background is None:
            return _Widened(words, weights, None)
        near = self._terms_of(background.words_near(meaning.whole))
        return _Widened(words, weights, self._search_terms(joined(weights, near, BACKGROUND_SHARE), scope))

    def _expanded(self, terms: Mapping[str, float], first: Scored) -> dict[str, float]:
        """Terms with those of the best papers, for want of a background."""
        papers = self._catalog.at_rows(first.rows.tolist())
        feedback = [
            (score, self._lexical.analyzer.query_terms(f"{papers[row].title} {papers[row].abstract}"))
            for row, score in zip(first.rows.tolist(), first.scores.tolist(), strict=True)
        ]
        return expand(terms, feedback, self._lexical.document_frequency, self._lexical.count())

    def _terms_of(self, words: Mapping[str, float]) -> dict[str, float]:
        found: dict[str, float] = {}
        for word, weight in words.items():
            for term in self._terms_of_word(word):
                found[term] = found.get(term, 0.0) + weight
        return found


def _likeness(chunks: ChunkMatrix, rows: Rows) -> Matrix:
    """Cosines of papers with each other, in the order of `rows`; a paper is the mean of its chunks."""
    papers = paper_vectors(chunks)
    vectors = np.zeros((len(rows), papers.vectors.shape[1]), np.float32)
    known = np.isin(rows, papers.owners)
    vectors[known] = papers.vectors[np.searchsorted(papers.owners, rows[known])]
    return vectors @ vectors.T


def _best_by_owner(matrix: ChunkMatrix, vector: Vector, allowed: Rows | None = None) -> Scored:
    """The greatest cosine of each paper, or of each allowed one, for the best papers."""
    if not len(matrix.owners):
        return NONE
    best, owners = np.maximum.reduceat(cosines(matrix, vector), matrix.starts), matrix.owners[matrix.starts]
    if allowed is not None:
        passing = np.isin(owners, allowed, kind="table")
        best, owners = best[passing], owners[passing]
    # All that are as good as the last one stay, so that the order among equals is that of their rows.
    least = np.partition(best, -_DENSE_PAPERS)[-_DENSE_PAPERS] if len(best) > _DENSE_PAPERS else -np.inf
    chosen = np.flatnonzero(best >= least)
    return Scored.of(owners[chosen], best[chosen]).first(_DENSE_PAPERS)


@cache
def _beside() -> ThreadPoolExecutor:
    """Threads for what a search can do meanwhile: the question's vector and the words of the background."""
    return ThreadPoolExecutor(4, "search")


def by_importance(terms: Mapping[str, int], words: Sequence[Word]) -> dict[str, float]:
    """Counts times the root of importance; terms of words that were not weighed count as the average one."""
    importance = term_weights(words)
    average = sum(importance.values()) / len(importance) if importance else 1.0
    return {term: count * math.sqrt(importance.get(term, average)) for term, count in terms.items()}
