"""The table of questions and plans, row by row."""

import time
from typing import Any

import pytest

from service.index.plan import Plan, make_plan
from service.types import Filter
from tests.index import plan_table as first
from tests.index import plan_table_texts as second
from tests.index.plan_table import Row
from tests.index.test_plan import TODAY

SECTIONS: dict[str, list[Row]] = {
    "dates": first.DATES,
    "dated topics": first.DATED_TOPICS,
    "orders": first.ORDERS,
    "authors": first.AUTHORS,
    "counts": first.COUNTS,
    "categories": first.CATEGORIES,
    "similar": second.SIMILAR,
    "comparisons": second.COMPARISONS,
    "named": second.NAMED,
    "development": second.DEVELOPMENT,
    "sounds like metadata": second.SOUNDS_LIKE_METADATA,
}
ROWS = [(f"{name}: {question}", question, expected) for name, rows in SECTIONS.items() for question, expected in rows]


@pytest.mark.parametrize(("question", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_every_question_of_the_table_has_its_plan(question: str, expected: dict[str, Any]) -> None:
    made = make_plan(question, TODAY)
    whole = Plan(
        **{"topic": made.topic, **expected, "condition": Filter(**expected["condition"])},
    )
    assert made == whole


def test_the_table_has_more_than_150_different_questions() -> None:
    questions = [question for _, question, _ in ROWS]
    assert len(set(questions)) == len(questions) > 150


HOSTILE = [
    "are there do we have ",
    "2023 ",
    "cs.CL, ",
    "a and b, ",
    "more like ",
    "is a better than ",
    "July ",
    "by one ",
]


@pytest.mark.parametrize("start", ["", "how many papers ", "compare ", "which "])
@pytest.mark.parametrize("unit", HOSTILE)
def test_a_question_made_to_take_long_does_not(start: str, unit: str) -> None:
    begin = time.process_time()
    make_plan((start + unit * 2_000)[:2_000], TODAY)
    assert time.process_time() - begin < 5
