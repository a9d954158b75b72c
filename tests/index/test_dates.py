"""Dates in questions: every form, every relation, what only looks like a date, and days that do not exist."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.index.dates import find_range

TODAY = date(2026, 11, 21)
"""A Saturday."""

Range = tuple[str | None, str | None]


def found(question: str, bare_years: bool = True) -> Range | None:
    span = find_range(question, TODAY, bare_years=bare_years)
    if span is None:
        return None
    return (
        span.since.isoformat() if span.since else None,
        span.until.isoformat() if span.until else None,
    )


def day(text: str) -> Range:
    return text, text


JULY = ("2023-07-01", "2023-07-31")
CASES: list[tuple[str, Range | None]] = [
    # One day, in every form.
    ("published on 27 July 2023", day("2023-07-27")),
    ("published on 27 Jul 2023", day("2023-07-27")),
    ("published on July 27, 2023", day("2023-07-27")),
    ("published on july 27 2023", day("2023-07-27")),
    ("published on the 27th of July 2023", day("2023-07-27")),
    ("published on July 1st, 2023", day("2023-07-01")),
    ("published on the 2nd of Sept. 2023", day("2023-09-02")),
    ("published 2023-07-27", day("2023-07-27")),
    ("published on 27.07.2023", day("2023-07-27")),
    ("published on 27/7/2023", day("2023-07-27")),
    ("published on 29 February 2024", day("2024-02-29")),
    # A month.
    ("published in July 2023", JULY),
    ("published in Jul. 2023", JULY),
    ("published in July, 2023", JULY),
    ("published in July of 2023", JULY),
    ("published in 2023-07", JULY),
    ("papers of February 2024", ("2024-02-01", "2024-02-29")),
    ("papers of February 2023", ("2023-02-01", "2023-02-28")),
    ("papers from December 2022", ("2022-12-01", "2022-12-31")),
    # A year.
    ("published in 2023", ("2023-01-01", "2023-12-31")),
    ("2023 papers", ("2023-01-01", "2023-12-31")),
    ("papers of the year 2023", ("2023-01-01", "2023-12-31")),
    ("papers from 1999", ("1999-01-01", "1999-12-31")),
    # Open ranges.
    ("papers since 2024", ("2024-01-01", None)),
    ("papers since March 2024", ("2024-03-01", None)),
    ("papers since 5 March 2024", ("2024-03-05", None)),
    ("papers since the beginning of 2024", ("2024-01-01", None)),
    ("papers after 2024", ("2025-01-01", None)),
    ("papers after March 2024", ("2024-04-01", None)),
    ("papers after 29 February 2024", ("2024-03-01", None)),
    ("papers from 2024 on", ("2024-01-01", None)),
    ("papers from 2024 onwards", ("2024-01-01", None)),
    ("papers before 2020", (None, "2019-12-31")),
    ("papers before March 2024", (None, "2024-02-29")),
    ("papers before 1 January 2024", (None, "2023-12-31")),
    ("papers until 2020", (None, "2020-12-31")),
    ("papers up to March 2024", (None, "2024-03-31")),
    ("papers till 5 March 2024", (None, "2024-03-05")),
    ("papers by the end of 2021", (None, "2021-12-31")),
    # Closed ranges.
    ("papers between 2020 and 2022", ("2020-01-01", "2022-12-31")),
    ("papers from 2020 to 2022", ("2020-01-01", "2022-12-31")),
    ("papers from 2020 through 2022", ("2020-01-01", "2022-12-31")),
    ("papers from 2020 until 2022", ("2020-01-01", "2022-12-31")),
    ("papers from March 2023 to May 2024", ("2023-03-01", "2024-05-31")),
    ("papers between 5 March 2023 and 7 April 2023", ("2023-03-05", "2023-04-07")),
    ("papers between 2023-03-05 and 2023-04-07", ("2023-03-05", "2023-04-07")),
    ("papers of 2020 - 2022", ("2020-01-01", "2022-12-31")),
    ("papers of 2020–2022", ("2020-01-01", "2022-12-31")),
    ("papers of 2020-2022", ("2020-01-01", "2022-12-31")),
    ("papers in 2020-2022", ("2020-01-01", "2022-12-31")),
    ("papers from March to May 2023", ("2023-03-01", "2023-05-31")),
    ("papers between March and May 2023", ("2023-03-01", "2023-05-31")),
    ("papers from March 2023 - May 2023", ("2023-03-01", "2023-05-31")),
    ("papers from 5 March to 7 April 2023", ("2023-03-05", "2023-04-07")),
    ("papers between 5 and 9 March 2023", ("2023-03-05", "2023-03-09")),
    ("papers from July 27 to August 3, 2023", ("2023-07-27", "2023-08-03")),
    ("papers of 2022 and 2023", ("2022-01-01", "2023-12-31")),
    ("papers from 2023 to 2020", ("2020-01-01", "2023-12-31")),
    ("papers since 2020 but before 2023", ("2020-01-01", "2022-12-31")),
    ("papers before June 2023 and after March 2023", ("2023-04-01", "2023-05-31")),
    # Relative to today.
    ("what came out today", day("2026-11-21")),
    ("what came out yesterday", day("2026-11-20")),
    ("papers of this week", ("2026-11-16", "2026-11-21")),
    ("papers of last week", ("2026-11-09", "2026-11-15")),
    ("papers of this month", ("2026-11-01", "2026-11-21")),
    ("papers of last month", ("2026-10-01", "2026-10-31")),
    ("papers of this year", ("2026-01-01", "2026-11-21")),
    ("papers of last year", ("2025-01-01", "2025-12-31")),
    ("papers since last month", ("2026-10-01", None)),
    ("papers before last week", (None, "2026-11-08")),
    ("papers since YESTERDAY", ("2026-11-20", None)),
    ("papers of today and yesterday", ("2026-11-20", "2026-11-21")),
    ("papers from the last 7 days", ("2026-11-15", "2026-11-21")),
    ("papers of the past week", ("2026-11-15", "2026-11-21")),
    ("papers of the past 2 months", ("2026-09-23", "2026-11-21")),
    # What only looks like a date.
    ("papers on ERNIE 3.0 and GPT-4", None),
    ("a model of 20231 parameters", None),
    ("version 2023.4 of the library", None),
    ("which models may improve", None),
    ("papers on march madness", None),
    ("the second of May", None),
    ("arXiv 2307.12345", None),
    ("contexts of 2048 tokens", None),
    ("which methods converge in 2000 steps", None),
    ("up to 2048 tokens since 2023", ("2023-01-01", None)),
    ("the paper of 2023 uses adapters", ("2023-01-01", "2023-12-31")),
    ("CVE-2021-44228", None),
    ("", None),
]  # fmt: skip


@pytest.mark.parametrize(("question", "expected"), CASES, ids=[question for question, _ in CASES])
def test_the_range_of_days_that_a_question_names(question: str, expected: Range | None) -> None:
    assert found(question) == expected


BARE = [
    ("papers with 2048 tokens", None),
    ("what does the 2019 survey say", None),
    ("ImageNet 2012 accuracy", None),
    ("results on SQuAD of 2018", None),
    ("the winner of WMT 2014", None),
    ("methods for pruning last year", ("2025-01-01", "2025-12-31")),
    ("methods proposed in 2019", ("2019-01-01", "2019-12-31")),
    ("methods proposed since 2019", ("2019-01-01", None)),
    ("methods proposed before 2019", (None, "2018-12-31")),
    ("the survey of July 2019", ("2019-07-01", "2019-07-31")),
    ("ImageNet 2012 methods since 2020", ("2020-01-01", None)),
]


@pytest.mark.parametrize(("question", "expected"), BARE)
def test_a_bare_year_is_a_date_only_in_a_question_about_dates(question: str, expected: Range | None) -> None:
    assert found(question, bare_years=False) == expected


@pytest.mark.parametrize(
    "question",
    [
        "papers of 30 February 2023", "papers of 29 February 2023", "papers of 2023-02-30", "papers of 31.04.2023",
        "papers of April 31, 2023", "papers of 2023-13-01", "papers since 0 May 2023",
    ],
)  # fmt: skip
def test_a_day_that_does_not_exist_is_refused_by_name(question: str) -> None:
    with pytest.raises(ValueError, match=r"does not exist: \S"):
        found(question)


@pytest.mark.parametrize("question", ["models of the 2019-20 season", "the 2023-24 edition of the benchmark"])
def test_a_season_is_no_month_that_does_not_exist(question: str) -> None:
    assert found(question, bare_years=False) is None


def test_the_part_of_the_question_that_said_so_is_told() -> None:
    question = "papers published between 2020 and 2022 about RAG"
    span = find_range(question, TODAY, bare_years=True)
    assert span is not None
    assert question[span.start : span.end] == "between 2020 and 2022"


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_every_day_is_found_in_every_form(wanted: date) -> None:
    forms = (f"{wanted.day} {wanted:%B} {wanted.year}", f"{wanted:%b} {wanted.day}, {wanted.year}", wanted.isoformat())
    for form in (*forms, f"{wanted.day}.{wanted.month}.{wanted.year}"):
        assert found(f"papers of {form}?") == (wanted.isoformat(),) * 2
        assert found(f"papers since {form}?") == (wanted.isoformat(), None)
        assert found(f"papers before {form}?") == (None, (wanted - timedelta(days=1)).isoformat())


@given(st.dates(date(1900, 1, 10), date(2099, 12, 31)))
def test_relative_ranges_end_before_today_is_over_and_weeks_begin_on_monday(today: date) -> None:
    for words in ("today", "yesterday", "this week", "last week", "this month", "last month", "this year", "last year"):
        span = find_range(f"papers of {words}", today, bare_years=True)
        assert span is not None
        assert span.since is not None
        assert span.until is not None
        assert span.since <= span.until <= today
        assert ("week" not in words) or span.since.weekday() == 0
        assert ("month" not in words) or span.since.day == 1
        assert ("last" not in words) or span.until < today


@given(st.text(st.sampled_from("0123456789 -./ofinMayJuly,and"), max_size=60))
def test_no_text_is_another_error_than_a_day_that_does_not_exist(text: str) -> None:
    try:
        found(text)
    except ValueError as error:
        assert "does not exist" in str(error)  # noqa: PT017 - most texts raise nothing
