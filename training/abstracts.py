"""Abstracts as training material: which may be trained on, and what people might ask that they answer."""

import random
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from eval.data import read_lines
from eval.heldout import HELD_OUT_FROM
from eval.questions import sample_papers
from service.sentences import sentence_spans
from service.text import title_key

_FEWEST_SENTENCES = 3
_COMMON = 0.02
"""A phrase needs a word that fewer of the abstracts have."""
_PHRASES = 3
_QUESTIONS = (
    "{}",
    "{}",
    "which papers are about {}?",
    "which papers deal with {}?",
    "what do we have on {}?",
    "who works on {}?",
    "are there methods for {}?",
    "how is {} done?",
)
_WORD = re.compile(r"[A-Za-z][A-Za-z-]+")
_EDGE = frozenset([
    "a", "an", "and", "are", "as", "at", "be", "by", "can", "for", "from", "has", "have", "how", "in", "into", "is",
    "it", "its", "of", "on", "or", "our", "paper", "present", "propose", "show", "study", "such", "than", "that", "the",
    "their", "these", "this", "to", "using", "via", "we", "when", "where", "which", "while", "with",
])  # fmt: skip


class Abstract(NamedTuple):
    """A paper as training material."""

    title: str
    sentences: tuple[str, ...]
    listed: str

    @property
    def whole(self) -> str:
        """Title and abstract."""
        return " ".join([self.title, *self.sentences])


def abstracts() -> list[Abstract]:
    """The arXiv abstracts, without those of the sample pages; in the order of the file."""
    sample = {title_key(paper.title) for paper in sample_papers()}
    found = []
    for record in read_lines("arxiv", "arxiv_ml_abstracts.jsonl.gz"):
        if title_key(record["title"]) in sample:
            continue
        text = " ".join(record["abstract"].split())
        sentences = tuple(text[start:end] for start, end in sentence_spans(text))
        if len(sentences) >= _FEWEST_SENTENCES:
            found.append(Abstract(record["title"], sentences, record["listed"]))
    return found


def to_train(everything: Sequence[Abstract]) -> list[Abstract]:
    """Those that may be trained on."""
    return [paper for paper in everything if paper.listed < HELD_OUT_FROM]


class QuestionMaker:
    """Draws questions; the same seed draws the same ones."""

    def __init__(self, papers: Sequence[Abstract], seed: int) -> None:
        """Count words, so that phrases are about something."""
        self._chance, self._rare = random.Random(seed), _COMMON * len(papers)  # noqa: S311 - no secret
        self._known: Counter[str] = Counter()
        for paper in papers:
            self._known.update(set(map(str.lower, _WORD.findall(paper.whole))))

    def questions(self, paper: Abstract) -> list[str]:
        """Six: the title, two sentences, three about phrases (or the title once more, where it has fewer)."""
        sentences = self._chance.sample(paper.sentences, 2)
        phrases: list[str] = []
        for _ in range(3 * _PHRASES):
            phrase = self._phrase(self._chance.choice([paper.title, *paper.sentences])).lower()
            if phrase and phrase not in phrases and len(phrases) < _PHRASES:
                phrases.append(phrase)
        phrases += [paper.title] * (_PHRASES - len(phrases))
        return [paper.title, *sentences, *(self._chance.choice(_QUESTIONS).format(phrase) for phrase in phrases)]

    def _phrase(self, text: str) -> str:
        """Two to five words in a row, with no small word at either end and one that is not everywhere."""
        words = list(_WORD.finditer(text))
        spans = [
            text[words[first].start() : words[last].end()]
            for first in range(len(words))
            for last in range(first + 1, min(first + 5, len(words)))
            if not {words[first].group().lower(), words[last].group().lower()} & _EDGE
        ]
        spans = [
            span
            for span in spans
            if not re.search(r"[.;:,()]", span)
            and min(self._known[word.lower()] for word in _WORD.findall(span)) < self._rare
        ]
        return self._chance.choice(spans) if spans else ""
