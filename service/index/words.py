"""The content words of a question, each weighed by how much the question's meaning changes without it.

The weight is 1 - cos(question, question without the states of the word's tokens), times the cosine of the word alone:
"quantum" in "results on quantum machine learning" weighs much, "cheap" in "run a model on cheap consumer cards" little.
Reading the question anew without each word took five times as long and served no better. Rarity says less: in a small
catalog many words are rare.
"""

import re
from collections.abc import Sequence, Set
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from service.index.lexical import Analyzer
from service.ports import Matrix, QuestionVectors

MOST_WORDS = 24
"""Content words of a question that are weighed."""
_WORD = re.compile(r"[^\W_]+(?:[-‐‑'’.+][^\W_]+)*")


class Word(NamedTuple):
    """A content word of a question with its index terms and its share of the question's meaning."""

    text: str
    terms: tuple[str, ...]
    importance: float
    """From 0 up; comparable within one question."""


def content_words(question: str, analyzer: Analyzer) -> tuple[list[str], list[str]]:
    """The content words of a question, and the whole of it in parts, with these at the odd places."""
    found = [match for match in _WORD.finditer(question) if analyzer.query_terms(match.group())][:MOST_WORDS]
    edges = [0, *(edge for match in found for edge in match.span()), len(question)]
    return [match.group() for match in found], [question[start:end] for start, end in pairwise(edges)]


def weighed(words: Sequence[str], vectors: QuestionVectors, alone: Matrix, analyzer: Analyzer) -> list[Word]:
    """The content words of a question, in order, with their importance; `alone` has the vector of each."""
    importances = (1.0 - vectors.without @ vectors.whole) * np.maximum(alone @ vectors.whole, 0.0)
    return [
        Word(word, tuple(analyzer.terms(word)), max(float(importance), 0.0))
        for word, importance in zip(words, importances, strict=True)
    ]


def term_weights(words: Sequence[Word]) -> dict[str, float]:
    """Importance by index term."""
    weights: dict[str, float] = {}
    for word in words:
        for term in word.terms:
            weights[term] = max(weights.get(term, 0.0), word.importance)
    return weights


def has_word(word: Word, present: Set[str]) -> bool:
    """Whether the terms of a text have the word: itself, or all parts of a compound."""
    first, *parts = word.terms
    return first in present or (bool(parts) and all(part in present for part in parts))
