"""Passages for a comparison: what answers the question as a whole, and a paper for each thing that is compared."""

from collections.abc import Iterable

from service.answer.find import Findings, Sentences, fact_passages
from service.answer.workbench import Workbench
from service.index.plan import Plan
from service.index.relevance import Judged, judge
from service.text import title_key
from service.types import Paper

_COVERED = 0.6
"""Share of a thing's name that a paper must have to stand for it, where no title names it."""


def comparison_passages(bench: Workbench, findings: Findings, question: str, plan: Plan) -> list[Sentences]:
    """The best papers for the whole question, then for each thing that none of them treats the best paper for it alone.

    A paper whose title names a thing stands for it before all others.
    """
    whole = fact_passages(bench, findings, question, "comparison")
    chosen = [passage.passage.hit.paper.paper_id for passage in whole]
    judged = {item.paper.paper_id: item for item in findings.judged}
    added = []
    for subject in plan.subjects:
        item = _paper_for(bench, subject, plan, [judged[paper_id] for paper_id in chosen if paper_id in judged])
        if item is not None and item.paper.paper_id not in chosen:
            chosen.append(item.paper.paper_id)
            # Judged for the whole question where it is: that is the scale of the others.
            added.append(judged.get(item.paper.paper_id, item))
            judged.setdefault(item.paper.paper_id, item)
    passages = whole + [
        fact_passages(bench, findings._replace(judged=[item]), question, "comparison")[0] for item in added
    ]
    by_name = [any(_names(judged[paper_id].paper, subject) for paper_id in chosen) for subject in plan.subjects]
    if len(by_name) > 1 and all(by_name):
        # Each has its own paper: further ones only have some of the words.
        passages = [
            passage
            for number, passage in enumerate(passages)
            if not number or any(_names(passage.passage.hit.paper, subject) for subject in plan.subjects)
        ]
    return _numbered(passages)


def all_named(bench: Workbench, plan: Plan) -> bool:
    """Whether each of the things that are compared is in the title of a paper."""
    return len(plan.subjects) > 1 and all(
        any(_names(item.paper, subject) for item in _found(bench, subject, plan)) for subject in plan.subjects
    )


def _found(bench: Workbench, subject: str, plan: Plan) -> list[Judged]:
    """The papers for one of the things alone; none where its name has no word to search for."""
    ranking = bench.stores.retriever.rank(subject, plan.condition)
    return judge(ranking, bench.stores.catalog, bench.stores.lexical) if ranking.terms else []


def _paper_for(bench: Workbench, subject: str, plan: Plan, chosen: list[Judged]) -> Judged | None:
    """The paper that stands for one of the things; `None` where a chosen one does already, or none in the catalog."""
    if any(_names(item.paper, subject) for item in chosen):
        return None
    found = _found(bench, subject, plan)
    named = next((item for item in found if _names(item.paper, subject)), None)
    if named is not None:
        return named
    present = {term for item in chosen for term in bench.terms(f"{item.paper.title} {item.paper.abstract}")}
    if set(bench.terms(subject)) <= present:
        return None
    return found[0] if found and found[0].evidence.coverage >= _COVERED else None


def _names(paper: Paper, subject: str) -> bool:
    """Whether the title has the thing's name as it is, as "KVQuant: Towards …" has "KVQuant"."""
    return f" {title_key(subject)} " in f" {title_key(paper.title)} "


def _numbered(passages: Iterable[Sentences]) -> list[Sentences]:
    return [
        sentences._replace(passage=sentences.passage.model_copy(update={"marker": marker}))
        for marker, sentences in enumerate(passages, start=1)
    ]
