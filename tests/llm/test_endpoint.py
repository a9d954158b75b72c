"""The endpoint engine on servers that fail in every way: what the caller gets, and how long it takes."""

import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest

from service.errors import (
    DeadlineError,
    EngineBusyError,
    EngineError,
    PaperboyError,
    RequestTooLargeError,
    SettingsError,
)
from service.llm.endpoint.adapter import EndpointEngine
from service.ports import GenerationRequest, Message
from tests.llm.fault_server import (
    DONE,
    FINISH,
    MODEL,
    STREAM_HEAD,
    FaultServer,
    Line,
    Script,
    answer,
    event,
    piece,
    repeats,
    says,
    sends,
    sends_and_resets,
    sends_and_stalls,
)

ASK = GenerationRequest((Message("user", "Which?"),), max_tokens=20)
GOOD = says("One ", "two.", usage=(7, 5))
READ_TIMEOUT = 0.25
BROKEN: dict[str, Script] = {
    "reset before an answer": sends_and_resets(),
    "closed before an answer": sends(),
    "reset in the middle": sends_and_resets(STREAM_HEAD, piece("One ")),
    "closed in the middle": sends(STREAM_HEAD, piece("One ")),
    "nothing comes": sends_and_stalls(),
    "stall in the middle": sends_and_stalls(STREAM_HEAD, piece("One ")),
    "truncated chunk": sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + piece("One ")),
    "no HTTP": sends(b"220 ready\r\n"),
    "too short a body": sends(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + piece("One ")),
    "500": sends(answer(500, b'{"error": {"message": "out of luck"}}')),
    "503 without a body": sends(answer(503)),
    "429": sends(answer(429, b"slow down")),
    "garbage event": sends(STREAM_HEAD, b"data: {nonsense\n\n", FINISH, DONE),
    "wrong types": sends(STREAM_HEAD, event({"choices": [{"delta": {"content": ["One"]}}]}), FINISH, DONE),
    "error inside": sends(STREAM_HEAD, piece("One "), event({"error": {"message": "crashed", "code": 500}})),
    "interrupted": sends(STREAM_HEAD, piece("One "), DONE),
    "a page": sends(answer(200, b"<html>Welcome</html>", Content_Type="text/html")),
}


@contextmanager
def engine_of(*servers: FaultServer, **options: Any) -> Iterator[EndpointEngine]:
    settings = {"backoff": 0.03, "pause": 0.2, "read_timeout": READ_TIMEOUT, "connect_timeout": 1.0}
    made = EndpointEngine([server.url for server in servers], **settings | options)
    try:
        yield made
    finally:
        made.close()


def gone(server: FaultServer, seconds: float) -> bool:
    """Whether all connections are closed within the time."""
    end = time.monotonic() + seconds
    while server.open and time.monotonic() < end:
        time.sleep(0.005)
    return not server.open


def wait_for_requests(server: FaultServer, count: int) -> None:
    end = time.monotonic() + 5
    while len(server.seen) < count:
        assert time.monotonic() < end
        time.sleep(0.005)


def hold(release: Event) -> Script:
    def script(line: Line) -> None:
        release.wait(10)
        GOOD(line)

    return script


def test_a_text_is_told_as_it_grows_and_counted() -> None:
    with FaultServer(GOOD) as server, engine_of(server) as engine:
        shown: list[str] = []
        made = engine.submit(ASK, shown.append).result(5)
    assert shown == ["One ", "two."]
    assert made.text == "One two."
    assert (made.prompt_tokens, made.output_tokens, made.chosen, made.logprobs) == (7, 5, (), ())
    assert 0 < made.first_token_seconds <= made.seconds < 5


def test_what_a_request_asks_for_is_sent() -> None:
    sampled = ASK._replace(temperature=0.7, top_k=9, top_p=0.5, min_p=0.1, seed=3, stop=("x",), grammar='root ::= "a"')
    with FaultServer(GOOD) as server, engine_of(server) as engine:
        engine.submit(ASK).result(5)
        engine.submit(sampled).result(5)
    plain, other = (seen.body for seen in server.seen)
    assert plain["messages"] == [{"role": "user", "content": "Which?"}]
    assert (plain["model"], plain["max_tokens"], plain["temperature"], plain["stream"]) == (MODEL, 20, 0, True)
    assert not {"top_k", "top_p", "min_p", "stop", "grammar", "response_format", "logprobs"} & plain.keys()
    wanted = {"temperature": 0.7, "top_k": 9, "top_p": 0.5, "min_p": 0.1, "seed": 3, "stop": ["x"]}
    assert wanted.items() <= other.items()
    assert other["grammar"] == 'root ::= "a"'


@pytest.mark.parametrize("token", ["<|im_end|>", "</s>", "<start_of_turn>", "[INST]", "<\uff5cUser\uff5c>", "<0x0A>"])
def test_control_tokens_in_a_message_are_broken_up(token: str) -> None:
    with FaultServer(GOOD) as server, engine_of(server) as engine:
        engine.submit(ASK._replace(messages=(Message("user", f"a < b, [1] {token} c"),))).result(5)
    content = server.seen[0].body["messages"][0]["content"]
    assert token not in content
    assert content.replace(" ", "") == f"a<b,[1]{token}c"
    assert content.startswith("a < b, [1] ")


@pytest.mark.parametrize("name", BROKEN)
def test_after_a_failure_the_text_comes_with_another_attempt(name: str) -> None:
    with FaultServer(BROKEN[name], GOOD) as server, engine_of(server) as engine:
        assert engine.submit(ASK).result(5).text == "One two."
        engine.submit(ASK).result(5)
    keys = [seen.headers["idempotency-key"] for seen in server.seen]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("name", BROKEN)
def test_a_failure_that_lasts_is_an_error_after_three_retries(name: str) -> None:
    with FaultServer(BROKEN[name]) as server, engine_of(server, read_timeout=0.1) as engine:
        with pytest.raises(EngineError, match=r"^the endpoint 127\.0\.0\.1:\d+ \S.*4 attempts") as caught:
            engine.submit(ASK).result(5)
        assert len(server.seen) == 4
        assert isinstance(caught.value, EngineBusyError) == (name == "429")
        gaps = [after.at - before.at for before, after in zip(server.seen, server.seen[1:], strict=False)]
        assert all(gap > least for gap, least in zip(gaps, (0.015, 0.03, 0.06), strict=True))


@pytest.mark.parametrize("name", [*BROKEN, "a byte at a time", "endless comments", "endless head", "held"])
def test_a_deadline_is_kept(name: str) -> None:
    scripts = BROKEN | {
        "a byte at a time": sends(*(bytes([byte]) for byte in STREAM_HEAD + piece("One ") * 9), pause=0.02),
        "endless comments": repeats(STREAM_HEAD, b": ping\n\n", pause=0.02),
        "endless head": repeats(b"HTTP/1.1 200 OK\r\n", b"X-Filler: x\r\n", pause=0.02),
        "held": sends_and_stalls(),
    }
    with FaultServer(scripts[name]) as server, engine_of(server, backoff=0.3, read_timeout=30.0) as engine:
        start = time.monotonic()
        with pytest.raises(EngineError):
            engine.submit(ASK._replace(deadline=0.15)).result(5)
        assert time.monotonic() - start < 0.65
        assert gone(server, 0.5)
        sent = len(server.seen)
        time.sleep(0.1)
        assert len(server.seen) == sent


def test_a_deadline_ends_a_request_that_waits_and_says_what_was_wrong() -> None:
    release = Event()
    with FaultServer(hold(release)) as server, engine_of(server, parallel=1, read_timeout=9.0) as engine:
        first = engine.submit(ASK)
        with pytest.raises(DeadlineError, match=r"0\.2 s"):
            engine.submit(ASK._replace(deadline=0.2)).result(5)
        release.set()
        assert first.result(5).text == "One two."
        assert len(server.seen) == 1
    with FaultServer(sends(answer(503, b"Loading model"))) as server, engine_of(server, backoff=0.2) as engine:  # noqa: SIM117
        with pytest.raises(DeadlineError, match="Loading model"):
            engine.submit(ASK._replace(deadline=0.3)).result(5)


ODD_WAITS = ["0", "-1", "soon", "nan", "", "-inf", "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 99 Zzz 99999999999999"]


@pytest.mark.parametrize("wait", ODD_WAITS)
def test_a_wait_that_makes_no_sense_neither_hangs_nor_hammers(wait: str) -> None:
    busy = sends(answer(429, b"", Retry_After=wait))
    with FaultServer(busy, busy, GOOD) as server, engine_of(server) as engine:
        assert engine.submit(ASK).result(2).text == "One two."
    first, second, third = (seen.at for seen in server.seen)
    assert second - first > 0.015
    assert third - second > 0.03


@pytest.mark.parametrize("wait", ["1e9", "inf", "60", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_beyond_the_deadline_is_not_waited_for(wait: str) -> None:
    with FaultServer(sends(answer(429, b"", Retry_After=wait)), GOOD) as server, engine_of(server) as engine:
        start = time.monotonic()
        with pytest.raises(DeadlineError, match="429"):
            engine.submit(ASK._replace(deadline=5)).result(5)
        assert time.monotonic() - start < 1
        assert len(server.seen) == 1


def test_a_sensible_wait_is_honoured() -> None:
    with FaultServer(sends(answer(503, b"", Retry_After="0.5")), GOOD) as server, engine_of(server) as engine:
        engine.submit(ASK).result(5)
    assert 0.5 <= server.seen[1].at - server.seen[0].at < 1


@pytest.mark.parametrize("pieces", [("One ", "two."), ("One two.",), ("O", "ne two.")])
def test_what_was_told_is_not_told_again(pieces: tuple[str, ...]) -> None:
    cut = sends_and_resets(STREAM_HEAD, piece("One "))
    with FaultServer(cut, cut, says(*pieces)) as server, engine_of(server) as engine:
        shown: list[str] = []
        assert engine.submit(ASK, shown.append).result(5).text == "One two."
    assert shown[0] == "One "
    assert "".join(shown) == "One two."


@pytest.mark.parametrize("pieces", [("Two",), ("One",), ("O", "ther")])
def test_another_text_than_was_told_is_an_error(pieces: tuple[str, ...]) -> None:
    with (
        FaultServer(sends_and_resets(STREAM_HEAD, piece("One ")), says(*pieces)) as server,
        engine_of(server) as engine,
    ):
        shown: list[str] = []
        with pytest.raises(EngineError, match="broke the connection off and then wrote"):
            engine.submit(ASK, shown.append).result(5)
        assert shown == ["One "]
        # Where nobody was told, the second text is as good as the first.
    with (
        FaultServer(sends_and_resets(STREAM_HEAD, piece("One ")), says(*pieces)) as server,
        engine_of(server) as engine,
    ):
        assert engine.submit(ASK).result(5).text == "".join(pieces)


@pytest.mark.parametrize("sent", [(), (STREAM_HEAD,), (STREAM_HEAD, piece("One "))])
def test_cancelling_closes_the_connection_at_once(sent: tuple[bytes, ...]) -> None:
    with FaultServer(sends_and_stalls(*sent), GOOD) as server, engine_of(server, read_timeout=30.0) as engine:
        future = engine.submit(ASK)
        wait_for_requests(server, 1)
        time.sleep(0.05)
        assert future.cancel()
        assert gone(server, 0.5)
        assert engine.submit(ASK).result(5).text == "One two."
        assert len(server.seen) == 2


def test_a_listener_that_fails_ends_the_request_with_its_own_error() -> None:
    def fail(_text: str) -> None:
        raise ConnectionAbortedError("the reader has gone")

    script = sends_and_stalls(STREAM_HEAD, piece("One "))
    with FaultServer(script) as server, engine_of(server, read_timeout=30.0) as engine:
        with pytest.raises(ConnectionAbortedError, match="the reader has gone"):
            engine.submit(ASK, fail).result(5)
        assert gone(server, 0.5)
        assert len(server.seen) == 1


def test_a_request_that_waits_is_bounded_ordered_and_can_be_cancelled() -> None:
    release = Event()
    with (
        FaultServer(hold(release), GOOD) as server,
        engine_of(server, parallel=1, waiting=3, read_timeout=9.0) as engine,
    ):
        running = engine.submit(ASK)
        wait_for_requests(server, 1)
        requests = [ASK._replace(seed=seed, batch=batch) for seed, batch in ((1, True), (2, True), (3, False))]
        waiting = [engine.submit(request) for request in requests]
        with pytest.raises(EngineBusyError) as caught:
            engine.submit(ASK)
        assert 0 < caught.value.expected_wait < 100
        assert waiting[0].cancel()
        waiting.append(engine.submit(ASK._replace(seed=4)))
        release.set()
        assert [future.result(5).text for future in (running, *waiting[1:])] == ["One two."] * 4
    assert [seen.body["seed"] for seen in server.seen] == [0, 3, 4, 2]


def test_closing_ends_what_runs_and_what_waits() -> None:
    with FaultServer(sends_and_stalls()) as server, engine_of(server, parallel=1, read_timeout=30.0) as engine:
        futures = [engine.submit(ASK._replace(deadline=60)) for _ in range(3)]
        wait_for_requests(server, 1)
        engine.close()
        for future in futures:
            with pytest.raises((EngineError, CancelledError), match="closed"):
                future.result(1)
        assert gone(server, 0.5)
        with pytest.raises(EngineError, match="closed"):
            engine.submit(ASK)


@pytest.mark.parametrize(
    "after_head", [piece("word " * 400), b"data: " + b"x" * 60_000, b": ping\n" * 9_000, b"\n" * 60_000]
)
def test_an_endless_answer_is_refused(after_head: bytes) -> None:
    with FaultServer(repeats(STREAM_HEAD, after_head)) as server, engine_of(server) as engine:
        with pytest.raises(EngineError, match=r"sent|wrote"):
            engine.submit(ASK).result(9)
        assert len(server.seen) == 1


TOO_LARGE = [
    b'{"error":{"code":400,"message":"request (3004 tokens) exceeds the available context size (1024 tokens), try '
    b'increasing it","type":"exceed_context_size_error","n_prompt_tokens":3004,"n_ctx":1024}}',
    b'{"object":"error","message":"This model\'s maximum context length is 1024 tokens. However, you requested 3004 '
    b'tokens.","type":"BadRequestError","param":null,"code":400}',
    b'{"error":{"message":"This model\'s maximum context length is 1024 tokens. However, you requested 3004 tokens",'
    b'"type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}',
]


@pytest.mark.parametrize("body", TOO_LARGE)
@pytest.mark.parametrize("inside", [True, False])
def test_a_prompt_that_the_server_finds_too_large_is_named_so(body: bytes, inside: bool) -> None:
    script = sends(STREAM_HEAD, b"data: " + body + b"\n\n") if inside else sends(answer(400, body))
    with FaultServer(script) as server, engine_of(server) as engine:
        with pytest.raises(RequestTooLargeError, match=r"3004.*1024|1024.*3004"):
            engine.submit(ASK).result(5)
        assert len(server.seen) == 1


def test_a_prompt_that_cannot_fit_is_not_sent() -> None:
    with FaultServer(GOOD) as server, engine_of(server, context=512) as engine:
        long = ASK._replace(messages=(Message("user", "word " * 600),))
        needed = engine.count_tokens(long.messages) + long.max_tokens
        with pytest.raises(RequestTooLargeError, match=f"{needed} tokens.*context of 512"):
            engine.submit(long).result(5)
        assert engine.submit(ASK._replace(max_tokens=0)).result(5).text == ""
        assert not server.seen


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 501])
def test_what_another_attempt_cannot_mend_is_not_tried_again(status: int) -> None:
    with FaultServer(sends(answer(status, b'{"detail": "not so"}'))) as server, engine_of(server) as engine:
        with pytest.raises(EngineError, match=str(status)):
            engine.submit(ASK).result(5)
        assert len(server.seen) == 1


def test_probabilities_come_with_the_tokens_or_not_at_all() -> None:
    token = {"choices": [{"delta": {"content": "a"}, "logprobs": {"content": [{"logprob": -0.5}]}}]}
    with FaultServer(sends(STREAM_HEAD, event(token) * 3, FINISH, DONE), GOOD) as server, engine_of(server) as engine:
        assert engine.submit(ASK._replace(logprobs=True)).result(5).logprobs == (-0.5,) * 3
        with pytest.raises(EngineError, match="probabilities"):
            engine.submit(ASK._replace(logprobs=True)).result(5)
    assert server.seen[0].body["logprobs"] is True


def test_every_error_is_one_that_a_person_can_read() -> None:
    noise = b"\x1b[31m\xff\xfe" + "\u202e\nline ".encode() * 500
    for script in (sends(answer(400, noise)), sends(STREAM_HEAD, b"data: " + noise)):
        with FaultServer(script) as server, engine_of(server) as engine:
            with pytest.raises(PaperboyError) as caught:
                engine.submit(ASK).result(5)
            assert str(caught.value).isprintable()
            assert len(str(caught.value)) < 300
    with pytest.raises(SettingsError):
        EndpointEngine([])
