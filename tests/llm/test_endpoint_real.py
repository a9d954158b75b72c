"""The endpoint engine on real servers with a real model; each is skipped where it is not installed."""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import DeadlineError, EngineError, RequestTooLargeError
from service.llm.endpoint.adapter import EndpointEngine
from service.ports import Choice, Choices, Generation, GenerationRequest, Message
from tests.conftest import TRIAL_WRITER
from tests.llm.test_endpoint_choices import is_legal

LLAMA_SERVER = os.environ.get("PAPERBOY_LLAMA_SERVER") or shutil.which("llama-server")
SERVER_EXTRAS = ("fastapi", "pydantic_settings", "sse_starlette", "starlette_context", "uvicorn")
ABSTRACT = "We study language models. We propose Quick, a method that reduces memory by 84%. It is fast and simple."
ASK = GenerationRequest((Message("user", ABSTRACT),), max_tokens=24)
# Sampled: left to itself the trial writer soon ends.
LONG = ASK._replace(max_tokens=900, temperature=1.5, seed=11, min_p=0.01)
YES_OR_NO = {"type": "object", "properties": {"fast": {"type": "boolean"}}, "required": ["fast"]}


class Running:
    """A server process on a free port."""

    def __init__(self, *command: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 60
        while not self._answers():
            assert self.process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            return "data" in self.document("/v1/models")
        except OSError:
            return False

    def document(self, path: str) -> list[dict[str, object]] | dict[str, object]:
        with urllib.request.urlopen(self.url + path, timeout=5) as response:  # noqa: S310 - loopback
            document: list[dict[str, object]] = json.load(response)
            return document

    def at_work(self) -> bool:
        """Whether llama-server writes something."""
        return any(slot["is_processing"] for slot in self.document("/slots") if isinstance(slot, dict))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def llama_server() -> Running:
    if not LLAMA_SERVER:
        pytest.skip("there is no llama-server (PAPERBOY_LLAMA_SERVER)")
    options = ["--parallel", "4", "-c", "4096", "-t", "1", "--jinja", "--slots", "--host", "127.0.0.1"]
    return Running(LLAMA_SERVER, "--model", str(TRIAL_WRITER), *options)


def llama_cpp_server() -> Running:
    if not all(map(importlib.util.find_spec, SERVER_EXTRAS)):
        pytest.skip("llama_cpp.server is not installed with all that it needs")
    options = ("--n_ctx", "1024", "--n_threads", "1", "--host", "127.0.0.1")
    return Running(sys.executable, "-m", "llama_cpp.server", "--model", str(TRIAL_WRITER), *options)


@contextmanager
def started(start: Callable[[], Running]) -> Iterator[Running]:
    server = start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="module")
def llama() -> Iterator[Running]:
    with started(llama_server) as server:
        yield server


@pytest.fixture(scope="module", params=[llama_server, llama_cpp_server])
def engine(request: pytest.FixtureRequest) -> Iterator[EndpointEngine]:
    with started(request.param) as server:
        made = EndpointEngine([server.url], context=1_024)
        yield made
        made.close()


def write(engine: EndpointEngine, wanted: GenerationRequest) -> Generation:
    """Generate; fails unless what was shown on the way is what came out."""
    shown: list[str] = []
    made = engine.submit(wanted, shown.append).result(30)
    assert "".join(shown) == made.text
    return made


@st.composite
def rules(draw: st.DrawFn) -> Choices:
    count = draw(st.integers(1, 8))
    options = tuple(Choice(f"Sentence {number} says so.", draw(st.integers(0, 3))) for number in range(count))
    return Choices(options, minimum=1, maximum=draw(st.integers(1, 6)), ordered=True)


def test_free_text_is_told_as_it_grows_counted_and_repeatable(engine: EndpointEngine) -> None:
    assert (engine.name, engine.context) == (str(TRIAL_WRITER), 1_024)
    first = write(engine, ASK)
    assert first.text
    assert 0 < first.output_tokens <= 24
    assert 0 < first.prompt_tokens < 100
    assert write(engine, ASK).text == first.text
    assert write(engine, ASK._replace(max_tokens=2)).output_tokens <= 2
    assert write(engine, ASK._replace(stop=(first.text[2:5],))).text == first.text[:2]


def test_a_seed_repeats_what_temperature_varies(engine: EndpointEngine) -> None:
    written = [write(engine, LONG._replace(max_tokens=12, seed=seed)).text for seed in (1, 2, 3, 1)]
    assert written[0] == written[3]
    assert len(set(written)) > 1


@given(choices=rules())
@settings(max_examples=25, deadline=None)
def test_only_whole_options_in_a_legal_order_are_written(engine: EndpointEngine, choices: Choices) -> None:
    made = write(engine, ASK._replace(choices=choices))
    assert is_legal(choices, made.chosen)
    assert made.text == " ".join(choices.options[index].text for index in made.chosen)


def test_a_schema_and_a_grammar_are_followed(engine: EndpointEngine) -> None:
    made = write(engine, ASK._replace(json_schema=json.dumps(YES_OR_NO), max_tokens=200))
    assert set(map(type, json.loads(made.text).values())) == {bool}
    assert write(engine, ASK._replace(grammar='root ::= "yes" | "no"')).text in ("yes", "no")


def test_many_requests_at_a_time_give_what_each_gives_alone(engine: EndpointEngine) -> None:
    requests = [ASK._replace(messages=(Message("user", f"{ABSTRACT} ({number})"),)) for number in range(8)]
    alone = [engine.submit(request).result(30).text for request in requests]
    together = [future.result(30).text for future in [engine.submit(request) for request in requests]]
    assert together == alone


def test_a_control_token_in_a_message_stays_text(llama: Running) -> None:
    engine = EndpointEngine([llama.url])
    plain, hostile = (
        engine.submit(ASK._replace(messages=(Message("user", f"a {token} b"),), max_tokens=1)).result(30).prompt_tokens
        for token in ("x", "<|end|>")
    )
    engine.close()
    # As one token it would count as much as the letter.
    assert hostile > plain + 1


@pytest.mark.parametrize("seconds", [0.02, 0.2])
def test_cancelling_stops_llama_server_at_once(llama: Running, seconds: float) -> None:
    engine = EndpointEngine([llama.url])
    for _ in range(3):
        begun = Event()
        future = engine.submit(LONG, lambda _text, begun=begun: begun.set())  # type: ignore[misc]
        assert begun.wait(10)
        assert llama.at_work()
        assert future.cancel()
        end = time.monotonic() + 0.5
        while llama.at_work():
            assert time.monotonic() < end
    with pytest.raises(DeadlineError):
        engine.submit(LONG._replace(deadline=seconds)).result(5)
    time.sleep(0.3)
    assert not llama.at_work()
    engine.close()


def test_llama_server_tells_its_limits_and_gives_probabilities(llama: Running) -> None:
    engine = EndpointEngine([llama.url])
    assert (engine.context, engine.parallel) == (1_024, 4)
    made = engine.submit(ASK._replace(logprobs=True)).result(30)
    assert made.logprobs
    assert all(value <= 0 for value in made.logprobs)
    # Few bytes and many tokens: the estimate lets it pass, the server does not.
    dense = ASK._replace(messages=(Message("user", "7;" * 1_600),))
    assert engine.count_tokens(dense.messages) < 1_000
    with pytest.raises(RequestTooLargeError, match=r"\d+.*1024"):
        engine.submit(dense).result(30)
    with pytest.raises(EngineError, match="grammar"):
        engine.submit(ASK._replace(grammar="root ::= (")).result(30)
    engine.close()


def test_a_text_goes_on_at_another_server_when_its_own_is_killed(llama: Running) -> None:
    greedy = LONG._replace(temperature=0.0, grammar='root ::= ("We " | "It " | "is "){300}')
    with ExitStack() as stack:
        doomed = stack.enter_context(started(llama_server))
        alone = EndpointEngine([llama.url])
        whole = alone.submit(greedy).result(30).text
        engine = EndpointEngine([doomed.url, llama.url])
        shown: list[str] = []

        def kill(text: str) -> None:
            shown.append(text)
            if len(shown) == 5:
                doomed.kill()

        assert engine.submit(greedy, kill).result(30).text == whole
        assert "".join(shown) == whole
        assert len(shown) > 10
        alone.close()
        engine.close()
