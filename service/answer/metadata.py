"""Answers that the catalog itself knows: dates, numbers of authors, order in time. No model takes part."""

import time
from collections.abc import Sequence
from datetime import date

from service.answer.find import find
from service.answer.lookup import paper_meant
from service.answer.summarize import key_sentences
from service.answer.workbench import Workbench
from service.answer.write import claims_text
from service.index.catalog import Known, Stored
from service.index.plan import Plan
from service.index.retrieval import JUDGED
from service.text import counted
from service.types import Answer, Claim, Filter, Hit, Passage, Verdict


def answer_metadata(bench: Workbench, question: str, plan: Plan, most: int) -> Answer:
    """Answer from the catalog, or abstain with what the catalog does have."""
    start = time.perf_counter()
    if plan.operation in ("when", "how_many_authors", "how_many_comments", "who"):
        papers, texts, reason = _about_one(bench, plan)
    elif plan.operation == "which_first":
        papers, texts, reason = _order_of_two(bench, plan)
    elif plan.operation == "count":
        papers, texts, reason = _count(bench, plan, most)
    else:
        papers, texts, reason = _select(bench, plan, most)
    passages = [_passage(bench, marker, paper) for marker, paper in enumerate(papers, start=1)]
    claims = [_claim(text, markers, passages) for text, markers in texts]
    provenance = bench.provenance("extractive", start).model_copy(
        update={"searched": bench.stores.catalog.count(), "listed": len(papers), "reason": reason}
    )
    return Answer(
        question=question,
        text=claims_text(claims) if claims else reason,
        abstained=not claims,
        kind="metadata",
        claims=tuple(claims),
        passages=tuple(passages),
        provenance=provenance,
    )


Texts = list[tuple[str, tuple[int, ...]]]
"""Claims with their markers."""


def _select(bench: Workbench, plan: Plan, most: int) -> tuple[list[Stored], Texts, str]:
    papers, number = _fitting(bench, plan, plan.limit or most)
    texts: Texts = [(_described(paper, plan), (marker,)) for marker, paper in enumerate(papers, start=1)]
    if number > len(papers) and not plan.limit:
        shown = f"{counted(number, 'paper')} fit, the first {len(papers):,} are"
        texts.insert(0, (shown, tuple(range(1, len(papers) + 1))))
    return papers, texts, "" if papers else _nothing(bench, plan)


def _fitting(bench: Workbench, plan: Plan, most: int) -> tuple[list[Stored], int]:
    """The first `most` papers that fit the plan, in its order, and how many fit."""
    if not plan.topic:
        catalog, known = bench.stores.catalog, _known(plan)
        return catalog.select(plan.condition, plan.order, most, known), catalog.number(plan.condition, known)
    found = sorted(_on_topic(bench, plan), key=lambda paper: _sort_key(paper, plan))
    found = [paper for paper in found if _has_value(paper, plan)]
    return found[:most], len(found)


def _known(plan: Plan) -> Known | None:
    """What must be known of a paper: one without a date is not the newest."""
    if plan.order in ("most_authors", "fewest_authors") or plan.by_authors:
        return plan.min_authors, plan.max_authors
    if plan.order == "most_comments":
        return "comments"
    return None if plan.operation == "count" else "day"


def _has_value(paper: Stored, plan: Plan) -> bool:
    """The same of a paper that was read."""
    known = _known(plan)
    if isinstance(known, tuple):
        return paper.n_authors is not None and known[0] <= paper.n_authors <= (known[1] or paper.n_authors)
    return known is None or getattr(paper, known) is not None


def _on_topic(bench: Workbench, plan: Plan) -> list[Stored]:
    """The papers that probably are about the topic; the best one at least, unless none answers."""
    condition = plan.condition
    if plan.operation == "select" and plan.order in ("newest", "oldest") and condition.since is None:
        # Of the papers on a topic only so many are judged: those without a date must not take the places.
        condition = condition.model_copy(update={"since": date.min})
    findings = find(bench, plan.topic, condition, "list")
    if findings.answerable.refuse:
        return []
    judged = findings.judged
    return [item.paper for item in judged[:1]] + [item.paper for item in judged[1:] if item.relevance >= _ON_TOPIC]


_ON_TOPIC = 0.5
"""Least probability of being relevant. On 50 list questions over the sample pages the newest paper of those that pass
is a relevant one in 0.54 of the cases; of the ten best in 0.30, of those that a list would have in 0.30."""
_NAMED = 3
"""Authors that are named."""


def _sort_key(paper: Stored, plan: Plan) -> tuple[float, int]:
    value = {
        "newest": -(paper.day.toordinal() if paper.day else 0),
        "oldest": paper.day.toordinal() if paper.day else 10**7,
        "most_authors": -(paper.n_authors or 0),
        "fewest_authors": paper.n_authors or 10**6,
        "most_comments": -(paper.comments or 0),
        "stored": 0,
    }[plan.order]
    return value, paper.row


def _described(paper: Stored, plan: Plan) -> str:
    parts = [_dated(paper)] if paper.day else []
    if paper.authors:
        parts.append(f"by {', '.join(paper.authors)}" if len(paper.authors) <= _NAMED else _first_of(paper))
    elif paper.n_authors:
        parts.append(counted(paper.n_authors, "author"))
    if plan.order == "most_comments":
        parts.append(counted(paper.comments or 0, "comment"))
    return f"“{paper.title}” ({', '.join(parts)})" if parts else f"“{paper.title}”"


def _first_of(paper: Stored) -> str:
    others = counted((paper.n_authors or len(paper.authors)) - _NAMED, "other")
    return f"by {', '.join(paper.authors[:_NAMED])} and {others}"


def _dated(paper: Stored) -> str:
    """The paper's own date, or else the day on which it was listed."""
    if paper.published:
        inferred = ", inferred in part" if paper.published_inferred else ""
        return f"published {paper.published.isoformat()}{inferred}"
    return f"listed {paper.listed.isoformat()}" if paper.listed else "no date"


def _nothing(bench: Workbench, plan: Plan) -> str:
    categories = plan.condition.categories
    if categories and not len(bench.stores.catalog.rows(Filter(categories=categories))):
        return f"No paper of the catalog is in {' or '.join(categories)}."
    if plan.topic and len(bench.stores.catalog.rows(plan.condition)):
        return f"No paper of the catalog that fits is about “{plan.topic}”."
    latest = bench.stores.catalog.latest_day()
    if latest is None:
        return "No paper of the catalog has a date."
    oldest = bench.stores.catalog.select(Filter(), "oldest", 1)[0].day
    when = f"the dated papers are from {oldest} to {latest}"
    return f"No paper of the catalog fits; {when}."


def _count(bench: Workbench, plan: Plan, most: int) -> tuple[list[Stored], Texts, str]:
    papers, number = _fitting(bench, plan, most)
    if not papers:
        return [], [], _nothing(bench, plan)
    what = f"{counted(number, 'paper')} fit{'s' if number == 1 else ''}"
    if plan.topic:
        at_least = "at least " if number >= JUDGED else ""
        what = f"{at_least}{counted(number, 'paper')} found on “{plan.topic}”"
    text = f"{what}, such as these" if number > len(papers) else what
    return papers, [(text, tuple(range(1, len(papers) + 1)))], ""


def _about_one(bench: Workbench, plan: Plan) -> tuple[list[Stored], Texts, str]:
    name = plan.subjects[0]
    paper = paper_meant(bench, name)
    if paper is None:
        return [], [], f"No paper of the catalog is known as “{name}”."
    if plan.operation == "when":
        known, missing = f"({_dated(paper)})" if paper.day else "", "date"
    elif plan.operation == "how_many_comments":
        known = f"has {counted(paper.comments, 'comment')}" if paper.comments is not None else ""
        missing = "number of comments"
    elif plan.operation == "how_many_authors":
        known, missing = f"has {counted(paper.n_authors, 'author')}" if paper.n_authors else "", "number of authors"
    else:
        known, missing = f"is by {', '.join(paper.authors)}" if paper.authors else "", "names of authors"
    if not known:
        return [], [], f"The catalog has no {missing} for “{paper.title}”."
    return [paper], [(f"“{paper.title}” {known}", (1,))], ""


def _order_of_two(bench: Workbench, plan: Plan) -> tuple[list[Stored], Texts, str]:
    papers: list[Stored] = []
    for name in plan.subjects:
        paper = paper_meant(bench, name)
        if paper is None:
            return [], [], f"No paper of the catalog is known as “{name}”."
        if paper.day is None:
            return [], [], f"The catalog has no date for “{paper.title}”."
        papers.append(paper)
    first, second = papers
    days = first.day, second.day
    relation = "on the same day as" if days[0] == days[1] else "before" if str(days[0]) < str(days[1]) else "after"
    text = f"“{first.title}” ({_dated(first)}) came {relation} “{second.title}” ({_dated(second)})"
    return papers, [(text, (1, 2))], ""


def _passage(bench: Workbench, marker: int, paper: Stored) -> Passage:
    """The paper with the sentence that says best what it is about."""
    return Passage(marker=marker, hit=Hit(paper=paper, quote=key_sentences(bench, paper, 1)[0], score=1.0))


def _claim(text: str, markers: tuple[int, ...], passages: Sequence[Passage]) -> Claim:
    quotes = tuple(passages[marker - 1].hit.quote for marker in markers)
    return Claim(text=text, citations=markers, quotes=quotes, verdict=Verdict.SUPPORTED, reason="from the catalog")
