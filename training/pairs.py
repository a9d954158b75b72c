"""Label-free pairs of a query and the abstract that it should find, for training an embedder.

Title -> body (Body First Selection), sentence -> the rest (Inverse Cloze Task; both Chang et al. 2020), half -> other
half, and a phrase -> the abstract without it: what is left names the thing in other words. Or the phrase itself says
it in other words: with the definition of one of its words instead (`definitions.py`).
"""

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from eval.data import read_lines
from eval.heldout import HELD_OUT_FROM
from eval.questions import sample_papers
from service.sentences import sentence_spans
from service.text import title_key

_FEWEST_SENTENCES = 3
_KEEP_PHRASE = 0.3
"""Share of phrases that stay in the abstract: words in common should go on counting."""
_REST_WITH_SENTENCE = 0.1
_KINDS = (0.2, 0.25, 0.1, 0.45)
"""Of title, sentence, half and phrase, which is what people ask with."""
_IN_OTHER_WORDS = 0.8
"""Share of the phrases with a word that has a definition, which stands there instead."""
_COMMON = 0.02
"""A phrase needs a word that fewer of the abstracts have."""
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


class Pair(NamedTuple):
    """A query, what it should find, and of which paper both are."""

    query: str
    document: str
    source: int


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


class PairMaker:
    """Draws pairs; the same seed draws the same ones."""

    def __init__(self, papers: Sequence[Abstract], seed: int, definitions: Mapping[str, str] | None = None) -> None:
        """Count words, so that phrases are about something."""
        self.definitions = definitions or {}
        self._papers, self._chance = papers, random.Random(seed)  # noqa: S311 - no secret
        self._known: Counter[str] = Counter()
        for paper in papers:
            self._known.update(set(map(str.lower, _WORD.findall(paper.whole))))

    def draw(self, count: int) -> list[Pair]:
        """Pairs of different papers."""
        chosen = self._chance.sample(range(len(self._papers)), count)
        return [Pair(*self._pair(self._papers[number]), number) for number in chosen]

    def _pair(self, paper: Abstract) -> tuple[str, str]:
        kind = self._chance.choices(range(4), _KINDS)[0]
        sentences = list(paper.sentences)
        if kind == 0:
            return paper.title, " ".join(sentences)
        if kind == 1:
            query = self._chance.choice(sentences)
            if self._chance.random() >= _REST_WITH_SENTENCE:
                sentences.remove(query)
            return query, " ".join([paper.title, *sentences])
        if kind == 2:
            middle = len(sentences) // 2
            halves = [" ".join(sentences[:middle]), " ".join([paper.title, *sentences[middle:]])]
            return halves[0], halves[1]
        return self._phrase_pair(paper)

    def _phrase_pair(self, paper: Abstract) -> tuple[str, str]:
        phrase = self._phrase(self._chance.choice([paper.title, *paper.sentences])) or self._phrase(paper.title)
        if not phrase:
            return paper.title, " ".join(paper.sentences)
        document = paper.whole
        words = [found for found in _WORD.finditer(phrase) if found.group().lower() in self.definitions]
        if words and self._chance.random() < _IN_OTHER_WORDS:
            word = self._chance.choice(words)
            said = self.definitions[word.group().lower()]
            phrase = f"{phrase[: word.start()]}{said}{phrase[word.end() :]}"
        elif self._chance.random() >= _KEEP_PHRASE:
            document = " ".join(re.sub(re.escape(phrase), " ", document, flags=re.IGNORECASE).split())
        return self._chance.choice(_QUESTIONS).format(phrase.lower()), document

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
            and min(self._known[word.lower()] for word in _WORD.findall(span)) < _COMMON * len(self._papers)
        ]
        return self._chance.choice(spans) if spans else ""
