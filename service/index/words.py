"""The content words of a question, each weighed by how much the question's meaning changes without it.

The weight is 1 - cos(question, question without the word): "quantum" in "results on quantum machine learning" weighs
much, "cheap" in "run a model on cheap consumer cards" little. Rarity says less: in a small catalog many words are rare.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from service.index.lexical import Analyzer
from service.ports import Embedder, Vector

MOST_WORDS = 24
"""Content words of a question that are weighed; each costs one embedding of the question (6 ms)."""
_WORD = re.compile(r"[^\W_]+(?:[-‐‑'’.+][^\W_]+)*")


class Word(NamedTuple):
    """A content word of a question with its index terms and its share of the question's meaning."""

    text: str
    terms: tuple[str, ...]
    importance: float
    """1 - cosine of the question with and without it."""


def question_words(question: str, vector: Vector, embedder: Embedder, analyzer: Analyzer) -> list[Word]:
    """The content words of a question in order, with their importance; `vector` is the question's."""
    words = []
    for match in _WORD.finditer(question):
        if not analyzer.query_terms(match.group()):
            continue
        without = question[: match.start()] + question[match.end() :]
        importance = 1.0 - float(embedder.embed_query(without) @ vector)
        words.append(Word(match.group(), tuple(analyzer.terms(match.group())), max(importance, 0.0)))
        if len(words) == MOST_WORDS:
            break
    return words


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
