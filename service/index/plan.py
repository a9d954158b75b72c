"""What a question asks for: a list of papers, a fact, a comparison, or something that the catalog itself knows.

Questions about dates, categories, numbers of authors and comments become catalog queries; no model guesses them. Rules,
not a model: each has a case in `tests/index/test_plan.py` or `plan_table.py`, and a wrong plan can be read off the
answer's `kind`. The patterns stand in `plan_patterns.py`, questions that name papers in `plan_named.py`.
"""

import re
from datetime import date
from typing import Literal, NamedTuple

from service.index import plan_patterns as patterns
from service.index.catalog import Order
from service.index.dates import Span, find_range
from service.index.plan_categories import take_categories
from service.index.plan_named import about_one, asks_which, compared, number, similar_to, which_first
from service.types import Filter, QuestionKind, Record

Operation = Literal[
    "retrieve", "similar", "select", "count", "when", "how_many_authors", "how_many_comments", "who", "which_first"
]


class Plan(Record):
    """How a question is to be answered."""

    kind: QuestionKind
    operation: Operation = "retrieve"
    condition: Filter = Filter()
    order: Order = "oldest"
    limit: int = 0
    """Papers asked for; 0 where the question gives no number."""
    min_authors: int = 0
    max_authors: int = 0
    """Bounds of the number of authors; 0 where there is none."""
    topic: str = ""
    """What the papers are about, for retrieval; empty where only metadata is asked for."""
    subjects: tuple[str, ...] = ()
    """The papers that the question names, or the things that it compares."""

    @property
    def by_authors(self) -> bool:
        """Whether the number of authors is bounded."""
        return bool(self.min_authors or self.max_authors)


class _Authors(NamedTuple):
    """Bounds of the number of authors, and the question without them."""

    low: int
    high: int
    rest: str
    of_papers: bool
    """Certainly said of papers: "single-author papers"."""


def make_plan(question: str, today: date) -> Plan:
    """Plan a question; `today` is what "last week" counts from.

    Raises:
        ValueError: the question names a day that does not exist.
    """
    text = _bare(question)
    text = re.sub(r"\b(what|who|when)['’]s\b", r"\1 is", text, flags=re.IGNORECASE)
    text = re.sub(r"^(?:please|hey|hi|hello)\b,? |,? please$", "", text, flags=re.IGNORECASE)
    named = _about_named_papers(text)
    if named is not None:
        return named
    categories, text = take_categories(text)
    plan = _similar(text, today) or _planned(text, question, today, bool(categories))
    if categories:
        plan = plan.model_copy(update={"condition": plan.condition.model_copy(update={"categories": categories})})
    return plan


def _bare(question: str) -> str:
    return " ".join(question.split()).rstrip("?!. ")


def _about_named_papers(text: str) -> Plan | None:
    one = about_one(text)
    if one is not None:
        return Plan(kind="metadata", operation=one[0], subjects=(one[1],))
    two = which_first(text)
    return Plan(kind="metadata", operation="which_first", subjects=two) if two else None


def _similar(text: str, today: date) -> Plan | None:
    span = find_range(text, today, bare_years=False)
    similar = similar_to(_cut_out(text, span) if span else text)
    if similar is None:
        return None
    condition = Filter(since=span.since, until=span.until) if span else Filter()
    return Plan(
        kind="list",
        operation="similar",
        condition=condition,
        limit=similar.limit,
        topic=similar.subject,
        subjects=(similar.subject,),
    )


def _planned(text: str, question: str, today: date, within_categories: bool) -> Plan:
    """The plan of a question that names no paper."""
    text, order = _without_sorting(text)
    order = order or next((order for form, order in patterns.SUPERLATIVES if form.search(text)), None)
    counts = patterns.COUNT.match(text) or patterns.COUNT_KIND.match(text)
    about_dates = order is not None or bool(patterns.ABOUT_DATES.search(text) or counts)
    undated, condition = _without_dates(text, today, about_dates)
    authors = _authors(undated)
    rest = _besides_metadata(authors.rest if authors else undated)
    if authors and not (order or authors.of_papers or not rest or patterns.TOPIC.search(authors.rest)):
        authors, rest = None, _besides_metadata(undated)
    topic = _counted_topic(authors.rest if authors else undated)
    if topic is not None and (topic or not rest):
        return _bounded(Plan(kind="metadata", operation="count", condition=condition, topic=topic), authors)
    if order is not None or authors:
        return _bounded(_selection(authors.rest if authors else undated, condition, order, rest), authors)
    if (within_categories or not condition.is_open) and not rest:
        return Plan(kind="metadata", operation="select", condition=condition)
    return _retrieval(text, undated, condition, question)


def _retrieval(text: str, undated: str, condition: Filter, question: str) -> Plan:
    """The plan of a question that the papers' texts answer."""
    kind: QuestionKind = "list" if _is_list(text) else _kind(undated)
    subjects = compared(undated) if asks_which(undated) or not _is_list(text) else ()
    if len(subjects) > 1:
        kind = "comparison"
    return Plan(
        kind=kind,
        condition=condition,
        # Its mark tells the embedder that a question is one.
        topic=question if undated in ("", _bare(question)) else undated,
        subjects=subjects if kind == "comparison" else (),
    )


def _without_sorting(text: str) -> tuple[str, Order | None]:
    for form, order in patterns.SORTED:
        match = form.search(text)
        if match:
            return f"{text[: match.start()]}{text[match.end() :]}".strip(" ,"), order
    return text, None


def _without_dates(text: str, today: date, about_dates: bool) -> tuple[str, Filter]:
    """The question without the days that it restricts the papers to, and the restriction."""
    for bare_years in (about_dates, True):
        span = find_range(text, today, bare_years=bare_years)
        if span is None:
            continue
        undated = _cut_out(text, span)
        alone = not _besides_metadata(undated)
        if not (alone or about_dates or _PAPERS.search(text)) and patterns.TODAYS_STATE.fullmatch(
            text[span.start : span.end]
        ):
            continue
        if about_dates or (not bare_years and _kind(text) == "list") or alone:
            return undated, Filter(since=span.since, until=span.until)
    return text, Filter()


_PAPERS = patterns.pattern(rf"\b{patterns.PAPER}\b|\bnew\b")


def _cut_out(text: str, span: Span) -> str:
    undated = f"{text[: span.start]} {text[span.end :]}"
    return " ".join(patterns.SAID_WITH_DATE.sub(" ", undated).split()).strip(" ,")


def _besides_metadata(text: str) -> str:
    return " ".join(patterns.METADATA_WORD.sub(" ", text).split())


def _counted_topic(text: str) -> str | None:
    """What the papers whose number is wanted are about, empty for all; or `None` where no number of papers is."""
    match = patterns.COUNT_TOPIC.match(text)
    if match:
        return match["topic"].strip(" ,")
    kind = patterns.COUNT_KIND.match(text)
    if kind and not _besides_metadata(kind["rest"]):
        return _besides_metadata(kind["topic"])
    return "" if patterns.COUNT.match(text) else None


def _selection(text: str, condition: Filter, order: Order | None, rest: str) -> Plan:
    """Papers in an order, or with a number of authors."""
    topic = patterns.TOPIC.search(text)
    said = patterns.LIMIT.search(text)
    limit = 0
    if said:
        limit = number(said["behind"] or said["before"])
    elif order is not None and not re.search(rf"\b(?:{patterns.PAPERS}|new$)", text, re.IGNORECASE):
        limit = 1
    return Plan(
        kind="metadata",
        operation="select",
        condition=condition,
        order=order or "oldest",
        limit=limit,
        topic=topic.group("topic").strip(" ,") if topic else rest,
    )


def _bounded(plan: Plan, authors: _Authors | None) -> Plan:
    if authors is None:
        return plan
    return plan.model_copy(update={"min_authors": authors.low, "max_authors": authors.high})


def _authors(text: str) -> _Authors | None:
    """How many authors the papers are to have."""
    forms = (
        (patterns.ONE_AUTHOR, True),
        (patterns.AUTHORED, True),
        (patterns.AUTHOR_RANGE, False),
        (patterns.AUTHORS_BY, False),
        (patterns.AUTHOR_COUNT, False),
    )
    for form, of_papers in forms:
        match = form.search(text)
        if match:
            rest = " ".join(f"{text[: match.start()]} {text[match.end() :]}".split()).strip(" ,")
            return _Authors(*_author_bounds(match.groupdict()), rest, of_papers)
    return None


def _author_bounds(said: dict[str, str | None]) -> tuple[int, int]:
    """Least and greatest number of authors; 0: none."""
    if said.get("low"):
        ends = number(said["low"] or ""), number(said["high"] or "")
        return min(ends), max(ends)
    count = number(said.get("count") or "one")
    bound = " ".join(filter(None, (said.get("bound"), said.get("behind")))).lower().strip() or "exactly"
    if bound in ("more than", "over", "above", ">"):
        return count + 1, 0
    if bound in ("at least", "no fewer than", ">=", "+", "or more"):
        return count, 0
    if bound in ("fewer than", "less than", "under", "below", "<"):
        return 1, count - 1
    if bound in ("at most", "no more than", "up to", "<=", "or fewer", "or less"):
        return 1, count
    return count, count


def _kind(text: str) -> QuestionKind:
    if _is_list(text):
        return "list"
    if patterns.COMPARISON.search(text):
        return "comparison"
    return "factoid" if patterns.QUESTION_WORD.match(text) else "list"


def _is_list(text: str) -> bool:
    plural = patterns.PLURAL_HEAD.match(text)
    if plural:
        was = re.search(r"\b(?:were|was|did|does)\b", plural["rest"].split(" that ")[0], re.IGNORECASE)
        # "Which datasets were used to train X?" asks for a fact, "which methods were tried on a robot?" does not.
        if not was or (patterns.METHODS.match(text) and not patterns.NAME_OR_NUMBER.search(plural["rest"])):
            return True
    circumstances = patterns.CIRCUMSTANCES.match(text)
    if circumstances and not patterns.NAME_OR_NUMBER.search(text[circumstances.end() :]):
        return True
    return bool(patterns.LIST.search(text))
