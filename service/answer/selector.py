"""Chooses the sentences of an abstract that say what the paper contributes; no language model takes part.

A linear score over a few readable features of a sentence and over its vector, trained on the oracle labels of SciTLDR
(Cachola et al. 2020) by `training/selector.py`, which writes `selector.json`.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.ports import Matrix, Vector
from service.text import content_hash
from service.types import SummaryLength

_WEIGHTS_FILE = Path(__file__).with_name("selector.json")
_AUTHORS = r"\b(?:we|our|this (?:paper|work|article|study)|in this (?:paper|work|article|study))\b"
_CONTRIBUTES = re.compile(
    rf"{_AUTHORS}[^.]{{0,40}}\b(?:propos|present|introduc|develop|describ|design|devis|show|demonstrat|prov|investigat|"
    r"stud|explor|provid|argu|find|address|formulat|establish|extend|deriv)\w*",
    re.IGNORECASE,
)
_PROPOSES = re.compile(r"\b(?:propos|introduc|present)(?:e|es|ed|ing)?\b", re.IGNORECASE)
_SHOWS = re.compile(r"\b(?:show|demonstrat|find|prov|reveal)(?:e|s|es)?\b", re.IGNORECASE)
_RESULT = re.compile(
    r"\b(?:outperform|state[- ]of[- ]the[- ]art|improv|achiev|experiment|result|evaluat|significant)",
    re.IGNORECASE,
)
_BACKGROUND = re.compile(
    r"^(?:however|although|despite|while|unfortunately|recent|existing|current|previous|traditional|many|most|"
    r"for example|moreover|furthermore|in addition|additionally|finally|specifically|in particular|further)\b",
    re.IGNORECASE,
)
_AVAILABLE = re.compile(r"https?://|\bcode\b.*\bavailable|github", re.IGNORECASE)
_FIRST_PERSON = re.compile(r"\b(?:we|our)\b", re.IGNORECASE)
_THIS_PAPER = re.compile(r"\bthis (?:paper|work|article)\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d")
_LONGEST_WORDS = 60
_SHORTEST_WORDS = 8

FEATURES = (
    "position", "first", "last", "contributes", "proposes", "shows", "result", "background", "available",
    "first_person", "this_paper", "title_covered", "title_cosine", "abstract_cosine", "words", "words_squared", "short",
    "number", "centrality", "title_density", "question", "title_covered_gap", "title_cosine_gap",
    "abstract_cosine_gap", "centrality_gap", "title_density_gap", "first_to_contribute", "first_to_propose",
)  # fmt: skip
_GAPS = ("title_covered", "title_cosine", "abstract_cosine", "centrality", "title_density")


class Abstract(NamedTuple):
    """An abstract as the selector sees it."""

    title: str
    sentences: Sequence[str]
    vectors: Matrix
    """Of the sentences, in their order."""
    title_vector: Vector
    abstract_vector: Vector
    embedder: str
    """Fingerprint of what made the vectors."""


class Weights(NamedTuple):
    """What was learned: features alone, and features together with vectors."""

    of_features: NDArray[np.float64]
    """In the order of `FEATURES`."""
    beside_direction: NDArray[np.float64]
    """Of the same where vectors count too."""
    direction: Vector
    """Vectors of sentences that sum a paper up by themselves lie that way."""
    embedder: str
    """Fingerprint of the embedder whose vectors the direction is for."""


def score_sentences(
    abstract: Abstract, terms: Callable[[str], list[str]], length: SummaryLength
) -> NDArray[np.float64]:
    """How well each sentence would stand for the paper; comparable within one abstract only.

    Vectors count for a single sentence. In a paragraph they are left out, as with another embedder than the one trained
    on: no references say that they are better there, and with them a changed name changes 5 of 100 choices, not 1.

    Args:
        abstract: sentences and their vectors.
        terms: stemmed words of a text.
        length: whether the sentence stands alone.
    """
    weights, values = learned(), features(abstract, terms)
    scores: NDArray[np.float64]
    if length == "sentence" and abstract.embedder == weights.embedder:
        scores = values @ weights.beside_direction + abstract.vectors @ weights.direction
    else:
        scores = values @ weights.of_features
    return scores


def features(abstract: Abstract, terms: Callable[[str], list[str]]) -> NDArray[np.float64]:
    """Feature values, shape (sentences, len(FEATURES))."""
    words = [Counter(terms(sentence)) for sentence in abstract.sentences]
    title = set(terms(abstract.title))
    spread = Counter(word for counts in words for word in counts)
    cues = [bool(_CONTRIBUTES.search(sentence)) for sentence in abstract.sentences]
    first_cue = cues.index(True) if True in cues else -1
    rows = []
    for index, sentence in enumerate(abstract.sentences):
        length = min(len(sentence.split()), _LONGEST_WORDS) / _LONGEST_WORDS
        shared = len(title & set(words[index]))
        distinct = max(1, len(words[index]))
        rows.append(
            {
                "position": index / max(1, len(words) - 1),
                "first": index == 0,
                "last": index == len(words) - 1,
                "contributes": cues[index],
                "proposes": bool(_PROPOSES.search(sentence)),
                "shows": bool(_SHOWS.search(sentence)),
                "result": bool(_RESULT.search(sentence)),
                "background": bool(_BACKGROUND.search(sentence)),
                "available": bool(_AVAILABLE.search(sentence)),
                "first_person": bool(_FIRST_PERSON.search(sentence)),
                "this_paper": bool(_THIS_PAPER.search(sentence)),
                "title_covered": shared / max(1, len(title)),
                "title_cosine": float(abstract.vectors[index] @ abstract.title_vector),
                "abstract_cosine": float(abstract.vectors[index] @ abstract.abstract_vector),
                "words": length,
                "words_squared": length**2,
                "short": len(sentence.split()) < _SHORTEST_WORDS,
                "number": bool(_NUMBER.search(sentence)),
                "centrality": sum(spread[word] for word in words[index]) / distinct / len(words),
                "title_density": shared / distinct,
                "question": sentence.rstrip().endswith("?"),
                "first_to_contribute": index == first_cue,
                "first_to_propose": index == first_cue and bool(_PROPOSES.search(sentence)),
            }
        )
    for name in _GAPS:
        best = max(row[name] for row in rows)
        for row in rows:
            row[f"{name}_gap"] = row[name] - best
    return np.array([[float(row[name]) for name in FEATURES] for row in rows])


@lru_cache(maxsize=1)
def learned() -> Weights:
    """What `training/selector.py` wrote, read once."""
    document = json.loads(_WEIGHTS_FILE.read_text())
    alone, beside = (
        np.array([document[name][feature] for feature in FEATURES]) for name in ("features alone", "beside vectors")
    )
    return Weights(alone, beside, np.array(document["direction"].split(), np.float32), document["embedder"])


def abstract_vector(vectors: Sequence[Vector]) -> Vector:
    """One vector for an abstract of several chunks."""
    mean = np.mean(np.stack(vectors), axis=0)
    unit: Vector = (mean / max(float(np.linalg.norm(mean)), 1e-9)).astype(np.float32)
    return unit


def states_contribution(sentence: str) -> bool:
    """Whether a sentence says what the authors did."""
    return bool(_CONTRIBUTES.search(sentence))


def states_result(sentence: str) -> bool:
    """Whether a sentence reports a result with a number."""
    return bool(_RESULT.search(sentence) and _NUMBER.search(sentence))


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Hash of the trained weights."""
    return content_hash(_WEIGHTS_FILE.read_text())
