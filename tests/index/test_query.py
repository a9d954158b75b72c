"""The query language: every text is a query, operators narrow, only a date that is none is refused."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InputError
from service.index.lexical import Required
from service.index.query import Query, parse_query
from service.types import Filter

OPERATORS = [
    '"',
    "title:",
    "author:",
    "cat:",
    "since:",
    "until:",
    "day:",
    "*",
    ":",
    "“",
    " ",
    "2024-01-01",
    "word",
    "-",
]


@pytest.mark.parametrize(
    "text",
    [
        "which papers reduce activation memory?",
        "what is MEFT?",
        "B-PROP vs. GPT-4: a comparison",
        "don't forget: LoRA (2021)",
        "title: nothing after it",
        "* and ** and 5 * 3",
        "year:2024",
        "http://arxiv.org",
    ],
)
def test_a_text_without_operators_is_text_and_narrows_nothing(text: str) -> None:
    assert parse_query(text) == Query(text, (), Filter())


@pytest.mark.parametrize(
    ("query", "text", "required"),
    [
        ('"activation memory"', "activation memory", Required("text", "activation memory")),
        ("“activation memory”", "activation memory", Required("text", "activation memory")),
        ("title:adapter", "adapter", Required("title", "adapter")),
        ('TITLE:"side tuning"', "side tuning", Required("title", "side tuning")),
        ("author:hinton", "", Required("author", "hinton")),
        ('author:"Geoffrey Hinton"', "", Required("author", "Geoffrey Hinton")),
        ("cat:cs.CL", "", Required("category", "cs.CL")),
        ("cat:cs.*", "", Required("category", "cs")),
        ("quantiz*", "quantiz", Required("text", "quantiz", prefix=True)),
        ("title:pre-train*", "pre-train", Required("title", "pre-train", prefix=True)),
        ("author:hint*", "", Required("author", "hint", prefix=True)),
    ],
)
def test_an_operator_requires_something_and_words_of_papers_are_also_ranked_by(
    query: str, text: str, required: Required
) -> None:
    assert parse_query(query) == Query(text, (required,), Filter())
    asked = parse_query(f"large {query} models")
    assert (asked.text, asked.required) == (" ".join(f"large {text} models".split()), (required,))


def test_operators_narrow_together() -> None:
    asked = parse_query('cat:cs.CL cat:cs.LG "side tuning" title:memory')
    assert [one.field for one in asked.required] == ["category", "category", "text", "title"]


@pytest.mark.parametrize(
    ("query", "required"),
    [
        ('large "activation memory', (Required("text", "activation memory"),)),
        ('title:"side tuning', (Required("title", "side tuning"),)),
        ('""', ()),
        ('"?!"', ()),
        ("colour:red", ()),
        ("cat:", ()),
        ("a*", ()),
    ],
)
def test_what_is_malformed_has_a_reading(query: str, required: tuple[Required, ...]) -> None:
    assert parse_query(query).required == required


@pytest.mark.parametrize(
    ("query", "since", "until"),
    [
        ("since:2024-01-01", date(2024, 1, 1), None),
        ("until:2024-12-31", None, date(2024, 12, 31)),
        ("since:2024-01-01 until:2024-12-31", date(2024, 1, 1), date(2024, 12, 31)),
        ("day:2024-03-05", date(2024, 3, 5), date(2024, 3, 5)),
        ("since:2024 until:2024", date(2024, 1, 1), date(2024, 12, 31)),
        ("until:2024-02", None, date(2024, 2, 29)),
        ("since:2023 since:2024-05-01", date(2024, 5, 1), None),
    ],
)
def test_dates_are_inclusive_and_may_be_years_and_months(query: str, since: date | None, until: date | None) -> None:
    assert parse_query(f"memory {query}") == Query("memory", (), Filter(since=since, until=until))


def test_dates_of_the_query_and_those_given_besides_both_hold() -> None:
    given_besides = Filter(since=date(2024, 3, 1), until=date(2024, 9, 1), categories=("cs.CL",))
    asked = parse_query("memory since:2024-01-01 until:2024-06-30", given_besides)
    assert asked.condition == Filter(since=date(2024, 3, 1), until=date(2024, 6, 30), categories=("cs.CL",))
    assert parse_query("since:2024", Filter(day=date(2024, 2, 2))).condition.day == date(2024, 2, 2)


@pytest.mark.parametrize("value", ["2024-02-30", "2024-13", "yesterday", "0000", "2024-01-01-01", "20240101", "today"])
@pytest.mark.parametrize("name", ["since", "until", "day"])
def test_a_date_that_is_none_is_refused_in_one_line_that_names_it(name: str, value: str) -> None:
    with pytest.raises(InputError, match=f"{name}:{value}") as refused:
        parse_query(f"memory {name}:{value}")
    assert "\n" not in str(refused.value)


@given(st.one_of(st.text(), st.lists(st.one_of(st.sampled_from(OPERATORS), st.text(max_size=5))).map("".join)))
def test_any_text_is_a_query_unless_it_has_a_date_that_is_none(text: str) -> None:
    try:
        asked = parse_query(text)
    except InputError as error:
        assert any(f"{name}:" in str(error) for name in ("since", "until", "day"))  # noqa: PT017
        return
    assert all(one.words.strip() == one.words and one.words for one in asked.required)
    assert asked.narrows == (bool(asked.required) or not asked.condition.is_open)
