"""What the writer learns: an abstract and tasks about it, or a question, numbered passages and the answer.

A question stands before its passages: a decoder sees only what came before, so it can tell what answers while it reads.
Answers are sentences of the prefix, each followed in questions by the marker of its passage, as the prompts of
`prompts/paperlm-2` have them; author-written TLDRs and titles are the only free text. Labels of sentences: of SciTLDR
the one nearest to the authors' TLDR, of other abstracts the cue phrases and title words that the selector looks at.
"""

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from eval.data import read_lines
from service.answer.selector import states_contribution, states_result
from service.answer.write import SENTINEL
from service.text import title_key
from training.abstracts import Abstract

_WORD = re.compile(r"[a-z]{4,}")
_PASSAGES = (3, 12)
_OF_PASSAGE = (1, 3)
_UNANSWERABLE = 0.1
_KINDS = (0.2, 0.4, 0.2, 0.05, 0.15)
"""Of papers, questions, questions with several answers, days and TLDRs."""
_PROBLEM = re.compile(r"\b(?:however|challeng|difficult|limit|lack|remain|costly|expensive|suffer|fail)", re.IGNORECASE)
_QUANTITY = re.compile(r"(?<![\w.-])\d+(?:\.\d+)?(?:\s?%|x\b|\u00d7|\s+(?:points?|times|percent)\b)")
_MOST_CHARACTERS = 7_000
"""Of a prefix: about 1,750 tokens."""
_INDEXED, _SHARED_BY, _ANSWERS = 20_000, (2, 60), (2, 4)
"""Papers whose words are known, for questions that several papers answer; how many have a word; how many answer."""


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
        self._shared = _shared_words(papers[:_INDEXED])
        self._kinds: tuple[Callable[[], Group], ...] = (self._paper, self._question, self._list, self._day, self._tldr)

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
        fields = {
            "problem": [text for text in sentences if _PROBLEM.search(text) and text != proposal][:1],
            "method": [proposal],
            "result": results,
            "numbers": [text for text in sentences if _QUANTITY.search(text)][:3],
        }
        found = [
            Answer("Summarize in one sentence.", (proposal,), True),
            Answer("Summarize in one paragraph.", tuple(told), True),
        ]
        found += [
            Answer(f"Name the {name}.", tuple(texts) or ("None.",), bool(texts)) for name, texts in fields.items()
        ]
        return Group("paper", _abstract(paper.title, sentences), tuple(found))

    def _tldr(self) -> Group:
        title, sentences, nearest, targets = self._chance.choice(self._tldrs)
        found = [Answer("Summarize in one sentence.", (nearest,), True)]
        found += [Answer("Write a TLDR.", (target,), False) for target in targets[:2]]
        return Group("tldr", _abstract(title, sentences), tuple(found))

    def _question(self) -> Group:
        """A question and passages of different papers; it is about one of them, or about none."""
        *shown, missing = self._chance.sample(self._papers, self._chance.randint(*_PASSAGES) + 1)
        right = self._chance.randrange(len(shown))
        question, sentence = self._asked(shown[right])
        if self._chance.random() < _UNANSWERABLE:
            question, answer = self._asked(missing)[0], Answer("", (SENTINEL,), False)
        else:
            answer = _cited([(right, sentence)])
        return Group("question", self._prefix(question, shown, {right: sentence}), (answer,))

    def _list(self) -> Group:
        """A question about a word that several papers have, and passages of these and of others."""
        word, having = self._chance.choice(self._shared)
        most = min(_ANSWERS[1], len(having))
        answering = self._chance.sample(having, self._chance.randint(_ANSWERS[0], most))
        others = self._chance.sample(self._papers, self._chance.randint(*_PASSAGES))
        without = [paper for paper in others if word not in paper.whole.lower()]
        shown = [*answering, *without][: _PASSAGES[1]]
        self._chance.shuffle(shown)
        said = {
            place: next(text for text in paper.sentences if word in text.lower())
            for place, paper in enumerate(shown)
            if paper in answering
        }
        question = self._chance.choice(_LISTS).format(word)
        return Group("list", self._prefix(question, shown, said), (_cited(said.items()),))

    def _day(self) -> Group:
        """An opening for a day: what the first papers that say it contribute."""
        shown = self._chance.sample(self._papers, self._chance.randint(*_PASSAGES))
        best = {place: best_sentence(paper.title, paper.sentences) for place, paper in enumerate(shown)}
        told = [(place, text) for place, text in best.items() if states_contribution(text)][:3]
        answers = (_cited(told),) if told else ()
        return Group("day", self._prefix("what is new today?", shown, best), answers)

    def _prefix(self, question: str, shown: Sequence[Abstract], said: Mapping[int, str]) -> str:
        """The question and some sentences of each paper, of which those that are said by its place are among them."""
        lines = [f"Question: {question}"]
        for place, paper in enumerate(shown):
            must = {said[place]} if place in said else set()
            others = [text for text in paper.sentences if text not in must]
            room = self._chance.randint(*_OF_PASSAGE) - len(must)
            chosen = must | set(self._chance.sample(others, min(room, len(others))))
            tagged = " ".join(f"{text} [{place + 1}]" for text in paper.sentences if text in chosen)
            lines.append(f"[{place + 1}] {paper.title}. [{place + 1}] {tagged}")
        return "\n".join(lines)

    def _asked(self, paper: Abstract) -> tuple[str, str]:
        """A question and the sentence of the paper that answers it."""
        sentence = self._chance.choice(paper.sentences)
        words = [word for word in _WORD.findall(sentence.lower()) if word not in _SMALL]
        self._chance.shuffle(words)
        wanted = " ".join(words[: self._chance.randint(2, 5)])
        if not words or self._chance.random() < 1 / 4:
            return f"what does {paper.title} propose?", best_sentence(paper.title, paper.sentences)
        return self._chance.choice(_QUESTIONS).format(wanted), sentence


_LISTS = ("which papers are about {}?", "which papers have {}?", "list papers on {}", "papers about {}?")
_QUESTIONS = ("which paper is about {}?", "what is said about {}?", "how about {}?", "by how much {}?", "{}?")
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


def _shared_words(papers: Sequence[Abstract]) -> list[tuple[str, list[Abstract]]]:
    """Words of sentences that few papers have but several, and these papers."""
    having: dict[str, list[Abstract]] = {}
    for paper in papers:
        for word in sorted({word for text in paper.sentences for word in _WORD.findall(text.lower())} - _SMALL):
            having.setdefault(word, []).append(paper)
    least, most = _SHARED_BY
    return [(word, found) for word, found in having.items() if least <= len(found) <= most]


def _cited(said: Iterable[tuple[int, str]]) -> Answer:
    """An answer of sentences, each with the marker of its passage, which has a place from 0."""
    return Answer("", tuple(piece for place, text in said for piece in (text, f"[{place + 1}]")), True)


def _abstract(title: str, sentences: Sequence[str]) -> str:
    return f"Title: {title}\nAbstract: {' '.join(sentences)}\n"
