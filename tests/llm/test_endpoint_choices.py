"""Choices over a chat server: what is asked, and that nothing but a legal choice comes out."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import EngineError
from service.llm.constraints import ChoiceState
from service.llm.endpoint.choices import ChoiceQuestion
from service.ports import Choice, Choices, GenerationRequest, Message
from tests.llm.fault_server import FaultServer, Line, Script, answer, says, sends
from tests.llm.test_endpoint import ASK, engine_of

TWO_PLACES = Choices(
    (Choice("We study.", 4), Choice("It is fast.", 7), Choice("We propose.", 4), Choice("It is\nsmall.", 7)),
    minimum=2,
    maximum=2,
    ordered=True,
)

values = st.one_of(st.integers(-1, 9), st.booleans(), st.none(), st.floats(), st.text(max_size=3), st.just([1]))
replies = st.one_of(
    st.dictionaries(st.sampled_from(["place_1", "place_2", "place_3", "place_4", "other"]), values).map(json.dumps),
    st.text(max_size=20),
    st.just("[" * 100_000),
    st.just("{" + '"place_1": 1, ' * 3 + '"place_2": 1}'),
)


@st.composite
def rules(draw: st.DrawFn) -> Choices:
    count = draw(st.integers(1, 6))
    minimum = draw(st.integers(0, 3))
    return Choices(
        options=tuple(Choice(f"Text {number}.", draw(st.integers(0, 3))) for number in range(count)),
        minimum=minimum,
        maximum=draw(st.integers(max(minimum, 1), 5)),
        per_group=draw(st.integers(1, 2)),
        ordered=draw(st.booleans()),
    )


def asked_for(choices: Choices) -> GenerationRequest:
    return ASK._replace(choices=choices)


def is_legal(choices: Choices, chosen: tuple[int, ...]) -> bool:
    state = ChoiceState(choices)
    for option in chosen:
        if option not in state.available():
            return False
        state.take(option)
    return state.may_end() or not state.available()


def picks(member: int) -> Script:
    """Fills every place in with the number at a position of its list."""

    def script(line: Line) -> None:
        schema = line.seen.body["response_format"]["json_schema"]["schema"]
        says(json.dumps({name: each["enum"][member] for name, each in schema["properties"].items()}))(line)

    return script


@given(choices=rules(), reply=replies)
@settings(max_examples=300, deadline=None)
def test_whatever_comes_back_is_a_legal_choice_or_an_error(choices: Choices, reply: str) -> None:
    try:
        chosen = ChoiceQuestion(choices).chosen(reply)
    except EngineError:
        return
    assert is_legal(choices, chosen)


@given(choices=rules(), data=st.data())
@settings(max_examples=200, deadline=None)
def test_with_an_order_every_reply_that_the_schema_allows_is_legal(choices: Choices, data: st.DataObject) -> None:
    question = ChoiceQuestion(choices._replace(ordered=True))
    members = question.schema["properties"]
    reply = {name: data.draw(st.sampled_from(member["enum"])) for name, member in members.items()}
    assert is_legal(choices._replace(ordered=True), question.chosen(json.dumps(reply)))
    assert question.forced == (not members)


@pytest.mark.parametrize(("member", "text"), [(0, "We study. It is fast."), (1, "We propose. It is\nsmall.")])
def test_a_choice_by_number_becomes_the_texts_themselves(member: int, text: str) -> None:
    with FaultServer(picks(member)) as server, engine_of(server) as engine:
        shown: list[str] = []
        made = engine.submit(asked_for(TWO_PLACES), shown.append).result(5)
    assert made.text == "".join(shown) == text
    assert [TWO_PLACES.options[index].group for index in made.chosen] == [4, 7]


def test_the_options_are_put_behind_what_the_user_says_each_on_its_line() -> None:
    messages = (Message("system", "Be brief."), Message("user", "Which?"), Message("assistant", "Well"))
    with FaultServer(picks(0)) as server, engine_of(server) as engine:
        engine.submit(asked_for(TWO_PLACES)._replace(messages=messages)).result(5)
        engine.submit(asked_for(TWO_PLACES)._replace(messages=messages[:1])).result(5)
    first, second = (seen.body["messages"] for seen in server.seen)
    assert [message["role"] for message in first] == ["system", "user", "assistant"]
    assert [message["role"] for message in second] == ["system", "user"]
    assert first[1]["content"].startswith("Which?\n")
    for content in (first[1]["content"], second[1]["content"]):
        lines = content.splitlines()
        assert [line for line in lines if line[:1].isdigit()] == [
            "1: We study.", "3: We propose.", "2: It is fast.", "4: It is small."
        ]  # fmt: skip


@pytest.mark.parametrize(
    "choices",
    [
        Choices((Choice("One.", 3), Choice("Two.", 1)), minimum=2, maximum=2, ordered=True),
        Choices((Choice("Two.", 0),)),
        Choices((Choice("Two.", 1), Choice("One.", 2), Choice("Or.", 2)), ordered=True),
    ],
)
def test_where_nothing_is_left_open_the_server_is_not_asked(choices: Choices) -> None:
    with FaultServer(answer_nothing) as server, engine_of(server) as engine:
        shown: list[str] = []
        made = engine.submit(asked_for(choices), shown.append).result(0)
        assert made.text.startswith("Two.")
        assert "".join(shown) == made.text == " ".join(choices.options[index].text for index in made.chosen)
        assert is_legal(choices, made.chosen)
        assert not server.seen


def answer_nothing(_line: Line) -> None:
    raise AssertionError("nothing was to be asked")


@pytest.mark.parametrize("status", [400, 422, 500])
def test_a_server_that_knows_schemas_in_another_form_is_asked_in_that_from_then_on(status: int) -> None:
    def script(line: Line) -> None:
        form: dict[str, Any] = line.seen.body["response_format"]
        if form["type"] == "json_schema":
            line.send(answer(status, b'{"error": "unknown response_format"}'))
        else:
            says(json.dumps({name: each["enum"][0] for name, each in form["schema"]["properties"].items()}))(line)

    with FaultServer(script) as server, engine_of(server) as engine:
        for _ in range(3):
            assert engine.submit(asked_for(TWO_PLACES)).result(5).text == "We study. It is fast."
        assert engine.submit(ASK._replace(json_schema=json.dumps({"properties": {"a": {"enum": [1]}}}))).result(5).text
        assert len(server.seen) == 5


def test_a_passing_failure_does_not_change_the_form() -> None:
    with FaultServer(sends(answer(500, b"out of memory")), picks(0)) as server, engine_of(server) as engine:
        assert engine.submit(asked_for(TWO_PLACES)).result(5).text == "We study. It is fast."
    assert [seen.body["response_format"]["type"] for seen in server.seen] == ["json_schema"] * 2


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_knows_no_schemas_is_asked_twice_and_no_more(status: int) -> None:
    with FaultServer(lambda line: line.send(answer(status, b"no schemas"))) as server, engine_of(server) as engine:
        with pytest.raises(EngineError, match="no schemas"):
            engine.submit(asked_for(TWO_PLACES)).result(5)
        assert len(server.seen) == 2


@pytest.mark.parametrize("reply", ["I choose 1 and 2.", "{}", '{"place_1": 2, "place_2": 2}', '{"place_1": true}', ""])
def test_what_is_no_choice_is_an_error_and_nothing_is_told(reply: str) -> None:
    with FaultServer(says(reply)) as server, engine_of(server) as engine:
        shown: list[str] = []
        with pytest.raises(EngineError, match=r"did not|not offered"):
            engine.submit(asked_for(TWO_PLACES), shown.append).result(5)
        assert not shown


def test_rules_that_leave_nothing_to_write_are_an_error() -> None:
    with FaultServer(says("{}")) as server, engine_of(server) as engine:
        for choices in (Choices(()), Choices((Choice("a", 0), Choice("a", 1))), TWO_PLACES._replace(minimum=3)):
            with pytest.raises(EngineError):
                engine.submit(asked_for(choices)).result(5)
        assert not server.seen
