"""Answers to the judged questions.

Are the right papers listed, is the supporting sentence quoted, are the citations real, and are questions without an
answer refused?
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from eval import metrics
from eval.questions import Question
from service.library import Library
from service.settings import Mode
from service.types import Answer


class Judged(NamedTuple):
    """One answer with what it is worth; a value is `None` where it does not apply."""

    question: Question
    answer: Answer
    precision: float | None
    recall: float | None
    f1: float | None
    support: float | None
    """Share of the supporting spans that are quoted."""
    false_quotes: int
    """Quotes that are no verbatim span of the paper they cite, and claims that cite nothing."""


def evaluate(library: Library, questions: Sequence[Question], mode: Mode) -> list[Judged]:
    """Ask all questions."""
    return [judge(question, library.ask(question.text, mode=mode)) for question in questions]


def judge(question: Question, answer: Answer) -> Judged:
    """Compare one answer with what is known."""
    if question.kind == "unanswerable" or answer.abstained:
        return Judged(question, answer, None, None, None, None, _false_quotes(answer))
    found = {passage.hit.paper.title for passage in answer.passages}
    relevant = {title for title, grade in question.grades.items() if grade > 0}
    quotes = [quote.text for claim in answer.claims for quote in claim.quotes]
    support = [any(span in quote or quote in span for quote in quotes) for span in question.support]
    return Judged(
        question,
        answer,
        metrics.precision(found, relevant),
        len(found & relevant) / len(relevant),
        metrics.f1(found, relevant),
        metrics.mean([float(hit) for hit in support]) if support else None,
        _false_quotes(answer),
    )


def summary(judged: Sequence[Judged]) -> dict[str, Any]:
    """Means by kind of question, refusals, and the number of false quotes."""
    by_kind: dict[str, list[Judged]] = defaultdict(list)
    for item in judged:
        by_kind[item.question.kind].append(item)
    answerable = [item for item in judged if item.question.kind != "unanswerable"]
    unanswerable = by_kind.get("unanswerable", [])
    return {
        "kinds": {
            kind: {
                "questions": len(items),
                "refused": sum(item.answer.abstained for item in items),
                "papers": round(
                    metrics.mean([float(len(i.answer.passages)) for i in items if not i.answer.abstained]), 1
                ),
                **{
                    name: round(metrics.mean([v for item in items if (v := getattr(item, name)) is not None]), 3)
                    for name in ("precision", "recall", "f1", "support")
                },
            }
            for kind, items in by_kind.items()
        },
        "answerable refused": f"{sum(item.answer.abstained for item in answerable)} of {len(answerable)}",
        "unanswerable refused": f"{sum(item.answer.abstained for item in unanswerable)} of {len(unanswerable)}",
        "claims": sum(len(item.answer.claims) for item in judged),
        "false quotes": sum(item.false_quotes for item in judged),
    }


def _false_quotes(answer: Answer) -> int:
    abstracts = {passage.hit.paper.paper_id: passage.hit.paper.abstract for passage in answer.passages}
    markers = {passage.marker for passage in answer.passages}
    wrong = 0
    for claim in answer.claims:
        wrong += not claim.quotes or not claim.citations or not set(claim.citations) <= markers
        wrong += sum(quote.text not in abstracts.get(quote.paper_id, "") for quote in claim.quotes)
    return wrong
