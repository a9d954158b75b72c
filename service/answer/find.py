"""From a planned question to the passages that an answer may rest on, or to the reason for having none."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from service.answer.workbench import Workbench
from service.errors import InputError
from service.index.relevance import (
    Answerability,
    Judged,
    answerability,
    cut,
    judge,
    read_again,
)
from service.index.retrieval import NearSentence, Ranking
from service.types import Filter, Hit, Passage, QuestionKind, Retrieved

_MOST_COMPARED = 5
_NEW_SHARE = {"factoid": 0.15, "comparison": 0.05}
"""Share of the question's meaning that a further paper must add to join the answer."""
_NEARLY = 0.92
"""A paper that is hardly less likely to answer than the best one joins it: either may be the right one."""
_QUANTITY = re.compile(
    r"\bhow (?:much|many|often|large|big|small|fast|long|far|high|low|well)\b|\bby how\b|"
    r"\b(?:what|which|with what|at what) (?:\w+ )?(?:accuracy|score|share|fraction|percentage|percent|number|size|rate|"
    r"speed|factor|ratio|cost|amount|bleu|f1|level)\b",
    re.IGNORECASE,
)
_QUANTITY_BONUS = 0.25
_DIGIT = re.compile(r"\d")
_MOST_SHOWN = 20
"""Papers of which it is told why they were retrieved."""


class Findings(NamedTuple):
    """What retrieval found for a question."""

    ranking: Ranking
    judged: list[Judged]
    """Best first."""
    answerable: Answerability


class Sentences(NamedTuple):
    """A passage with the sentences of its paper that may be quoted, nearest first."""

    passage: Passage
    sentences: tuple[NearSentence, ...]


def find(bench: Workbench, question: str, condition: Filter, kind: QuestionKind) -> Findings:
    """Rank and judge papers for a question.

    Raises:
        InputError: the question has no word to search for.
    """
    ranking = bench.stores.retriever.rank(question, condition, every_paper=kind == "list")
    if not ranking.terms:
        raise InputError("the question has no word to search for: name a subject, a method or a paper")
    judged = judge(ranking, bench.stores.catalog, bench.stores.lexical)
    judged = read_again(question, judged, bench.reranker())
    return Findings(ranking, judged, answerability(ranking.words, [item.evidence for item in judged], kind))


def retrieved(findings: Findings) -> tuple[Retrieved, ...]:
    """The best papers that were looked at, and why each was."""
    words = [word.text for word in findings.ranking.words]
    return tuple(
        Retrieved(
            paper_id=judged.paper.paper_id,
            title=judged.paper.title,
            score=round(judged.relevance, 6),
            cosine=round(judged.evidence.cosine, 6),
            terms=tuple(dict.fromkeys(word for word in words if word not in judged.evidence.missing_words)),
        )
        for judged in findings.judged[:_MOST_SHOWN]
    )


def list_passages(bench: Workbench, findings: Findings, most: int) -> list[Sentences]:
    """As many papers as deserve it, each with the sentence that says why."""
    count = cut([judged.relevance for judged in findings.judged], most)
    return _with_sentences(bench, findings, findings.judged[:count])


def fact_passages(bench: Workbench, findings: Findings, question: str, kind: QuestionKind) -> list[Sentences]:
    """The best paper, and further ones that bring words of the question which it lacks or are nearly as good."""
    total = sum(word.importance for word in findings.ranking.words) or 1.0
    chosen: list[Judged] = []
    lacking = list(findings.ranking.words)
    for judged in findings.judged[: _MOST_COMPARED if kind == "comparison" else 2]:
        brings = [word for word in lacking if word.text not in judged.evidence.missing_words]
        adds = sum(word.importance for word in brings) >= _NEW_SHARE.get(kind, 1.0) * total
        if not chosen or adds or judged.relevance >= _NEARLY * chosen[0].relevance:
            chosen.append(judged)
            lacking = [word for word in lacking if word not in brings]
    return _with_sentences(bench, findings, chosen, wants_number=bool(_QUANTITY.search(question)))


def _with_sentences(
    bench: Workbench, findings: Findings, chosen: Sequence[Judged], *, wants_number: bool = False
) -> list[Sentences]:
    near = bench.stores.retriever.near_sentences(findings.ranking, [judged.paper for judged in chosen])
    result = []
    for marker, judged in enumerate(chosen, start=1):
        sentences = near[judged.paper.paper_id]
        if wants_number:
            sentences = sorted(map(_with_bonus, sentences), key=lambda sentence: -sentence.score)
        hit = Hit(
            paper=judged.paper,
            quote=sentences[0].quote,
            score=round(judged.relevance, 6),
        )
        result.append(Sentences(Passage(marker=marker, hit=hit), tuple(sentences)))
    return result


def _with_bonus(sentence: NearSentence) -> NearSentence:
    bonus = _QUANTITY_BONUS if _DIGIT.search(sentence.quote.text) else 0.0
    return sentence._replace(score=sentence.score + bonus)
