"""What the service makes of a model process that crashes on a request or talks nonsense.

The real one is not known to do either, so a hand-written one takes its place: a module of the same name, found first by
the child process only.
"""

import re
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from service.errors import EngineCrashedError, ModelError
from service.llm import wire
from service.llm.process import Call, ModelProcess
from tests.llm.writing import GENEROUS_SECONDS

CHILD = r"""
import json, os, sys

def say(*events):
    sys.stdout.write(json.dumps(events) + "\n")
    sys.stdout.flush()

START
say([0, "ready", {"context": 1}])
for text in sys.stdin:
    message = json.loads(text)
    number, op = message["number"], message["op"]
    if op == "poison":
        os.abort()
    if op == "poison once begun":
        say([number, "begun"])
        os.abort()
    if op == "nonsense":
        sys.stdout.write(message["text"])
        sys.stdout.flush()
        if message["dies"]:
            os._exit(3)
    if op == "pieces":
        text = json.dumps([[number, "begun"], [number, "done", "x" * message["size"]]])
        for piece in (text[:3], text[3:], "\n" + json.dumps([[999, "done", 1]]) + "\n[[99", '9, "late"]]\n'):
            sys.stdout.write(piece)
            sys.stdout.flush()
    if op == "hold":
        say([number, "begun"])
    if op == "good":
        say([number, "begun"], [number, "text", "a"], [number, "done", message["value"]])
        say([number, "done", "again"], [999, "done", 1], [number, "text", "late"])
"""


class Talk:
    """A process that runs the module above."""

    def __init__(self) -> None:
        self.process = ModelProcess("writer", {}, name="fake.gguf", check=lambda: None)

    def ask(self, op: str, **values: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        self.process.call(Call({"op": op, **values}, future))
        return future


@pytest.fixture
def start() -> str:
    """What the child does before it is ready; a test may replace it."""
    return ""


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str) -> Iterator[Talk]:
    folder = tmp_path / "service" / "llm"
    folder.mkdir(parents=True)
    for package in (folder, folder.parent):
        (package / "__init__.py").touch()
    (folder / "worker.py").write_text(CHILD.replace("START", start))
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Talk()
    yield made
    made.process.close()


@pytest.mark.parametrize("op", ["poison", "poison once begun"])
def test_a_request_that_ends_every_process_fails_and_is_not_tried_for_ever(talk: Talk, op: str) -> None:
    with pytest.raises(EngineCrashedError, match="signal 6"):
        talk.ask(op).result(GENEROUS_SECONDS)
    assert talk.ask("good", value=7).result(GENEROUS_SECONDS) == 7


def test_what_only_waited_is_not_blamed_for_a_crash(talk: Talk) -> None:
    poisoned = talk.ask("poison once begun")
    waiting = [talk.ask("good", value=number) for number in range(5)]
    assert [future.result(GENEROUS_SECONDS) for future in waiting] == list(range(5))
    with pytest.raises(EngineCrashedError):
        poisoned.result(GENEROUS_SECONDS)


def test_an_answer_is_taken_once_and_answers_to_nobody_are_passed_over(talk: Talk) -> None:
    assert [talk.ask("good", value=value).result(GENEROUS_SECONDS) for value in ("é", None, [1, {"a": 2}])] == [
        "é",
        None,
        [1, {"a": 2}],
    ]


@pytest.mark.parametrize(
    "text",
    ["no JSON\n", "{}\n", "3\n", "[[1]]\n", '[["a", "b", "c", "d"]]\n', "[[null, null]]\n", "\n", "\ud83d\ude00\n"],
)
def test_a_process_that_talks_nonsense_is_replaced_or_not_listened_to(talk: Talk, text: str) -> None:
    talk.process.ready()
    nonsense = talk.ask("nonsense", text=text, dies=False)
    error = talk.ask("good", value=1).exception(GENEROUS_SECONDS)
    assert error is None or isinstance(error, EngineCrashedError)
    nonsense.cancel()
    assert talk.ask("good", value=2).result(GENEROUS_SECONDS) == 2


@pytest.mark.parametrize("size", [1, 2_047, 2_048, 100_000])
def test_an_answer_that_comes_in_pieces_is_put_together(talk: Talk, size: int) -> None:
    assert talk.ask("pieces", size=size).result(GENEROUS_SECONDS) == "x" * size
    assert talk.ask("good", value=2).result(GENEROUS_SECONDS) == 2


def test_half_a_line_before_the_end_is_no_answer(talk: Talk) -> None:
    with pytest.raises(EngineCrashedError, match="status 3"):
        talk.ask("nonsense", text='[[1, "done", 5', dies=True).result(GENEROUS_SECONDS)
    assert talk.ask("good", value=2).result(GENEROUS_SECONDS) == 2


def test_a_call_that_is_cancelled_is_forgotten(talk: Talk) -> None:
    held = [talk.ask("hold") for _ in range(20)]
    assert talk.process.waiting == 20
    assert all(future.cancel() for future in held)
    assert talk.process.waiting == 0
    assert talk.ask("good", value=3).result(GENEROUS_SECONDS) == 3


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("raise MemoryError('no room')", "could not be loaded .*no room"),
        ("os._exit(7)", "could not be loaded .*status 7"),
        ("os.abort()", "crashes llama.cpp .*signal 6"),
        ("sys.stderr.write('GGML_ASSERT(x) failed\\\\n'); sys.stderr.flush(); os.abort()", "crashes llama.cpp"),
        ('say([0, "failed", ["ModelError", "this is why"]]); sys.exit(1)', "this is why"),
        ('say([0, "failed", ["NoSuchError", "this is why"]]); sys.exit(1)', "this is why"),
        ("os.kill(os.getpid(), 9)", "could not be loaded"),
    ],
)
def test_a_process_that_never_gets_ready_is_one_error_for_everybody(talk: Talk, said: str) -> None:
    waiting = talk.ask("good", value=1)
    with pytest.raises(Exception, match=said):
        talk.process.ready()
    for future in (waiting, talk.ask("good", value=2)):
        error = future.exception(GENEROUS_SECONDS)
        assert error is not None
        assert re.search(said, str(error))
        assert str(error).isprintable()


@pytest.mark.parametrize(
    "start", ["open('tries', 'a').write('x'); len(open('tries').read()) < 4 and os.kill(os.getpid(), 9)"]
)
def test_a_process_that_is_killed_while_it_loads_gets_another_chance(
    start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    assert start
    monkeypatch.chdir(tmp_path)
    talk: Talk = request.getfixturevalue("talk")
    assert talk.ask("good", value=1).result(GENEROUS_SECONDS) == 1
    assert (tmp_path / "tries").read_text() == "xxxx"


def test_an_error_of_any_name_is_one_of_ours() -> None:
    assert isinstance(wire.read_error(["ModelError", "m"]), ModelError)
    for name in ("SystemExit", "os", "EngineBusyError", "__builtins__", "", "PaperboyError"):
        assert str(wire.read_error([name, "m"])) == "m"
