"""A plan that a capable writer proposes: its JSON schema, and what of it is believed.

The question is untrusted text and so is the reply. A reply can be a kind, an operation and a filter, nothing else, and
it counts only where every part of it can be traced to the question; anything odd makes it no plan.
"""

import json
import re
from datetime import date

from pydantic import ConfigDict, Field, ValidationError

from service.index.catalog import Order
from service.index.dates import NUMBER_WORDS
from service.index.plan import Operation, Plan
from service.index.plan_categories import mentioned
from service.types import Filter, QuestionKind, Record

LONGEST_REPLY = 2_000
_OPERATIONS: dict[QuestionKind, frozenset[Operation]] = {
    "list": frozenset(("retrieve", "similar")),
    "factoid": frozenset(("retrieve",)),
    "comparison": frozenset(("retrieve",)),
    "metadata": frozenset(("select", "count", "when", "how_many_authors", "how_many_comments", "who", "which_first")),
}
_SUBJECTS: dict[Operation, tuple[int, int]] = {
    "similar": (1, 1),
    "when": (1, 1),
    "how_many_authors": (1, 1),
    "how_many_comments": (1, 1),
    "who": (1, 1),
    "which_first": (2, 2),
}
"""How few and how many papers are named; none for the others, but for comparisons."""
_MOST_SIDES = 4
_SAYS_WHEN = re.compile(
    r"\d|\b(?:today|yesterday|days?|weeks?|weekend|months?|years?|quarter|decade|recently|spring|summer|autumn|fall|"
    r"winter|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|jan\w*|feb\w*|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug\w*|sep\w*|"
    r"oct\w*|nov\w*|dec\w*)\b",
    re.IGNORECASE,
)
_SAYS_NUMBER = re.compile(rf"\d|\b(?:{'|'.join(NUMBER_WORDS)}|single|solo|sole|alone|dozen)\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")


class PlanReply(Record):
    """What a writer is asked to fill in; every field, so that none is left to a default by oversight.

    No string has a bound: in a grammar one would be as many nested rules. `LONGEST_REPLY` bounds them all.
    """

    model_config = ConfigDict(strict=True)

    kind: QuestionKind
    operation: Operation
    topic: str
    subjects: tuple[str, ...] = Field(max_length=_MOST_SIDES)
    since: str
    until: str
    categories: tuple[str, ...] = Field(max_length=8)
    order: Order
    limit: int = Field(ge=0, le=1_000)
    min_authors: int = Field(ge=0, le=9_999)
    max_authors: int = Field(ge=0, le=9_999)


def plan_schema() -> str:
    """The JSON schema of a reply."""
    return json.dumps(PlanReply.model_json_schema())


def read_plan(reply: str, question: str) -> Plan | None:
    """The plan of a reply, or `None` where it is not one for this question."""
    if len(reply) > LONGEST_REPLY:
        return None
    try:
        said = PlanReply.model_validate_json(reply.strip())
        since, until = _day(said.since), _day(said.until)
    except (ValidationError, ValueError):
        return None
    if not (_is_whole(said, since, until) and _is_of(said, question)):
        return None
    return Plan(
        kind=said.kind,
        operation=said.operation,
        condition=Filter(since=since, until=until, categories=said.categories),
        order=said.order,
        limit=said.limit,
        min_authors=said.min_authors,
        max_authors=said.max_authors,
        topic=said.topic.strip() or _topic(said, question),
        subjects=tuple(subject.strip() for subject in said.subjects),
    )


def _day(text: str) -> date | None:
    """A day as `YYYY-MM-DD`; none where the text is empty.

    Raises:
        ValueError: it is anything else.
    """
    if text and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError(text)
    return date.fromisoformat(text) if text else None


def _is_whole(said: PlanReply, since: date | None, until: date | None) -> bool:
    """Whether the parts of the reply agree with each other."""
    low, high = _SUBJECTS.get(said.operation, (0, _MOST_SIDES if said.kind == "comparison" else 0))
    return (
        said.operation in _OPERATIONS[said.kind]
        and low <= len(said.subjects) <= high
        and not (since and until and since > until)
        and not (said.max_authors and said.min_authors > said.max_authors)
        and (said.kind == "metadata" or not (said.min_authors or said.max_authors))
    )


def _is_of(said: PlanReply, question: str) -> bool:
    """Whether what the reply says stands in the question: words, categories, and that days or numbers are named."""
    words = _words(question)
    return (
        all(_words(text) <= words and text.strip() for text in said.subjects)
        and _words(said.topic) <= words
        and set(said.categories) <= mentioned(question)
        and (not (said.since or said.until) or bool(_SAYS_WHEN.search(question)))
        and (not (said.min_authors or said.max_authors) or bool(_SAYS_NUMBER.search(question)))
    )


def _topic(said: PlanReply, question: str) -> str:
    if said.operation == "similar":
        return said.subjects[0]
    return "" if said.kind == "metadata" else question


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))
