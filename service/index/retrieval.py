"""Hybrid retrieval, per paper: four rankings fused by reciprocal rank.

Nearest chunk, nearest sentence, BM25 of the question, BM25 of the expanded question (Cormack et al. 2009 for the
fusion). The constants were chosen on CACM, CISI and SciFact, where they beat two-way fusion; `eval/retrieval.py`
measures them. The order of the first papers is made in `relevance.py`.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.index.catalog import Catalog, Stored
from service.index.chunk_store import ChunkMatrix, ChunkStore, SentenceVectors, cosines, paper_of
from service.index.expansion import FEEDBACK_PAPERS, expand
from service.index.lexical import LexicalIndex
from service.index.words import Word, question_words, term_weights
from service.ports import Embedder, Vector, VectorStore
from service.types import Filter, Quote

RRF_K = 20
_WEIGHTS = (1.0, 1.0, 1.0, 1.5)
"""Of chunks, sentences, BM25 and expanded BM25."""
_LEXICAL_LIMIT = 1_000
_DENSE_CHUNKS = 300
_DENSE_PAPERS = 2_000
_CANDIDATES = 500
"""Papers whose sentences are looked at."""
JUDGED = 60
"""Candidates whose cosines are exact and whose text is looked at."""
_TITLE_DISCOUNT = 0.3
_POINTS_ELSEWHERE = re.compile(
    r"https?:\s?//|\b(?:codes?|website|web ?page|project page|supplementary)\b.*\b(?:available|found|released|here)\b",
    re.IGNORECASE,
)
_ASKS_WHERE = frozenset(["avail", "code", "github", "link", "releas", "url", "websit"])
_ELSEWHERE_DISCOUNT = 0.5
"""Of a sentence that says where the code is: it has the words of many questions and answers none but that."""

Scores = dict[int, float]
"""Score by row number of the paper."""


class Candidate(NamedTuple):
    """One paper in a ranking, with what speaks for it.

    The cosines of the first `JUDGED` are exact; of further ones they are 0 where they were not looked at.
    """

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
    """Papers for a question, best first, and how many were searched."""

    candidates: list[Candidate]
    searched: int
    question_vector: Vector
    terms: Counter[str]
    words: list[Word]
    """What the question means, word by word."""


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
    ) -> None:
        """`vectors` gives the vector store, or `None` where scanning the catalog's vectors is cheaper now."""
        self._catalog, self._chunks, self._lexical = catalog, chunks, lexical
        self._embedder, self._vectors = embedder, vectors
        self._matrix: ChunkMatrix | None = None

    def refresh(self) -> None:
        """Forget what was read, after the catalog changed."""
        self._matrix = None

    def rank(self, question: str, condition: Filter | None = None, *, every_paper: bool = False) -> Ranking:
        """Rank papers; with `every_paper` exact cosines of all are taken, as list questions need."""
        allowed = None if condition is None or condition.is_open else set(self._catalog.rows(condition))
        searched = self._catalog.count() if allowed is None else len(allowed)
        vector = self._embedder.embed_query(question)
        terms = self._lexical.analyzer.query_terms(question)
        words = question_words(question, vector, self._embedder, self._lexical.analyzer)
        if not searched:
            return Ranking([], 0, vector, terms, words)
        dense = self._dense(vector, allowed, every_paper)
        lexical = self._search_terms(terms, allowed)
        nearest = _best(fuse([dense, lexical]), _CANDIDATES)
        sentences = self._sentence_scores(vector, nearest)
        first = fuse([dense, sentences, lexical])
        expanded = self._search_terms(self._expanded(by_importance(terms, words), first), allowed)
        fused = fuse([dense, sentences, lexical, expanded], _WEIGHTS)
        order = _best(fused, len(fused))
        dense, sentences = self._exact(vector, order[:JUDGED], dense, sentences)
        evidence = (_shares(fused), dense, sentences, _shares(lexical), _shares(expanded))
        candidates = [Candidate(row, *(scores.get(row, 0.0) for scores in evidence)) for row in order]
        return Ranking(candidates, searched, vector, terms, words)

    def near_sentences(self, ranking: Ranking, papers: Sequence[Stored]) -> dict[str, list[NearSentence]]:
        """The sentences of papers, nearest to the question of a ranking first, by paper id.

        Nearness is the cosine plus the covered share of the question's term weights. On SciFact, right paper given,
        the supporting sentence is first in 0.58 of the cases and among three in 0.86; by cosine alone in 0.50 and 0.80.
        """
        weights = term_weights(ranking.words)
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
        title = set(self._lexical.analyzer.terms(paper.title))
        weights = {term: weight * (_TITLE_DISCOUNT if term in title else 1.0) for term, weight in weights.items()}
        total = sum(weights.values()) or 1.0
        near = []
        for (start, end), cosine in zip(sentences.spans, sentences.vectors @ vector, strict=True):
            text = paper.abstract[start:end]
            present = set(self._lexical.analyzer.terms(text))
            covered = sum(weight for term, weight in weights.items() if term in present) / total
            discount = (
                _ELSEWHERE_DISCOUNT if _ASKS_WHERE.isdisjoint(weights) and _POINTS_ELSEWHERE.search(text) else 0.0
            )
            quote = Quote(paper_id=paper.paper_id, text=text, start=start, end=end)
            near.append(NearSentence(quote, float(cosine) + covered - discount))
        return sorted(near, key=lambda sentence: -sentence.score)

    def _dense(self, vector: Vector, allowed: set[int] | None, every_paper: bool) -> Scores:
        store = self._vectors() if allowed is None and not every_paper else None
        if store is not None:
            found = store.search(vector, _DENSE_CHUNKS)
            by_id: dict[str, float] = {}
            for name, cosine in found:
                by_id.setdefault(paper_of(name), cosine)
            papers = self._catalog.select(Filter(paper_ids=tuple(by_id)))
            return {paper.row: by_id[paper.paper_id] for paper in papers}
        if self._matrix is None:
            self._matrix = self._chunks.matrix()
        return _best_by_owner(self._matrix, cosines(self._matrix, vector), allowed)

    def _exact(self, vector: Vector, rows: Sequence[int], dense: Scores, sentences: Scores) -> tuple[Scores, Scores]:
        """The cosines with those that the papers at `rows` lack: the vector store gives its nearest chunks only."""
        unread = [row for row in rows if row not in dense]
        if unread:
            matrix = self._chunks.matrix(unread)
            dense = dense | _best_by_owner(matrix, cosines(matrix, vector), None)
        unread = [row for row in rows if row not in sentences]
        return dense, sentences | self._sentence_scores(vector, unread) if unread else sentences

    def _sentence_scores(self, vector: Vector, rows: Sequence[int]) -> Scores:
        found = self._chunks.sentences(rows)
        return {row: float(np.max(sentences.vectors @ vector)) for row, sentences in found.items()}

    def _search_terms(self, weights: Mapping[str, float], allowed: set[int] | None) -> Scores:
        limit = _LEXICAL_LIMIT if allowed is None else max(1, self._lexical.count())
        found = self._lexical.search(weights, limit)
        return {row: score for row, score in found if allowed is None or row in allowed}

    def _expanded(self, terms: Mapping[str, float], first: Scores) -> dict[str, float]:
        rows = _best(first, FEEDBACK_PAPERS)
        papers = self._catalog.at_rows(rows)
        feedback = [
            (first[row], self._lexical.analyzer.query_terms(f"{papers[row].title} {papers[row].abstract}"))
            for row in rows
        ]
        return expand(terms, feedback, self._lexical.document_frequency, self._lexical.count())


def _best_by_owner(matrix: ChunkMatrix, values: NDArray[np.float32], allowed: set[int] | None) -> Scores:
    """The best chunk's cosine of each paper, for the best papers."""
    if not len(values):
        return {}
    best = np.full(int(matrix.owners.max()) + 1, -np.inf, dtype=np.float32)
    np.maximum.at(best, matrix.owners, values)
    if allowed is not None:
        kept = np.full_like(best, -np.inf)
        rows = [row for row in allowed if row < len(best)]
        kept[rows] = best[rows]
        best = kept
    order = np.argsort(-best, kind="stable")[:_DENSE_PAPERS]
    return {int(row): float(best[row]) for row in order if best[row] > -np.inf}


def fuse(rankings: Sequence[Scores], weights: Sequence[float] | None = None) -> Scores:
    """Reciprocal rank fusion: a paper earns weight / (K + rank) in each ranking that has it."""
    fused: Scores = {}
    for ranking, weight in zip(rankings, weights or [1.0] * len(rankings), strict=True):
        for rank, row in enumerate(_best(ranking, len(ranking)), start=1):
            fused[row] = fused.get(row, 0.0) + weight / (RRF_K + rank)
    return fused


def by_importance(terms: Mapping[str, int], words: Sequence[Word]) -> dict[str, float]:
    """Counts times the root of importance; terms of words that were not weighed count as the average one."""
    importance = term_weights(words)
    average = sum(importance.values()) / len(importance) if importance else 1.0
    return {term: count * math.sqrt(importance.get(term, average)) for term, count in terms.items()}


def _shares(scores: Scores) -> Scores:
    greatest = max(scores.values(), default=0.0)
    return {row: score / greatest for row, score in scores.items()} if greatest > 0 else {}


def _best(scores: Scores, count: int) -> list[int]:
    return sorted(scores, key=lambda row: (-scores[row], row))[:count]
