"""What the writer learns: an abstract and tasks about it, or a question, numbered passages and the answer.

A question stands before its passages: a decoder sees only what came before, so it can tell what answers while it reads.
Answers are sentences of the prefix, each followed in questions by the marker of its passage, as the prompts of
`prompts/paperlm-2` have them; author-written TLDRs and titles are the only free text. Labels of sentences: of SciTLDR
the one nearest to the authors' TLDR, of other abstracts the cue phrases and title words that the selector looks at.
"""

import random
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from eval.data import read_lines
from service.answer.selector import states_contribution, states_result
from service.answer.write import SENTINEL
from service.text import title_key
from training.pairs import Abstract

_WORD = re.compile(r"[a-z]{4,}")
_PASSAGES = (3, 8)
_OF_PASSAGE = (1, 3)
_UNANSWERABLE = 0.1
_KINDS = (0.2, 0.65, 0.15)
"""Of papers, questions and TLDRs."""
_MOST_CHARACTERS = 4_000
"""Of a prefix: about 1,000 tokens."""


class Answer(NamedTuple):
    """A question behind the prefix and the pieces of its answer; sentences are pieces, and so are their markers."""

    question: str
    pieces: tuple[str, ...]
    chosen: bool
    """The pieces are sentences of the prefix: their first tokens are what has to be chosen."""


class Group(NamedTuple):
    """A prefix and answers that do not see each other."""

    kind: str
    prefix: str
    answers: tuple[Answer, ...]


class TaskMaker:
    """Draws groups; the same seed draws the same ones."""

    def __init__(self, papers: Sequence[Abstract], seed: int) -> None:
        """Use papers to train on, and SciTLDR train without papers of the same title or first sentence."""
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self._papers = papers
        self._tldrs = _tldrs()
        self._kinds: tuple[Callable[[], Group], ...] = (self._paper, self._question, self._tldr)

    def draw(self) -> Group:
        """A group that fits the context."""
        while True:
            group = self._chance.choices(self._kinds, _KINDS)[0]()
            if group.answers and len(group.prefix) <= _MOST_CHARACTERS:
                return group

    def _paper(self) -> Group:
        paper = self._chance.choice(self._papers)
        sentences = paper.sentences
        proposal = best_sentence(paper.title, sentences)
        results = [text for text in sentences if states_result(text) and text != proposal][:2]
        told = [text for text in sentences if text in {sentences[0], proposal, *results}]
        found = [
            Answer("Summarize in one sentence.", (proposal,), True),
            Answer("Summarize in one paragraph.", tuple(told), True),
            Answer("Name the method.", (proposal,), True),
            Answer("Name the result.", tuple(results) or ("None.",), bool(results)),
        ]
        return Group("paper", _abstract(paper.title, sentences), tuple(found))

    def _tldr(self) -> Group:
        title, sentences, nearest, targets = self._chance.choice(self._tldrs)
        found = [Answer("Summarize in one sentence.", (nearest,), True)]
        found += [Answer("Write a TLDR.", (target,), False) for target in targets[:2]]
        return Group("tldr", _abstract(title, sentences), tuple(found))

    def _question(self) -> Group:
        """A question and passages of different papers; it is about one of them, or about none."""
        count = self._chance.randint(*_PASSAGES)
        *shown, missing = self._chance.sample(self._papers, count + 1)
        right = self._chance.randrange(count)
        question, sentence = self._asked(shown[right])
        lines = []
        for marker, paper in enumerate(shown):
            must = {sentence} if marker == right else set()
            others = [text for text in paper.sentences if text not in must]
            room = self._chance.randint(*_OF_PASSAGE) - len(must)
            chosen = must | set(self._chance.sample(others, min(room, len(others))))
            tagged = " ".join(f"{text} [{marker + 1}]" for text in paper.sentences if text in chosen)
            lines.append(f"[{marker + 1}] {paper.title}. [{marker + 1}] {tagged}")
        answer = Answer("", (sentence, f"[{right + 1}]"), True)
        if self._chance.random() < _UNANSWERABLE:
            question, answer = self._asked(missing)[0], Answer("", (SENTINEL,), False)
        return Group("question", f"Question: {question}\n" + "\n".join(lines), (answer,))

    def _asked(self, paper: Abstract) -> tuple[str, str]:
        """A question and the sentence of the paper that answers it."""
        sentence = self._chance.choice(paper.sentences)
        words = [word for word in _WORD.findall(sentence.lower()) if word not in _SMALL]
        self._chance.shuffle(words)
        wanted = " ".join(words[: self._chance.randint(2, 5)])
        if not words or self._chance.random() < 1 / 4:
            return f"what does {paper.title} propose?", best_sentence(paper.title, paper.sentences)
        return self._chance.choice(_QUESTIONS).format(wanted), sentence


_QUESTIONS = ("which papers are about {}?", "what is said about {}?", "how about {}?", "by how much {}?", "{}?")
_SMALL = frozenset([
    "also", "been", "both", "does", "each", "from", "have", "into", "more", "most", "only", "other", "over", "show",
    "such", "than", "that", "their", "then", "there", "these", "they", "this", "using", "very", "what", "when", "where",
    "which", "while", "with",
])  # fmt: skip


def best_sentence(title: str, sentences: Sequence[str]) -> str:
    """The sentence with a cue of a contribution and the most words of the title, the earlier of equal ones."""
    words = set(_WORD.findall(title.lower()))

    def value(text: str) -> float:
        shared = len(words & set(_WORD.findall(text.lower()))) / (len(words) or 1)
        return shared + states_contribution(text)

    return max(sentences, key=value)


def without_tldr_papers(papers: Sequence[Abstract]) -> list[Abstract]:
    """Papers that share neither title nor first sentence with SciTLDR's dev set."""
    records = read_lines("scitldr", "dev.jsonl")
    known = {title_key(text) for record in records for text in (record.get("title") or "", record["source"][0])}
    return [paper for paper in papers if not {title_key(paper.title), title_key(paper.sentences[0])} & known]


def _tldrs() -> list[tuple[str, list[str], str, list[str]]]:
    """Title, sentences, the sentence nearest to the TLDRs, and the TLDRs."""
    found = []
    for record in read_lines("scitldr", "train.jsonl"):
        scores = record["rouge_scores"]
        nearest = record["source"][scores.index(max(scores))]
        found.append((record.get("title") or "", record["source"], nearest, record["target"]))
    return found


def _abstract(title: str, sentences: Sequence[str]) -> str:
    return f"Title: {title}\nAbstract: {' '.join(sentences)}\n"
