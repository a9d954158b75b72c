"""Dates and ranges of dates in questions: "27 July 2023", "since 2024", "last week", "two months ago".

A day or month without a year is the most recent one that has begun: "in July", "on 3 May", "since Monday".
"""

import re
from calendar import monthrange
from collections.abc import Callable
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
    # Day first; but 7/27/2023 can only be written month first.
    re.compile(r"\b(?P<month>0?[1-9]|1[0-2])/(?P<day>1[3-9]|2\d|3[01])/(?P<year>(?:19|20)\d{2})\b"),
    re.compile(r"\b(?P<day>\d{1,2})[./](?P<month>\d{1,2})[./](?P<year>(?:19|20)\d{2})\b"),
    re.compile(r"\b(?P<year>(?:19|20)\d{2})/(?P<month>0[1-9]|1[0-2])/(?P<day>\d{2})\b"),
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
_PARTS = {
    **{f"q{number}": (3 * number - 2, 3 * number) for number in range(1, 5)},
    **{f"{word} quarter": (3 * number - 2, 3 * number) for number, word in enumerate(("first", "second", "third"), 1)},
    **dict.fromkeys(("fourth quarter", "last quarter"), (10, 12)),
    **dict.fromkeys(("h1", "first half"), (1, 6)),
    **dict.fromkeys(("h2", "second half", "last half"), (7, 12)),
    "early": (1, 4),
    "mid": (5, 8),
    "late": (9, 12),
}
"""First and last month of the parts of a year."""
_PART = re.compile(rf"\b(?P<part>{'|'.join(_PARTS)})(?:\s+of)?(?:\s+|-){_YEAR}\b", re.IGNORECASE)

NUMBER_WORDS = {
    word: number
    for number, word in enumerate(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], start=1
    )
}
_AMOUNTS = {**NUMBER_WORDS, "a": 1, "an": 1, "couple of": 2, "a couple of": 2, "few": 3, "a few": 3}
_AMOUNT = rf"(?:\d{{1,3}}|{'|'.join(sorted(_AMOUNTS, key=len, reverse=True))})"
_UNITS = {"day": 1, "week": 7, "month": 30, "year": 365}
_UNIT = r"(?:day|week|month|year)"
_RELATIVE = re.compile(
    rf"\b(?P<words>today|yesterday|(?:this|last|past|previous) (?:(?P<count>{_AMOUNT}) )?(?P<unit>{_UNIT})s?)\b", re.I
)
_AGO = re.compile(rf"\b(?P<count>{_AMOUNT}) (?P<unit>{_UNIT})s? ago\b", re.I)
_AGE = re.compile(
    rf"\b(?:less than (?P<young>{_AMOUNT}) (?P<young_unit>{_UNIT})s? old|"
    rf"(?P<bound>older|newer|younger|more recent) than (?P<count>{_AMOUNT}) (?P<unit>{_UNIT})s?)\b(?! ago)",
    re.I,
)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY = re.compile(
    r"\b(?:(?P<before>this|last|past) |(?<=on )|(?<=since )|(?<=from )|(?<=until )|(?<=before )|"
    r"(?<=after )|(?=\w+['’]s ))"
    rf"(?P<weekday>{'|'.join(_WEEKDAYS)})\b",
    re.I,
)
# Without a year; "mar" and "may" are also other words, so "may" needs the word before it and "mar" is not taken.
_NAMED_MONTH = rf"(?:{'|'.join(sorted(set(_MONTHS) - {'mar'}, key=len, reverse=True))})"
_YEARLESS = [
    re.compile(
        rf"\b(?:on|since|from|until|till|before|after|up to|of)\s+(?:the\s+)?"
        rf"(?P<span>(?:{_DAY}\s+(?:of\s+)?{_MONTH}|(?P<month_first>{_NAMED_MONTH})\.?\s+(?P<day_second>\d{{1,2}})"
        rf"(?:st|nd|rd|th)?)\b)(?!,?\s*(?:of\s+)?(?:19|20)\d\d)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?:in|since|from|during|until|till|before|after|between)\s+"
        rf"(?P<span>(?P<month>{_NAMED_MONTH})(?:{_TO}(?P<last_month>{_NAMED_MONTH}))?)\b(?!\.?,?\s*(?:of\s+)?\d|\s+\d)",
        re.IGNORECASE,
    ),
    re.compile(rf"(?P<span>\b(?:this|last|past) (?P<month>{_NAMED_MONTH}))\b(?!,?\s*\d)", re.IGNORECASE),
]

_BEFORE = ("before", "prior to", "earlier than", "older than", "pre")
_AFTER = ("after", "later than", "newer than", "more recent than", "post")
_SINCE = ("since", "not before", "no earlier than", "starting in", "starting from", "starting", "beginning in", "as of")
_UNTIL = ("until", "till", "up to and including", "up to", "by the end of", "no later than", "not after")
_WITHIN = ("from", "between", "in", "during", "within", "throughout", "over")
_RELATION = re.compile(
    rf"\b(?P<relation>{'|'.join(sorted((*_BEFORE, *_AFTER, *_SINCE, *_UNTIL, *_WITHIN), key=len, reverse=True))}|"
    r"on|of|for)(?:-|(?:\s+(?:the\s+)?(?:year|month|day|week|end|start|beginning)(?:\s+of)?)?\s*(?:the\s+)?)$",
    re.IGNORECASE,
)
_YEAR_RELATIONS = (*_BEFORE, *_AFTER, *_SINCE, *_UNTIL, "from", "between", "in", "during", "within", "throughout")
_OPEN_END = re.compile(
    r"\s+(?:(?:and|or) )?(?:onwards?|later|newer|afterwards?|after|since then|more recent)\b", re.IGNORECASE
)
_ON = re.compile(r"\s+on(?:wards?)?\b", re.IGNORECASE)
_OPEN_START = re.compile(r"\s+(?:and|or) (?:earlier|before|older)\b(?!\s+\d)", re.IGNORECASE)
# "2048 tokens", "2000 steps": a number of things. But "2023 papers", "2023 was", and "the paper of 2023 uses".
_THINGS = re.compile(r"\s+(?!(?:papers|articles|works|studies|preprints|publications|is|was|has|does|as|its|this)\b)"
                     r"[a-z-]+(?<!s)s\b")  # fmt: skip
# "WMT 2014", "SemEval 2016": the year belongs to a name.
_NAME_BEFORE = re.compile(r"\b\w*[A-Z]\w*[A-Z]\w*\s*$")
_PAPER_BEFORE = re.compile(r"\b(?:papers?|articles?|works?|study|studies|published|released|listed|out)\s*$", re.I)


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
    open_start: bool = False
    """Everything until `last` is meant: "older than two years"."""
    open_end: bool = False

    @property
    def open_first(self) -> date | None:
        return None if self.open_start else self.first

    @property
    def open_last(self) -> date | None:
        return None if self.open_end else self.last


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
    rest = question[mention.end :]
    if relation in _AFTER:
        return relation, Span(mention.last + timedelta(days=1), None, start, mention.end)
    if relation in _BEFORE:
        return relation, Span(None, mention.first - timedelta(days=1), start, mention.end)
    if relation in _SINCE:
        return relation, Span(mention.first, None, start, mention.end)
    if relation in _UNTIL:
        return relation, Span(None, mention.last, start, mention.end)
    if behind := (_ON if relation == "from" else _OPEN_END).match(rest) or _OPEN_END.match(rest):
        return relation or "from", Span(mention.first, None, start, mention.end + behind.end())
    if behind := _OPEN_START.match(rest):
        return relation or "until", Span(None, mention.last, start, mention.end + behind.end())
    return relation, Span(mention.open_first, mention.open_last, start, mention.end)


def _is_bare_year(question: str, mention: _Mention) -> bool:
    return question[mention.start : mention.end].isdigit() and mention.first != mention.last


def _is_year_of_papers(question: str, relation: str, span: Span, bare_years: bool) -> bool:
    if _THINGS.match(question, span.end) and not _PAPER_BEFORE.search(question[: span.start]):
        return False
    if (
        not relation
        and _NAME_BEFORE.search(question[: span.start])
        and not _PAPER_BEFORE.search(question[: span.start])
    ):
        return False
    return bare_years or relation in _YEAR_RELATIONS


def _mentions(question: str, today: date) -> list[_Mention]:
    found: list[_Mention] = []
    makers: list[tuple[list[re.Pattern[str]], Callable[[re.Match[str], date], _Mention]]] = [
        ([_PART], _part),
        (_FORMS, _mention),
        ([_AGO], _ago),
        ([_AGE], _age),
        ([_RELATIVE], _relative),
        (_YEARLESS, _yearless),
        ([_WEEKDAY], _weekday),
    ]
    for forms, make in makers:
        for form in forms:
            for match in form.finditer(question):
                start, end = match.span("span" if "span" in form.groupindex else 0)
                if not any(mention.start < end and start < mention.end for mention in found):
                    found.append(make(match, today)._replace(start=start, end=end))
    return sorted(found, key=lambda mention: mention.start)


def _mention(match: re.Match[str], _today: date) -> _Mention:
    """A date with its year."""
    parts = match.groupdict()
    year, month = int(parts["year"]), parts.get("month")
    number = _month(month) if month else 0
    if not number:
        return _Mention(date(year, 1, 1), date(year, 12, 31), 0, 0)
    if parts.get("day"):
        day = _day(year, number, int(parts["day"]), match.group())
        return _Mention(day, day, 0, 0)
    return _months(year, number, year, number, match.group())


def _part(match: re.Match[str], _today: date) -> _Mention:
    first, last = _PARTS[match["part"].lower()]
    return _months(int(match["year"]), first, int(match["year"]), last, match.group())


def _yearless(match: re.Match[str], today: date) -> _Mention:
    """The most recent such day or months that have begun."""
    parts = match.groupdict()
    number = _month(parts.get("month_first") or parts["month"])
    if day := parts.get("day") or parts.get("day_second"):
        # A leap day is at most eight years back.
        for year in range(today.year, today.year - 9, -1):
            if int(day) <= monthrange(year, number)[1] and date(year, number, int(day)) <= today:
                return _Mention(date(year, number, int(day)), date(year, number, int(day)), 0, 0)
        raise ValueError(f"a date that does not exist: {match['span']}")
    last = _month(parts["last_month"]) if parts.get("last_month") else number
    year = today.year if date(today.year, last, 1) <= today else today.year - 1
    return _months(year if number <= last else year - 1, number, year, last, match.group())


def _month(text: str) -> int:
    return int(text) if text.isdigit() else _MONTHS[text.lower()]


def _day(year: int, month: int, day: int, text: str) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"a date that does not exist: {text}") from None


def _months(year: int, month: int, last_year: int, last_month: int, text: str) -> _Mention:
    """From the first day of a month to the last day of another."""
    first = _day(year, month, 1, text)
    return _Mention(first, _day(last_year, last_month, monthrange(last_year, last_month)[1], text), 0, 0)


def _weekday(match: re.Match[str], today: date) -> _Mention:
    """The most recent such day; "last Monday", said on a Monday, was a week ago."""
    back = (today.weekday() - _WEEKDAYS.index(match["weekday"].lower())) % 7
    if not back and (match["before"] or "").lower() in ("last", "past"):
        back = 7
    day = today - timedelta(days=back)
    return _Mention(day, day, 0, 0)


def _amount(word: str) -> int:
    return int(word) if word.isdigit() else _AMOUNTS[word.lower()]


def _ago(match: re.Match[str], today: date) -> _Mention:
    """The day, week, month or year of the calendar that was so long ago."""
    count, unit = _amount(match["count"]), match["unit"].lower()
    if unit == "year":
        return _months(today.year - count, 1, today.year - count, 12, match.group())
    if unit == "month":
        year, month = divmod(today.year * 12 + today.month - 1 - count, 12)
        return _months(year, month + 1, year, month + 1, match.group())
    day = today - timedelta(days=count * _UNITS[unit])
    monday = day - timedelta(days=day.weekday())
    return _Mention(monday, monday + timedelta(days=6), 0, 0) if unit == "week" else _Mention(day, day, 0, 0)


def _age(match: re.Match[str], today: date) -> _Mention:
    """Papers older or newer than so long."""
    count, unit = match["young"] or match["count"], match["young_unit"] or match["unit"]
    day = today - timedelta(days=_amount(count) * _UNITS[unit.lower()])
    if (match["bound"] or "").lower() == "older":
        day -= timedelta(days=1)
        return _Mention(day, day, 0, 0, open_start=True)
    return _Mention(day, today, 0, 0, open_end=True)


def _relative(match: re.Match[str], today: date) -> _Mention:
    """First and last day: "last week" ended on Sunday, "the past week" and "the last 7 days" end today."""
    words = match["words"].lower().replace("previous", "last")
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
        return _Mention(*ranges[words], 0, 0)
    days = _amount(match["count"] or "one") * _UNITS[match["unit"].lower()]
    return _Mention(today - timedelta(days=max(days, 1) - 1), today, 0, 0)
