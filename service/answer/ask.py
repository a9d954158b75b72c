"""Answer a question: plan, retrieve, cut, write, check; or abstain and say why."""

import time
from collections.abc import Callable
from datetime import date

from service.answer.compare import all_named, comparison_passages
from service.answer.find import Findings, Sentences, fact_passages, find, list_passages
from service.answer.metadata import answer_metadata
from service.answer.planning import planned
from service.answer.running import Steps
from service.answer.similar import answer_similar
from service.answer.workbench import Workbench
from service.answer.write import claims_text, write_answer
from service.errors import EmptyCatalogError, InputError
from service.index.plan import Plan
from service.settings import Mode, Planner
from service.text import clean_text
from service.types import Answer, Claim, Passage, Provenance

LONGEST_QUESTION = 2_000
_SENTENCES = {"list": 1, "factoid": 3, "comparison": 2}
"""Of each paper. The sentence that answers is the nearest in 0.61, among three in 0.87 of 26 questions after facts."""


def checked_question(question: str) -> str:
    """The question as one clean line.

    Raises:
        InputError: it is empty or too long.
    """
    if len(question) > LONGEST_QUESTION:
        raise InputError(f"the question has {len(question):,} characters, more than {LONGEST_QUESTION:,}: shorten it")
    cleaned = clean_text(question)
    if not cleaned:
        raise InputError("the question is empty")
    return cleaned


OnFindings = Callable[[Findings], None]
"""Told what retrieval found, before anything is written."""


def ask(
    bench: Workbench,
    question: str,
    *,
    mode: Mode,
    most: int,
    today: date,
    planner: Planner = "rules",
    on_findings: OnFindings | None = None,
) -> Steps[Answer]:
    """Answer one question; `most` bounds the papers of a list.

    Raises:
        InputError: the question is empty, too long, names a day that does not exist, or has only stop words.
        EmptyCatalogError: there are no papers.
    """
    start = time.perf_counter()
    question = checked_question(question)
    if not bench.stores.catalog.count():
        raise EmptyCatalogError("the catalog has no papers yet: paperboy ingest PATH")
    plan = yield from planned(bench, question, today, planner)
    if plan.kind == "metadata":
        return answer_metadata(bench, question, plan, most)
    if plan.operation == "similar":
        similar = answer_similar(bench, question, plan, most)
        if similar is not None:
            return similar
    findings = find(bench, plan.topic or question, plan.condition, plan.kind)
    if on_findings:
        on_findings(findings)
    # Of two papers that are compared by name, neither has to have the words of both.
    if findings.answerable.refuse and not (plan.kind == "comparison" and all_named(bench, plan)):
        return _abstained(bench, question, plan, findings, start)
    passages = _passages(bench, plan, findings, question, most)
    per_passage = _SENTENCES[plan.kind]
    claims, provenance = yield from write_answer(bench, question, passages, per_passage, mode)
    if not claims:
        reason = "the writer found no answer in the passages"
        return _abstained(bench, question, plan, findings, start, reason)
    return _answer(question, plan, claims, [p.passage for p in passages], provenance, findings)


def _passages(bench: Workbench, plan: Plan, findings: Findings, question: str, most: int) -> list[Sentences]:
    if plan.kind == "list":
        return list_passages(bench, findings, most)
    if plan.kind == "comparison" and plan.subjects:
        return comparison_passages(bench, findings, question, plan)
    return fact_passages(bench, findings, question, plan.kind)


def _answer(
    question: str, plan: Plan, claims: list[Claim], passages: list[Passage], provenance: Provenance, findings: Findings
) -> Answer:  # fmt: skip
    counts = {
        "searched": findings.ranking.searched,
        "judged": len(findings.judged),
        "listed": len(passages),
    }
    return Answer(
        question=question,
        text=claims_text(claims),
        abstained=False,
        kind=plan.kind,
        claims=tuple(claims),
        passages=tuple(passages),
        provenance=provenance.model_copy(update=counts),
    )


def _abstained(
    bench: Workbench, question: str, plan: Plan, findings: Findings, start: float, reason: str = ""
) -> Answer:  # fmt: skip
    """An answer that says why there is none, and which papers came nearest."""
    searched, missing = findings.ranking.searched, findings.answerable.missing_words
    if not reason and not searched:
        within = " or ".join(plan.condition.categories)
        reason = f"no paper of the catalog is {f'in {within}' if within else 'from that time'}"
    elif not reason:
        lacking = f" Nothing on: {', '.join(missing)}." if missing else ""
        reason = f"none of the {searched} papers answers this.{lacking}"
    nearest = [judged.paper.title for judged in findings.judged[:3]]
    text = reason[0].upper() + reason[1:] + (f" Nearest: {'; '.join(nearest)}." if nearest else "")
    provenance = bench.provenance("extractive", start).model_copy(
        update={"searched": searched, "judged": len(findings.judged), "reason": reason}
    )
    return Answer(
        question=question,
        text=text,
        abstained=True,
        kind=plan.kind,
        claims=(),
        passages=(),
        provenance=provenance,
    )
