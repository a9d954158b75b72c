"""What requests may have: every field bounded, an unknown one refused."""

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from service.answer.ask import LONGEST_QUESTION
from service.library import MOST_HITS
from service.settings import Mode
from service.sources.records import MAX_ABSTRACT_CHARACTERS, MAX_TITLE_CHARACTERS
from service.types import Filter, SummaryLength

_TEXT: JsonDict = {"type": "string"}
_NULL: JsonDict = {"type": "null"}
_NONE: JsonDict = {"const": ""}
"""In the schemas of bodies of which some fields exclude others."""
_LONGEST_SOURCE = 200_000
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOST_CATEGORIES = 50
_LONGEST_ID = 300


def _written_as_a_day(value: object) -> object:
    """Pydantic alone takes a number for seconds since 1970."""
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("a day is expected, as 2026-05-02")
    if not isinstance(value, str | date | None):
        raise ValueError("a day is expected, as a string such as 2026-05-02")
    return value


Day = Annotated[date, BeforeValidator(_written_as_a_day)]
Question = Annotated[
    str, Field(min_length=1, max_length=LONGEST_QUESTION, examples=["which papers reduce activation memory?"])
]
Category = Annotated[str, Field(min_length=1, max_length=100, examples=["cs.CL"])]
PaperId = Annotated[str, Field(min_length=1, max_length=_LONGEST_ID)]


class Body(BaseModel):
    """Base of all bodies."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PapersQuery(Body):
    """Which papers to list."""

    day: Day | None = None
    since: Day | None = None
    until: Day | None = None
    category: Category | None = None
    order: Literal["newest", "oldest", "upvotes", "comments"] = "newest"
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str | None, Field(pattern=r"^\d{1,9}$")] = None

    def condition(self) -> Filter:
        """As a filter."""
        categories = (self.category,) if self.category else ()
        return Filter(day=self.day, since=self.since, until=self.until, categories=categories)


class DaysQuery(Body):
    """Which days to list."""

    since: Day | None = None
    until: Day | None = None


class PageQuery(Body):
    """A part of a list, newest first."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str | None, Field(pattern=r"^\d{1,15}$")] = None


class PapersBody(Body):
    """Papers to take in."""

    papers: Annotated[
        list[dict[str, Any]],
        Field(
            min_length=1,
            max_length=2_000,
            examples=[[{"title": "Quick", "abstract": "It was slow. We propose Quick.", "published": "2026-05-02"}]],
        ),
    ]


class SearchBody(Body):
    """A search."""

    query: Annotated[str, Field(min_length=1, max_length=LONGEST_QUESTION, examples=["kv cache quantization"])]
    k: Annotated[int, Field(ge=1, le=MOST_HITS)] = 10
    since: Day | None = None
    until: Day | None = None
    day: Day | None = None
    categories: Annotated[list[Category], Field(max_length=_MOST_CATEGORIES)] = []

    def condition(self) -> Filter:
        """As a filter."""
        return Filter(since=self.since, until=self.until, day=self.day, categories=tuple(self.categories))


class SuggestBody(Body):
    """What has been typed so far."""

    text: Annotated[str, Field(max_length=LONGEST_QUESTION, examples=["spars"])]
    k: Annotated[int, Field(ge=1, le=50)] = 8


class AskBody(Body):
    """A question."""

    question: Question
    mode: Mode | None = None
    k: Annotated[int | None, Field(ge=1, le=100)] = None


class SummaryBody(Body):
    """A paper of the catalog, or a text that is in none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"paper_id": "t7e06ace18a7", "length": "sentence"}],
            "oneOf": [
                {"required": ["paper_id"], "properties": {"paper_id": _TEXT, "abstract": _NULL, "title": _NONE}},
                {"required": ["abstract"], "properties": {"abstract": _TEXT, "paper_id": _NULL}},
            ],
        }
    )

    paper_id: PaperId | None = None
    title: Annotated[str, Field(max_length=MAX_TITLE_CHARACTERS)] = ""
    abstract: Annotated[str | None, Field(min_length=1, max_length=MAX_ABSTRACT_CHARACTERS)] = None
    length: SummaryLength = "sentence"
    mode: Mode | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "SummaryBody":
        if (self.paper_id is None) == (self.abstract is None):
            raise ValueError("give either paper_id, or abstract with its title")
        if self.paper_id is not None and self.title:
            raise ValueError("a paper of the catalog has its title already: leave title out")
        return self


class DigestBody(Body):
    """The day or the days of a digest."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"day": "latest"}, {"since": "2023-07-24", "until": "2023-07-28"}],
            "oneOf": [
                {"required": ["day"], "properties": {"day": _TEXT, "since": _NULL, "until": _NULL}},
                {"required": ["since"], "properties": {"since": _TEXT, "day": _NULL}},
                {"required": ["until"], "properties": {"until": _TEXT, "day": _NULL, "since": _NULL}},
            ],
        }
    )

    day: Day | Literal["latest"] | None = None
    since: Day | None = None
    until: Day | None = None
    mode: Mode | None = None

    @model_validator(mode="after")
    def _some_day(self) -> "DigestBody":
        if (self.day is None) == (self.since is None and self.until is None):
            raise ValueError("name a day (a date, or latest), or a range by since and until")
        return self

    def condition(self) -> Filter:
        """As a filter; empty for `latest`."""
        return Filter(day=None if self.day == "latest" else self.day, since=self.since, until=self.until)


class VerifyBody(Body):
    """A text and what it is checked against."""

    source: Annotated[str, Field(min_length=1, max_length=_LONGEST_SOURCE, examples=["Quick is 3 times as fast."])]
    summary: Annotated[str, Field(min_length=1, max_length=_LONGEST_SOURCE, examples=["Quick is 4 times as fast."])]


class EmptyBody(Body):
    """Nothing."""
