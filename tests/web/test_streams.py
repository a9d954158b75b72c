"""Texts as they grow, and clients that leave."""

import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from service.errors import EngineError
from tests.fakes import HeldEngine
from tests.web.serving import QUESTION, Running, running, until_ready

ASK = "/api/v1/ask"


def head_of(path: str, body: object, accept: str) -> bytes:
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: {accept}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def wait_until(check: object, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not check():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_answer_comes_as_tokens_then_claims_then_whole(served: Running) -> None:
    events = list(served.events(ASK, {"question": QUESTION}))
    tokens = [event.data["text"] for event in events if event.name == "token"]
    claims = [event.data for event in events if event.name == "claim"]
    answer = events[-1]
    assert [event.name for event in events] == ["token"] * len(tokens) + ["claim"] * len(claims) + ["answer"]
    assert "".join(tokens).split() == answer.data["text"].split()
    assert [claim["claim"] for claim in claims] == answer.data["claims"]
    assert [claim["index"] for claim in claims] == list(range(len(claims)))
    assert served.client.get(f"/api/v1/answers/{answer.data['id']}").status_code == 200


def test_an_answer_that_no_writer_wrote_is_told_whole(served: Running) -> None:
    events = list(served.events(ASK, {"question": "how do bees navigate in winter?"}))
    assert [event.name for event in events] == ["token", "answer"]
    assert events[0].data["text"] == events[1].data["text"]


def test_a_summary_comes_the_same_way(served: Running) -> None:
    events = list(served.events("/api/v1/summaries", {"paper_id": "gamma", "length": "paragraph"}))
    assert events[0].name == "token"
    assert events[-1].name == "summary"


def test_what_fails_within_a_stream_ends_it_with_the_problem(served: Running) -> None:
    events = list(served.events("/api/v1/summaries", {"paper_id": "nobody knows this paper"}))
    assert [(event.name, event.data["status"]) for event in events] == [("error", 404)]


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
@pytest.mark.parametrize("how", ["close", "reset", "half"])
def test_a_client_that_leaves_gives_its_text_up(home: Path, accept: str, how: str) -> None:
    writer = HeldEngine()
    with running(home, writer=writer) as run:
        until_ready(run)
        with socket.create_connection(("127.0.0.1", run.port)) as connection:
            connection.sendall(head_of(ASK, {"question": QUESTION}, accept))
            writer.wait_for(1)
            if how == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            elif how == "half":
                connection.shutdown(socket.SHUT_WR)
            if how != "half":
                connection.close()
            wait_until(writer.futures[0].cancelled)
        wait_until(lambda: run.service.desk.under_way == 0)
        assert run.client.get("/api/v1/answers").json()["answers"] == []


def test_a_client_that_leaves_while_it_waits_is_never_begun(home: Path) -> None:
    writer = HeldEngine()
    with running(home, writer=writer) as run:
        until_ready(run)
        streams = [run.events(ASK, {"question": f"{QUESTION} {number}", "mode": "free"}) for number in range(6)]
        threads = [threading.Thread(target=lambda stream=stream: list(stream), daemon=True) for stream in streams[:4]]
        for thread in threads:
            thread.start()
        writer.wait_for(4)
        with socket.create_connection(("127.0.0.1", run.port)) as late:
            late.sendall(head_of(ASK, {"question": f"{QUESTION} late", "mode": "free"}, "text/event-stream"))
            wait_until(lambda: run.service.desk.waiting == 5)
        wait_until(lambda: run.service.desk.waiting == 4)
        for number in range(4):
            writer.answer(number)
        for thread in threads:
            thread.join(20)
        assert len(writer.requests) == 4


def test_a_client_that_leaves_takes_nothing_from_the_others(home: Path) -> None:
    writer = HeldEngine()
    with running(home, writer=writer) as run:
        until_ready(run)
        kept: list[object] = []
        stays = threading.Thread(
            target=lambda: kept.append(run.post(ASK, {"question": QUESTION, "mode": "free"}).json())
        )
        stays.start()
        writer.wait_for(1)
        with socket.create_connection(("127.0.0.1", run.port)) as leaves:
            leaves.sendall(head_of(ASK, {"question": "which papers draw cats?", "mode": "free"}, "text/event-stream"))
            # Both are with the writer at a time: nobody waits for the text of another.
            writer.wait_for(2)
        wait_until(writer.futures[1].cancelled)
        writer.answer(0)
        stays.join(20)
        assert kept
        assert isinstance(kept[0], dict)
        assert kept[0]["question"] == QUESTION


def pour(writer: HeldEngine, until: Callable[[], bool], seconds: float = 20.0) -> None:
    """Have the writer write a great deal."""
    told = writer.listeners[0]
    assert told is not None
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end
        told("word " * 20_000)
        time.sleep(0.005)


def test_a_client_that_takes_nothing_gives_its_text_up_and_keeps_nobody_waiting(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("service.web.streams._SEND_SECONDS", 0.3)
    writer = HeldEngine()
    with running(home, writer=writer) as run:
        until_ready(run)
        with socket.create_connection(("127.0.0.1", run.port)) as connection:
            connection.sendall(head_of(ASK, {"question": QUESTION, "mode": "free"}, "text/event-stream"))
            writer.wait_for(1)
            pour(writer, writer.futures[0].cancelled)
            assert run.post("/api/v1/search", {"query": "memory"}).status_code == 200
            wait_until(lambda: run.service.desk.under_way == 0)
            # That of the search is kept; the other is gone, though its client still has not read a byte.
            wait_until(lambda: len(run.server.server_state.connections) == 1)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_client_that_reads_slowly_gets_every_word(home: Path) -> None:
    writer = HeldEngine()
    with running(home, writer=writer) as run:
        until_ready(run)
        with socket.create_connection(("127.0.0.1", run.port)) as connection:
            connection.sendall(head_of(ASK, {"question": QUESTION, "mode": "free"}, "text/event-stream"))
            writer.wait_for(1)
            told = writer.listeners[0]
            assert told is not None
            for number in range(300):
                told(f"w{number} " + "x" * 20_000)
            writer.fail(0, EngineError("no"))
            got = bytearray()
            while b"event: error" not in got:
                part = connection.recv(50_000)
                assert part
                got += part
                time.sleep(0.001)
        places = [got.find(b'"w%d x' % number) for number in range(300)]
        assert -1 not in places
        assert places == sorted(places)


def test_a_search_does_not_wait_for_a_text(home: Path) -> None:
    writer = HeldEngine()
    with running(home, writer=writer) as run:
        until_ready(run)
        stream = threading.Thread(target=lambda: list(run.events(ASK, {"question": QUESTION})), daemon=True)
        stream.start()
        writer.wait_for(1)
        assert run.post("/api/v1/search", {"query": "memory"}).status_code == 200
        writer.fail(0, EngineError("no"))
        stream.join(20)


def test_more_requests_than_may_wait_are_refused_and_told_when_to_come_back(home: Path) -> None:
    writer = HeldEngine()
    with running(home, writer=writer, room=3) as run:
        until_ready(run)
        threads = [
            threading.Thread(target=lambda: list(run.events(ASK, {"question": QUESTION, "mode": "free"})), daemon=True)
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        writer.wait_for(3)
        refused = run.post(ASK, {"question": QUESTION})
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:paperboy:problem:busy")
        assert int(refused.headers["retry-after"]) >= 1
        assert run.client.get("/healthz").status_code == 200
        for number in range(len(writer.futures)):
            writer.fail(number, EngineError("no"))
        wait_until(lambda: run.service.desk.waiting == 0)


def test_a_service_that_stops_ends_its_streams_with_a_word(home: Path) -> None:
    writer = HeldEngine()
    with running(home, writer=writer, grace=0.5) as run:
        until_ready(run)
        seen: list[tuple[str, object]] = []
        stream = threading.Thread(target=lambda: seen.extend(run.events(ASK, {"question": QUESTION})), daemon=True)
        stream.start()
        writer.wait_for(1)
        run.server.should_exit = True
        stream.join(20)
        assert [name for name, _ in seen] == ["error"]
        assert isinstance(seen[0][1], dict)
        assert seen[0][1]["type"] == "urn:paperboy:problem:stopping"
        assert writer.futures[0].cancelled()
