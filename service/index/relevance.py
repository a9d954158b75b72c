"""How well a paper fits a question, whether it deserves to be listed, and whether the catalog answers at all.

No threshold on the cosine separates answerable from unanswerable questions. What does: which of the question's words
the best papers lack, each weighed by how much the question's meaning changes without it (`words.py`). Constants:
`training/relevance.py`, which prints the trade-off; measured results are in models.md.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.index.catalog import Catalog, Stored
from service.index.lexical import LexicalIndex
from service.index.rerank import RERANKED, rescored
from service.index.retrieval import Candidate, Ranking
from service.index.words import Word, has_word
from service.ports import Matrix, Reranker
from service.types import QuestionKind

Scores = NDArray[np.float64]

_BEST = 5
_RANKING: tuple[float, ...] = tuple(json.loads(Path(__file__).with_name("ranking.json").read_text())["weights"])
"""Of fused score, chunk cosine, sentence cosine, BM25, expanded BM25, coverage, and the mean score of the papers
that are most alike; made by `training/ranking.py`."""
_ALIKE = 5
_CONSTANTS = json.loads(Path(__file__).with_name("relevance.json").read_text())
"""`relevance`: bias, then weights of what `relevance_features` gives; `answerable`: by kind of question, bias, then
weights of what `answerability_features` gives; `refuse_below`: probability of being answerable below which Paperboy
abstains."""


class Evidence(NamedTuple):
    """What speaks for one paper."""

    score: float
    """Rank score, 0 to 1: cosines, lexical scores, coverage and alike papers, mixed by `_RANKING`."""
    standing: float
    """Standard deviations that its score stands above the mean of the judged papers."""
    cosine: float
    coverage: float
    """Share of the question's meaning whose words the paper has, 0 to 1."""
    missing: float
    """Share of the question's meaning that is the weightiest word which it lacks, 0 to 1."""
    missing_words: tuple[str, ...]


class Judged(NamedTuple):
    """One candidate with its paper and what speaks for it."""

    candidate: Candidate
    paper: Stored
    evidence: Evidence
    relevance: float
    """Probability that the paper belongs to the answer; what orders the papers."""


class Answerability(NamedTuple):
    """Whether the catalog answers a question."""

    probability: float
    missing_words: tuple[str, ...]

    @property
    def refuse(self) -> bool:
        """Whether to abstain."""
        return self.probability < float(_CONSTANTS["refuse_below"])


def judge(ranking: Ranking, catalog: Catalog, lexical: LexicalIndex) -> list[Judged]:
    """The first candidates in the order of their relevance, best first."""
    candidates = ranking.candidates
    papers = catalog.at_rows([candidate.row for candidate in candidates])
    evidence = weigh(ranking, lexical)
    judged = [
        Judged(candidate, papers[candidate.row], found, _logistic(_CONSTANTS["relevance"], relevance_features(found)))
        for candidate, found in zip(candidates, evidence, strict=True)
    ]
    return _in_order(judged)


def read_again(question: str, judged: list[Judged], reranker: Reranker | None) -> list[Judged]:
    """The papers in the order that they have when a cross-encoder, if there is one, has read the first of them."""
    if reranker is None or not judged:
        return judged
    texts = [f"{item.paper.title}. {item.paper.abstract}" for item in judged[:RERANKED]]
    found = rescored([item.relevance for item in judged], reranker.scores(question, texts))
    return _in_order([item._replace(relevance=value) for item, value in zip(judged, found, strict=True)])


def _in_order(judged: Sequence[Judged]) -> list[Judged]:
    return sorted(judged, key=lambda item: -item.relevance)


def scored_rows(ranking: Ranking, judged: Sequence[Judged], most: int | None = None) -> list[tuple[int, float]]:
    """Row and relevance of candidates, best first: the judged ones, then those whose words were not looked at.

    All of them, or `most`.
    """
    best = [(item.candidate.row, item.relevance) for item in judged]
    if most is not None and most <= len(best):
        return best[:most]
    rows, shares = ranking.fused.rows[len(judged) :], ranking.fused.scores[len(judged) :]
    if not len(rows):
        return best[:most]
    # On the scale of the judged, and below all of them.
    scale = best[-1][1] / ranking.fused.scores[len(judged) - 1]
    return (best + list(zip(rows.tolist(), (scale * shares).tolist(), strict=True)))[:most]


def weigh(ranking: Ranking, lexical: LexicalIndex) -> list[Evidence]:
    """Evidence for each of the first candidates, in their order."""
    candidates = ranking.candidates
    terms = [term for word in ranking.words for term in word.terms]
    having = lexical.having(terms, [candidate.row for candidate in candidates])
    lacking = [[word for word in ranking.words if not has_word(word, having[row])] for row, *_ in candidates]
    covered = [_covered(ranking.words, words) for words in lacking]
    features = ranking_features(candidates, [coverage for coverage, _ in covered])
    scores = rank_scores(features, most_alike(ranking.likeness), np.array(_RANKING))
    standings = (scores - scores.mean()) / (scores.std() or 1.0) if len(scores) else scores
    return [
        Evidence(score, standing, candidate.chunk_cosine, *coverage, tuple(word.text for word in words))
        for candidate, score, standing, coverage, words in zip(
            candidates, scores.tolist(), standings.tolist(), covered, lacking, strict=True
        )
    ]


def relevance_features(evidence: Evidence) -> tuple[float, ...]:
    """What says whether a paper belongs to the answer."""
    return evidence.score, evidence.standing, evidence.cosine, evidence.coverage, evidence.missing


def ranking_features(candidates: Sequence[Candidate], coverages: Sequence[float]) -> Scores:
    """What `rank_scores` weighs: the fields of each `Candidate` after `row`, and its coverage; shape (papers, 6)."""
    return np.array([(*candidate[1:], coverage) for candidate, coverage in zip(candidates, coverages, strict=True)])


def most_alike(likeness: Matrix) -> NDArray[np.int64]:
    """The places of the few papers that are most like each; shape (papers, at most 5)."""
    count = len(likeness)
    found: NDArray[np.int64] = np.argsort(2.0 * np.eye(count) - likeness, axis=1, kind="stable")
    return found[:, : max(0, min(_ALIKE, count - 1))]


def rank_scores(features: Scores, alike: NDArray[np.int64], weights: Scores) -> Scores:
    """What orders the judged papers: a weighted mean of what speaks for each, 0 to 1; shape (papers,).

    Unlike ranks, the scores say by how much a paper is better (Bruch et al. 2023). Papers that are alike answer the
    same questions, so each also gets a share of its nearest neighbours' scores (Diaz 2005).

    Args:
        features: shape (papers, 6).
        alike: see `most_alike`.
        weights: shape (7,); the last is the neighbours'.
    """
    if not len(features):
        return np.zeros(0)
    alone = features @ weights[:-1]
    beside = alone[alike].mean(axis=1) if alike.shape[1] else alone
    mixed: Scores = np.maximum(alone + weights[-1] / (weights[:-1].sum() or 1.0) * beside, 0.0)
    return mixed


def answerability_features(
    words: Sequence[Word], best: Sequence[Evidence], kind: QuestionKind
) -> tuple[float, float, float]:
    """Greatest cosine, coverage of the question, and its weightiest word that is lacking.

    The coverage is the best paper's, the word one that each of the best papers lacks some of; but of things that are
    compared each may have a paper of its own, so there both are those of the best papers together.
    """
    best = best[:_BEST]
    cosine = max(evidence.cosine for evidence in best)
    if kind == "comparison":
        return cosine, *_covered(words, _lacking_everywhere(words, best))
    return cosine, best[0].coverage, min(evidence.missing for evidence in best)


def answerability(words: Sequence[Word], best: Sequence[Evidence], kind: QuestionKind) -> Answerability:
    """How likely the best papers (at most five are looked at) answer the question.

    Who asks for a list says in other words what the papers say; who asks for a fact names what it is about. So the
    constants of the two differ: the second must be covered.
    """
    if not best:
        return Answerability(0.0, tuple(word.text for word in words))
    best = best[:_BEST]
    constants = _CONSTANTS["answerable"]["list" if kind == "list" else "fact"]
    probability = _logistic(constants, answerability_features(words, best, kind))
    weighty = sorted(_lacking_everywhere(words, best), key=lambda word: -word.importance)
    return Answerability(probability, tuple(word.text for word in weighty[:3]))


def _covered(words: Sequence[Word], lacking: Sequence[Word]) -> tuple[float, float]:
    """Share of the question's meaning that is there, and that of the weightiest word that is not."""
    total = sum(word.importance for word in words) or 1.0
    covered = 1.0 - sum(word.importance for word in lacking) / total
    return covered, max((word.importance for word in lacking), default=0.0) / total


def _lacking_everywhere(words: Sequence[Word], papers: Sequence[Evidence]) -> list[Word]:
    texts = set(papers[0].missing_words).intersection(*(evidence.missing_words for evidence in papers))
    return [word for word in words if word.text in texts]


def cut(relevances: Sequence[float], most: int) -> int:
    """How many papers to list, best first: the number with the greatest expected F1 (by expected counts)."""
    total = sum(relevances)
    best, chosen, expected = 0.0, 1, 0.0
    for count, relevance in enumerate(relevances[:most], start=1):
        expected += relevance
        value = 2 * expected / (count + total)
        if value > best:
            best, chosen = value, count
    return min(chosen, len(relevances))


def _logistic(weights: Sequence[float], values: Sequence[float]) -> float:
    z = weights[0] + sum(weight * value for weight, value in zip(weights[1:], values, strict=True))
    return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, z))))
