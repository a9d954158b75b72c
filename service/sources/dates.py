"""Dates as sources print them: whole, in part, or not at all."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from service.text import one_line
from service.types import Failure

_ISO_DATE = re.compile(r"^(\d{4})-(\d{2})-(\d{2})(?:$|[T ])")
_PART_OF_DATE = re.compile(r"(\d{4})(?:[-/](\d{1,2}))?(?:[-/](\d{1,2}))?[-/]*\Z")
# Somewhere it is tomorrow already.
_AHEAD = timedelta(days=2)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Dated(NamedTuple):
    """A date, and whether a part of it was inferred."""

    day: date | None = None
    inferred: bool = False


def read_dates(where: str, given: Mapping[str, object]) -> tuple[dict[str, Any], list[Failure]]:
    """The dates of a record as fields of `Paper`, and a failure for each that is none: the paper does without it.

    Args:
        where: `file:line`.
        given: `published` and `listed`, as `Dated` or as texts; `None`, "" and those that are left out are unknown.
    """
    values: dict[str, Any] = {}
    failures = []
    for name, value in given.items():
        if value in (None, ""):
            continue
        try:
            dated = value if isinstance(value, Dated) else flexible_date(value)
            if dated.day:
                _past(dated.day)
        except ValueError as error:
            failures.append(Failure(where=where, reason=f"{name} is {error}; the paper is taken in without it"))
            continue
        values[name] = dated.day
        if name == "published":
            values["published_inferred"] = dated.inferred
    return values, failures


def flexible_date(value: object) -> Dated:
    """A date from `YYYY-MM-DD` with or without a time, from `YYYY-MM` or `YYYY`, or from a date of e-mail and RSS.

    Raises:
        ValueError: the text is no such date, the day does not exist, or it is yet to come.
    """
    if isinstance(value, str) and value[:1].isalpha():
        try:
            day = parsedate_to_datetime(value).date()
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"not a date: {one_line(value, 40)}") from None
        return Dated(_past(day))
    match = _PART_OF_DATE.match(str(value).strip()) if isinstance(value, str | int) else None
    return partial_date(*match.groups()) if match else Dated(iso_date(value))


def partial_date(year: object, month: object = None, day: object = None) -> Dated:
    """The date that the given parts make; a missing month or day is inferred to be the first.

    Raises:
        ValueError: there is no such date, or it is yet to come.
    """
    numbers = [_number(part) for part in (year, month, day)]
    if not str(year if year is not None else "").strip():
        return Dated()
    try:
        found = date(numbers[0], numbers[1] or 1, numbers[2] if numbers[1] and numbers[2] else 1)
    except (ValueError, OverflowError):
        raise ValueError(f"a date that does not exist: {'-'.join(str(part) for part in numbers if part)}") from None
    whole = bool(numbers[1] and numbers[2])
    if not whole and found.year == date.today().year + 1:
        # Journals print the year of an issue that is yet to come.
        return Dated()
    return Dated(_past(found), not whole)


def iso_date(value: object) -> date:
    """A date from `YYYY-MM-DD`, with or without a time behind it.

    Raises:
        ValueError: the text is no such date, the day does not exist, or it is yet to come.
    """
    match = _ISO_DATE.match(value.strip()) if isinstance(value, str) else None
    if not match:
        raise ValueError(f"not a date (YYYY-MM-DD): {one_line(str(value), 40)}")
    year, month, day = map(int, match.groups())
    try:
        found = date(year, month, day)
    except ValueError:
        raise ValueError(f"a date that does not exist: {match.group().strip(' T')}") from None
    return _past(found)


def _number(part: object) -> int:
    text = str(part if part is not None else "").strip().lower()
    if text[:3] in _MONTHS:
        return _MONTHS.index(text[:3]) + 1
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0


def _past(day: date) -> date:
    if day > date.today() + _AHEAD:
        raise ValueError(f"a date that is yet to come: {day.isoformat()}")
    return day
