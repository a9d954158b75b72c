"""The query language of search: quotes, `title:`, `author:`, `cat:`, `since:`, `until:`, `day:` and `word*`.

Every text is a query. What is no operator is text to rank by; an operator narrows what may be found, several narrow it
together. An unclosed quote ends with the text; a field that is not known is text, as is an operator without a value.

    "activation memory"        these words in this order
    title:adapter              in the title; title:"side tuning" for several words
    author:hinton              author:"geoffrey hinton"
    cat:cs.CL                  cat:cs means every category of cs
    quantiz*                   a word that begins so; also title:quantiz* and author:hint*
    since:2024-01-01 until:2024-12-31 day:2024-03-05      inclusive; 2024-03 and 2024 are the whole month and year
"""

import re
from calendar import monthrange
from datetime import date
from typing import Literal, NamedTuple

from service.errors import InputError
from service.index.lexical import Field, Required
from service.types import Filter

_SHORTEST_START = 2
"""Letters that `word*` needs: with one nearly every paper passes."""
_FIELDS: dict[str, Field] = {
    "title": "title",
    "author": "author",
    "au": "author",
    "cat": "category",
    "category": "category",
}
_DATES: dict[str, Literal["since", "until", "day"]] = {"since": "since", "until": "until", "day": "day"}
_OPERATOR = re.compile(
    rf'(?<!\S)(?:(?P<field>{"|".join([*_FIELDS, *_DATES])}):)?(?:["“”](?P<phrase>[^"“”]*)(?:["“”]|$)|(?P<word>\S+))',
    re.IGNORECASE,
)
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_START = re.compile(r"[^\W_]+(?:-[^\W_]+)*\*")


class Query(NamedTuple):
    """What a query means."""

    text: str
    """To rank by: free text, and the words that are required of text and title."""
    required: tuple[Required, ...]
    condition: Filter

    @property
    def narrows(self) -> bool:
        """Whether not every paper passes."""
        return bool(self.required) or not self.condition.is_open


def parse_query(query: str, condition: Filter | None = None) -> Query:
    """The meaning of a query.

    Args:
        query: any text.
        condition: what narrows it already; both hold.

    Raises:
        InputError: a date that is none.
    """
    text: list[str] = []
    required: list[Required] = []
    narrowed = condition or Filter()
    for match in _OPERATOR.finditer(query):
        name, value = (match["field"] or "").lower(), (match["phrase"] or match["word"] or "").strip()
        if name in _DATES and value:
            narrowed = _within(narrowed, name, value)
        elif one := _required(name, match["phrase"], value):
            required.append(one)
            text += [one.words] if one.field in ("text", "title") else []
        else:
            text.append(value if match["phrase"] is not None else match.group())
    return Query(" ".join(text), tuple(required), narrowed)


def _required(name: str, phrase: str | None, value: str) -> Required | None:
    """What an operator requires; `None` for text."""
    if not any(character.isalnum() for character in value):
        return None
    field = _FIELDS.get(name, "text")
    if field == "category":
        return Required(field, re.sub(r"\.?\*$", "", value))
    if phrase is None and _START.fullmatch(value) and len(value) > _SHORTEST_START:
        return Required(field, value[:-1], prefix=True)
    return Required(field, value) if name or phrase is not None else None


def _within(condition: Filter, name: str, value: str) -> Filter:
    """The condition narrowed by a date."""
    first, last = _days(name, value)
    since = first if name in ("since", "day") else date.min
    until = last if name in ("until", "day") else date.max
    latest, earliest = max(condition.since or date.min, since), min(condition.until or date.max, until)
    return condition.model_copy(
        update={
            "since": None if latest == date.min else latest,
            "until": None if earliest == date.max else earliest,
        }
    )


def _days(name: str, value: str) -> tuple[date, date]:
    """First and last day of a year, a month, or a day."""
    match = _DAY.fullmatch(value)
    if match is None:
        raise InputError(f"{name}:{value}: a date is expected, as {name}:2024-03-05, {name}:2024-03 or {name}:2024")
    year, month, day = (int(part) if part else 0 for part in match.groups())
    try:
        first = date(year, month or 1, day or 1)
    except ValueError:
        raise InputError(f"{name}:{value}: there is no such date") from None
    if day:
        return first, first
    return first, date(year, month or 12, monthrange(year, month or 12)[1])
