"""Dates and ranges of dates in questions: "27 July 2023", "in July 2023", "since 2024", "last week"."""

import re
from calendar import monthrange
from datetime import date, timedelta
from itertools import zip_longest
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
_ANY_MONTH = rf"(?:{'|'.join(sorted(_MONTHS, key=len, reverse=True))})"
_ANY_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_MONTH = rf"(?P<month>{_ANY_MONTH})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)\d{2})"
_TO = r"\s*(?:to|until|till|through|and|or|-|–)\s*"
_FORMS = [
    re.compile(r"\b(?P<year>(?:19|20)\d{2})-(?P<month>\d{2})-(?P<day>\d{2})\b"),
    re.compile(rf"\b{_DAY}\s+(?:of\s+)?{_MONTH},?\s+{_YEAR}\b", re.IGNORECASE),
    re.compile(rf"\b{_MONTH}\s+{_DAY},?\s+{_YEAR}\b", re.IGNORECASE),
    re.compile(r"\b(?P<day>\d{1,2})[./](?P<month>\d{1,2})[./](?P<year>(?:19|20)\d{2})\b"),
    re.compile(rf"\b{_MONTH},?\s+(?:of\s+)?{_YEAR}\b", re.IGNORECASE),
    re.compile(r"\b(?P<year>(?:19|20)\d{2})-(?P<month>0[1-9]|1[0-2])\b"),
    re.compile(rf"\b{_YEAR}\b(?!\.\d|-(?!(?:19|20)\d{{2}}\b)\d)"),
    # The first of two, where only the second has a year: "March to May 2023", "5 to 9 March 2023".
    re.compile(
        rf"\b(?:{_DAY}\s+(?:of\s+)?)?{_MONTH}(?={_TO}(?:{_ANY_DAY}\s+(?:of\s+)?)?{_ANY_MONTH}\.?,?\s+{_YEAR}\b)",
        re.IGNORECASE,
    ),
    re.compile(rf"\b{_MONTH}\s+{_DAY}(?={_TO}{_ANY_MONTH}\.?\s+{_ANY_DAY},?\s+{_YEAR}\b)", re.IGNORECASE),
    re.compile(rf"\b{_DAY}(?={_TO}{_ANY_DAY}\s+(?:of\s+)?{_MONTH},?\s+{_YEAR}\b)", re.IGNORECASE),
]
_UNITS = {"day": 1, "week": 7, "month": 30, "year": 365}
_RELATIVE = re.compile(
    r"\b(?P<words>today|yesterday|(?:this|last|past) (?:(?P<count>\d{1,2}) )?(?P<unit>day|week|month|year)s?)\b", re.I
)
_RELATION = re.compile(
    r"\b(?P<relation>since|after|from|before|until|till|up to|by the end of|between|in|on|during|of|for)"
    r"(?:\s+(?:the\s+)?(?:year|month|day|week|end|start|beginning)(?:\s+of)?)?\s*(?:the\s+)?$",
    re.IGNORECASE,
)
_YEAR_RELATIONS = ("since", "after", "from", "before", "until", "till", "up to", "between", "in", "during")
# "2048 tokens", "2000 steps": a number of things. But "2023 papers", "2023 was", and "the paper of 2023 uses".
_THINGS = re.compile(r"\s+(?!(?:papers|articles|works|studies|preprints|publications|is|was|has|does|as|its|this)\b)"
                     r"[a-z-]+(?<!s)s\b")  # fmt: skip
_PAPER_BEFORE = re.compile(r"\b(?:papers?|articles?|works?|study|studies|published|released|listed|out)\s*$", re.I)


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
    for mention, following in zip_longest(mentions, mentions[1:]):
        relation, span = _related(question, mention)
        if _is_bare_year(question, mention) and not _is_year_of_papers(question, relation, span, bare_years):
            continue
        if following is None:
            return span
        if re.fullmatch(_TO, question[mention.end : following.start], re.IGNORECASE):
            first, last = min(mention.first, following.first), max(mention.last, following.last)
            return Span(first, last, span.start, following.end)
        other = _related(question, following)[1]
        if re.fullmatch(r"\s*(?:and|but)?\s*", question[span.end : other.start], re.IGNORECASE):
            # "since 2020 and before 2023"
            if span.until is None and other.since is None:
                return Span(span.since, other.until, span.start, other.end)
            if span.since is None and other.until is None:
                return Span(other.since, span.until, span.start, other.end)
        return span
    return None


def _related(question: str, mention: _Mention) -> tuple[str, Span]:
    """The word such as "since" before a mention, in lower case or empty, and the range that both mean."""
    before = _RELATION.search(question[: mention.start])
    # "in the 2019 survey" is not "in 2019".
    if before and _is_bare_year(question, mention) and before.group().lower().endswith("the "):
        before = None
    relation = before.group("relation").lower() if before else ""
    start = before.start() if before else mention.start
    if relation == "since" or (relation == "from" and re.match(r"\s+on(?:wards?)?\b", question[mention.end :])):
        return relation, Span(mention.first, None, start, mention.end)
    if relation == "after":
        return relation, Span(mention.last + timedelta(days=1), None, start, mention.end)
    if relation == "before":
        return relation, Span(None, mention.first - timedelta(days=1), start, mention.end)
    if relation in ("until", "till", "up to", "by the end of"):
        return relation, Span(None, mention.last, start, mention.end)
    return relation, Span(mention.first, mention.last, start, mention.end)


def _is_bare_year(question: str, mention: _Mention) -> bool:
    return question[mention.start : mention.end].isdigit() and mention.first != mention.last


def _is_year_of_papers(question: str, relation: str, span: Span, bare_years: bool) -> bool:
    if _THINGS.match(question, span.end) and not _PAPER_BEFORE.search(question[: span.start]):
        return False
    return bare_years or relation in _YEAR_RELATIONS


def _mentions(question: str, today: date) -> list[_Mention]:
    found: list[_Mention] = []
    for form in _FORMS:
        for match in form.finditer(question):
            if not any(mention.start < match.end() and match.start() < mention.end for mention in found):
                found.append(_mention(match))
    for match in _RELATIVE.finditer(question):
        first, last = _relative(match, today)
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


def _relative(match: re.Match[str], today: date) -> tuple[date, date]:
    """First and last day: "last week" ended on Sunday, "the past week" and "the last 7 days" end today."""
    words = match["words"].lower()
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
    if words in ranges:
        return ranges[words]
    days = int(match["count"] or 1) * _UNITS[match["unit"].lower()]
    return today - timedelta(days=max(days, 1) - 1), today
