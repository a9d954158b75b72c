"""How well a paper fits a question, whether it deserves to be listed, and whether the catalog answers at all.

No threshold on the cosine separates answerable from unanswerable questions. What does: which of the question's words
the best papers lack, each weighed by how much the question's meaning changes without it. The weight of a word is
1 - cos(question, question without the word): "quantum" in "results on quantum machine learning" weighs much,
"cheap" in "run a model on cheap consumer cards" little. Constants: `training/relevance.py`, which prints the
trade-off; measured results are in models.md.
"""

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from service.index.catalog import Catalog, Stored
from service.index.lexical import LexicalIndex
from service.index.retrieval import Candidate, Ranking
from service.ports import Embedder

MOST_WORDS = 24
"""Content words of a question that are weighed; each costs one embedding of the question (6 ms)."""
JUDGED = 60
"""Candidates whose text is looked at."""
_COVERAGE_WEIGHT = 0.2
"""Of coverage beside the fused score, in the order of the judged papers. Chosen on CACM, CISI and SciFact, whose mean
nDCG@10 it takes from 0.584 to 0.592; from 0.15 to 0.3 is as good."""
_BEST = 5
_WORD = re.compile(r"[^\W_]+(?:[-‐‑'’.+][^\W_]+)*")
_RECALL_BETA = 1.5
"""Leaving out a paper that belongs in a list is worse than showing one that does not."""

_CONSTANTS = json.loads(Path(__file__).with_name("relevance.json").read_text())
"""`relevance`: bias, then weights of the first four fields of `Evidence`; `answerable`: bias, then weights of what
`answerability_features` gives; `refuse_below`: probability of being answerable below which the answer is withheld."""


class Word(NamedTuple):
    """A content word of a question with its index terms and its share of the question's meaning."""

    text: str
    terms: tuple[str, ...]
    importance: float
    """1 - cosine of the question with and without it."""


class Evidence(NamedTuple):
    """What speaks for one paper."""

    relative_score: float
    cosine: float
    coverage: float
    """Share of the question's meaning whose words the paper has, 0 to 1."""
    missing: float
    """Importance of the weightiest word that it lacks."""
    missing_words: tuple[str, ...]

    @property
    def relevance(self) -> float:
        """Probability that the paper belongs to the answer."""
        return _logistic(_CONSTANTS["relevance"], self[:4])


class Judged(NamedTuple):
    """One candidate with its paper and what speaks for it."""

    candidate: Candidate
    paper: Stored
    evidence: Evidence

    @property
    def score(self) -> float:
        """Rank score, 0 to 1: the fused score relative to the best one's, and how much of the question is covered."""
        return _rank_score(self.evidence.relative_score, self.evidence.coverage)


class Answerability(NamedTuple):
    """Whether the catalog answers a question."""

    probability: float
    missing_words: tuple[str, ...]

    @property
    def refuse(self) -> bool:
        """Whether to abstain."""
        return self.probability < float(_CONSTANTS["refuse_below"])


def question_words(question: str, ranking: Ranking, embedder: Embedder, lexical: LexicalIndex) -> list[Word]:
    """The content words of a question in order, with their importance."""
    words = []
    for match in _WORD.finditer(question):
        if not lexical.analyzer.query_terms(match.group()):
            continue
        without = question[: match.start()] + question[match.end() :]
        importance = 1.0 - float(embedder.embed_query(without) @ ranking.question_vector)
        words.append(Word(match.group(), tuple(lexical.analyzer.terms(match.group())), max(importance, 0.0)))
        if len(words) == MOST_WORDS:
            break
    return words


def judge(
    question: str, ranking: Ranking, catalog: Catalog, lexical: LexicalIndex, embedder: Embedder
) -> tuple[list[Word], list[Judged]]:
    """The words of a question, and the first candidates in the order of their rank scores, best first."""
    words = question_words(question, ranking, embedder, lexical)
    candidates = ranking.candidates[:JUDGED]
    papers = catalog.at_rows([candidate.row for candidate in candidates])
    evidence = weigh(words, ranking, candidates, papers, lexical)
    judged = [
        Judged(candidate, papers[candidate.row], found) for candidate, found in zip(candidates, evidence, strict=True)
    ]
    return words, sorted(judged, key=lambda item: -item.score)


def scored_rows(ranking: Ranking, judged: Sequence[Judged]) -> list[tuple[int, float]]:
    """Row and rank score of every candidate, best first: the judged ones, then those whose text was not looked at."""
    top = ranking.candidates[0].score if ranking.candidates else 1.0
    rest = [(candidate.row, _rank_score(candidate.score / top, 0.0)) for candidate in ranking.candidates[len(judged) :]]
    return [(item.candidate.row, item.score) for item in judged] + rest


def weigh(
    words: Sequence[Word], ranking: Ranking, candidates: Sequence[Candidate], papers: dict[int, Stored],
    lexical: LexicalIndex,
) -> list[Evidence]:  # fmt: skip
    """Evidence for each candidate, in their order."""
    top = ranking.candidates[0].score if ranking.candidates else 1.0
    total = sum(word.importance for word in words) or 1.0
    found = []
    for candidate in candidates:
        paper = papers[candidate.row]
        present = set(lexical.analyzer.terms(f"{paper.title} {paper.abstract}"))
        lacking = [word for word in words if not has_word(word, present)]
        found.append(
            Evidence(
                candidate.score / top,
                candidate.chunk_cosine,
                1.0 - sum(word.importance for word in lacking) / total,
                max((word.importance for word in lacking), default=0.0),
                tuple(word.text for word in lacking),
            )
        )
    return found


def term_weights(words: Sequence[Word]) -> dict[str, float]:
    """Importance by index term."""
    weights: dict[str, float] = {}
    for word in words:
        for term in word.terms:
            weights[term] = max(weights.get(term, 0.0), word.importance)
    return weights


def has_word(word: Word, present: set[str]) -> bool:
    """Whether the terms of a text have the word: itself, or all parts of a compound."""
    first, *parts = word.terms
    return first in present or (bool(parts) and all(part in present for part in parts))


def answerability_features(best: Sequence[Evidence]) -> tuple[float, float, float]:
    """Greatest cosine, coverage by the best paper, and the weightiest word that each of the best papers lacks."""
    best = best[:_BEST]
    return (
        max(evidence.cosine for evidence in best),
        best[0].coverage,
        min(evidence.missing for evidence in best),
    )


def answerability(words: Sequence[Word], best: Sequence[Evidence]) -> Answerability:
    """How likely the best papers (at most five are looked at) answer the question."""
    if not best:
        return Answerability(0.0, tuple(word.text for word in words))
    best = best[:_BEST]
    probability = _logistic(_CONSTANTS["answerable"], answerability_features(best))
    everywhere = set(best[0].missing_words).intersection(*(evidence.missing_words for evidence in best))
    weighty = sorted((word for word in words if word.text in everywhere), key=lambda word: -word.importance)
    return Answerability(probability, tuple(word.text for word in weighty[:3]))


def cut(relevances: Sequence[float], most: int) -> int:
    """How many papers to list, best first: the number with the greatest expected F-measure (recall weighs more)."""
    beta = _RECALL_BETA**2
    total = sum(relevances)
    best, chosen, expected = 0.0, 1, 0.0
    for count, relevance in enumerate(relevances[:most], start=1):
        expected += relevance
        value = (1 + beta) * expected / (count + beta * total) if count + beta * total else 0.0
        if value > best:
            best, chosen = value, count
    return min(chosen, len(relevances))


def _rank_score(relative_score: float, coverage: float) -> float:
    return (relative_score + _COVERAGE_WEIGHT * coverage) / (1 + _COVERAGE_WEIGHT)


def _logistic(weights: Sequence[float], values: Sequence[float]) -> float:
    z = weights[0] + sum(weight * value for weight, value in zip(weights[1:], values, strict=True))
    return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, z))))
