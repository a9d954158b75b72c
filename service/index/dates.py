"""Dates and ranges of dates in questions: "27 July 2023", "in July 2023", "since 2024", "last week"."""

import re
from calendar import monthrange
from datetime import date, timedelta
from typing import NamedTuple

_MONTH_NAMES = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTHS = {name[:length]: number for number, name in enumerate(_MONTH_NAMES, 1) for length in (3, len(name))} | {
    "sept": 9
}
_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)\d{2})"
_FORMS = [
    re.compile(r"\b(?P<year>(?:19|20)\d{2})-(?P<month>\d{2})-(?P<day>\d{2})\b"),
    re.compile(rf"\b{_DAY}\s+(?:of\s+)?{_MONTH},?\s+{_YEAR}\b", re.IGNORECASE),
    re.compile(rf"\b{_MONTH}\s+{_DAY},?\s+{_YEAR}\b", re.IGNORECASE),
    re.compile(r"\b(?P<day>\d{1,2})[./](?P<month>\d{1,2})[./](?P<year>(?:19|20)\d{2})\b"),
    re.compile(rf"\b{_MONTH},?\s+(?:of\s+)?{_YEAR}\b", re.IGNORECASE),
    re.compile(r"\b(?P<year>(?:19|20)\d{2})-(?P<month>\d{2})\b"),
    re.compile(rf"\b{_YEAR}\b(?![-.]\d)"),
]
_RELATIVE = re.compile(r"\b(today|yesterday|this week|last week|this month|last month|this year|last year)\b", re.I)
_RELATION = re.compile(
    r"(?P<relation>since|after|from|before|until|till|up to|by the end of|between|in|on|during|of|for)"
    r"(?:\s+(?:the\s+)?(?:year|month|day|week|end|start|beginning)(?:\s+of)?)?\s*(?:the\s+)?$",
    re.IGNORECASE,
)


NUMBER_WORDS = {
    word: number
    for number, word in enumerate(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], start=1
    )
}


class Span(NamedTuple):
    """Inclusive range of days, `None` where it is open, and the part of the question that said so."""

    since: date | None
    until: date | None
    start: int
    end: int


class _Mention(NamedTuple):
    first: date
    last: date
    start: int
    end: int


def find_range(question: str, today: date, *, bare_years: bool) -> Span | None:
    """The range of days that a question names.

    Args:
        question: the text.
        today: what relative dates count from.
        bare_years: whether a year without a word such as "in" or "since" before it counts; "the 2019 survey" is
            a date only in a question about dates.

    Raises:
        ValueError: a day that does not exist.
    """
    mentions = _mentions(question, today)
    for index, mention in enumerate(mentions):
        before = _RELATION.search(question[: mention.start])
        relation = before.group("relation").lower() if before else ""
        is_year = (mention.first.month, mention.first.day, mention.last.month) == (1, 1, 12)
        if is_year and not bare_years and relation not in _YEAR_RELATIONS:
            continue
        start = before.start() if before else mention.start
        following = mentions[index + 1] if index + 1 < len(mentions) else None
        if following and _joined(question[mention.end : following.start], relation):
            return Span(mention.first, following.last, start, following.end)
        if relation in ("since",) or (relation == "from" and re.match(r"\s+on(?:wards?)?\b", question[mention.end :])):
            return Span(mention.first, None, start, mention.end)
        if relation == "after":
            return Span(mention.last + timedelta(days=1), None, start, mention.end)
        if relation == "before":
            return Span(None, mention.first - timedelta(days=1), start, mention.end)
        if relation in ("until", "till", "up to", "by the end of"):
            return Span(None, mention.last, start, mention.end)
        return Span(mention.first, mention.last, start, mention.end)
    return None


_YEAR_RELATIONS = ("since", "after", "from", "before", "until", "till", "up to", "between", "in", "during")


def _joined(between: str, relation: str) -> bool:
    words = between.strip().lower()
    return words in ("to", "until", "till", "-", "–", "through") or (words == "and" and relation in ("between", "from"))


def _mentions(question: str, today: date) -> list[_Mention]:
    found: list[_Mention] = []
    for form in _FORMS:
        for match in form.finditer(question):
            if not any(mention.start < match.end() and match.start() < mention.end for mention in found):
                found.append(_mention(match))
    for match in _RELATIVE.finditer(question):
        first, last = _relative(match.group(1).lower(), today)
        found.append(_Mention(first, last, match.start(), match.end()))
    return sorted(found, key=lambda mention: mention.start)


def _mention(match: re.Match[str]) -> _Mention:
    parts = match.groupdict()
    year = int(parts["year"])
    month = parts.get("month")
    number = int(month) if month and month.isdigit() else _MONTHS[month.lower()] if month else 0
    try:
        if not number:
            return _Mention(date(year, 1, 1), date(year, 12, 31), match.start(), match.end())
        if parts.get("day"):
            day = date(year, number, int(parts["day"]))
            return _Mention(day, day, match.start(), match.end())
        last = monthrange(year, number)[1]
        return _Mention(date(year, number, 1), date(year, number, last), match.start(), match.end())
    except ValueError:
        raise ValueError(f"a date that does not exist: {match.group()}") from None


def _relative(words: str, today: date) -> tuple[date, date]:
    monday = today - timedelta(days=today.weekday())
    month = today.replace(day=1)
    last_month_end = month - timedelta(days=1)
    ranges = {
        "today": (today, today),
        "yesterday": (today - timedelta(days=1),) * 2,
        "this week": (monday, today),
        "last week": (monday - timedelta(days=7), monday - timedelta(days=1)),
        "this month": (month, today),
        "last month": (last_month_end.replace(day=1), last_month_end),
        "this year": (today.replace(month=1, day=1), today),
        "last year": (date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)),
    }
    return ranges[words]
