"""A plan that a writer proposes counts only where it is sound and of the question; else the rules plan."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answer.planning import planned
from service.answer.running import run_one
from service.errors import DeadlineError, EngineCrashedError, EngineError, InputError, RequestTooLargeError
from service.index.plan import Plan, make_plan
from service.index.plan_reply import LONGEST_REPLY, PlanReply, plan_schema, read_plan
from service.settings import Planner, Settings
from service.types import Filter
from tests.answer.conftest import MakeBench
from tests.fakes import ScriptedEngine

TODAY = date(2026, 11, 21)
QUESTION = "what did people write on pruning in cs.LG around spring 2024, by more than ten authors?"
NOTHING: dict[str, Any] = {
    "kind": "list", "operation": "retrieve", "topic": "", "subjects": [], "since": "", "until": "", "categories": [],
    "order": "oldest", "limit": 0, "min_authors": 0, "max_authors": 0,
}  # fmt: skip


def reply(**fields: Any) -> str:
    return json.dumps({**NOTHING, **fields})


def plan(make_bench: MakeBench, engine: ScriptedEngine, question: str, planner: Planner = "writer") -> Plan:
    return run_one(lambda: engine, planned(make_bench(engine), question, TODAY, planner))


def test_the_rules_plan_unless_a_setting_says_otherwise(make_bench: MakeBench, tmp_path: Any) -> None:
    engine = ScriptedEngine()
    assert Settings(home=tmp_path).planner == "rules"
    assert plan(make_bench, engine, QUESTION, "rules") == make_plan(QUESTION, TODAY)
    assert not engine.requests


def test_a_sound_reply_is_the_plan(make_bench: MakeBench) -> None:
    engine = ScriptedEngine(
        reply(topic="pruning", categories=["cs.LG"], since="2024-03-01", until="2024-05-31",
              kind="metadata", operation="select", min_authors=11)
    )  # fmt: skip
    assert plan(make_bench, engine, QUESTION) == Plan(
        kind="metadata",
        operation="select",
        condition=Filter(since=date(2024, 3, 1), until=date(2024, 5, 31), categories=("cs.LG",)),
        min_authors=11,
        topic="pruning",
    )


def test_the_writer_is_asked_once_with_the_schema_and_the_day(make_bench: MakeBench) -> None:
    engine = ScriptedEngine(reply())
    plan(make_bench, engine, QUESTION)
    (request,) = engine.requests
    assert request.json_schema == plan_schema()
    assert request.temperature == 0
    assert QUESTION in request.messages[-1].content
    assert "2026-11-21" in request.messages[-1].content
    schema = json.loads(request.json_schema)
    assert schema["additionalProperties"] is False
    assert sorted(schema["required"]) == sorted(PlanReply.model_fields)


def test_a_list_without_a_topic_is_searched_with_the_question() -> None:
    made = read_plan(reply(), QUESTION)
    assert made == Plan(kind="list", topic=QUESTION)


ODD = {
    "no JSON": "Sure! Here is the plan.",
    "nothing": "",
    "a list": "[]",
    "a field too many": reply(sql="DROP TABLE papers"),
    "a field too few": json.dumps({"kind": "list"}),
    "an unknown kind": reply(kind="code"),
    "an unknown operation": reply(operation="delete"),
    "an operation of another kind": reply(kind="list", operation="count"),
    "a number as text": reply(limit="5"),
    "a negative number": reply(limit=-1),
    "a day that does not exist": reply(since="2024-02-31"),
    "a day in words": reply(since="last week"),
    "days in the wrong order": reply(since="2024-05-01", until="2024-03-01"),
    "a category that was not named": reply(categories=["cs.CL"]),
    "SQL for a category": reply(categories=["cs.LG') OR 1=1 --"]),
    "a topic that was not named": reply(topic="pruning of roses"),
    "a paper that was not named": reply(operation="similar", subjects=["KVQuant"]),
    "no paper where one is needed": reply(operation="similar"),
    "papers where none is needed": reply(subjects=["pruning"]),
    "authors of a list": reply(min_authors=11),
    "bounds in the wrong order": reply(kind="metadata", operation="select", min_authors=11, max_authors=3),
    "a text without end": reply(topic="pruning " * 300),
    "text behind it": reply() + " and more",
}


@pytest.mark.parametrize("text", ODD.values(), ids=list(ODD))
def test_an_odd_reply_leaves_the_plan_of_the_rules(make_bench: MakeBench, text: str) -> None:
    assert read_plan(text, QUESTION) is None
    assert plan(make_bench, ScriptedEngine(text), QUESTION) == make_plan(QUESTION, TODAY)


def test_days_and_numbers_that_the_question_does_not_name_are_not_believed() -> None:
    assert read_plan(reply(topic="pruning", since="2024-01-01"), "which papers are about pruning?") is None
    bounded = reply(kind="metadata", operation="select", min_authors=3)
    assert read_plan(bounded, "which papers have authors?") is None
    assert read_plan(bounded, "which papers have three authors or more?") is not None


@pytest.mark.parametrize(
    "error",
    [EngineError("x"), RequestTooLargeError("x"), DeadlineError("x"), EngineCrashedError("x")],
    ids=lambda error: type(error).__name__,
)
def test_a_writer_that_fails_leaves_the_plan_of_the_rules(make_bench: MakeBench, error: Exception) -> None:
    assert plan(make_bench, ScriptedEngine(error), QUESTION) == make_plan(QUESTION, TODAY)


def test_a_day_that_does_not_exist_is_refused_before_the_writer_is_asked(make_bench: MakeBench) -> None:
    engine = ScriptedEngine(reply())
    with pytest.raises(InputError, match="does not exist"):
        plan(make_bench, engine, "what was published on 31 February 2023?")
    assert not engine.requests


@given(st.text(max_size=LONGEST_REPLY + 10))
def test_no_reply_is_an_error(text: str) -> None:
    assert read_plan(text, QUESTION) is None


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.one_of(st.text(max_size=12), st.integers(), st.lists(st.text(max_size=5), max_size=3), st.none())
            for name in NOTHING
        },
    )
)
def test_no_json_is_an_error_and_a_plan_is_only_a_kind_and_a_filter(fields: dict[str, Any]) -> None:
    made = read_plan(reply(**fields), QUESTION)
    assert made is None or made.condition.paper_ids is None
