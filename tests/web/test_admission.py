"""A crowd is let in one at a time, and refused at the door where the desk is full; others come between."""

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.errors import EngineError
from service.web.admission import Crowd
from tests.fakes import HeldEngine
from tests.web.serving import QUESTION, Running, running, until_ready
from tests.web.test_guard import status
from tests.web.test_streams import ASK, head_of, wait_until

DESK = ["ask", "search", "suggest", "summaries"]


def test_a_crowd_is_let_in_in_order_one_in_each_turn_of_the_loop() -> None:
    order: list[str] = []

    async def main() -> None:
        crowd, loop = Crowd(), asyncio.get_running_loop()
        for number in range(3):
            crowd.enter(lambda number=number: order.append(f"in {number}"))  # type: ignore[misc]
        for _ in range(4):
            order.append("turn")
            loop.call_soon(lambda: order.append("other"))
            await asyncio.sleep(0)
        crowd.enter(lambda: order.append("late"))
        await asyncio.sleep(0)

    asyncio.run(main())
    assert order[:3] == ["turn", "in 0", "other"]
    assert [what for what in order if what not in ("turn", "other")] == ["in 0", "in 1", "in 2", "late"]
    assert order.index("in 2") - order.index("in 0") >= 4


def test_one_who_fails_does_not_keep_the_next_out() -> None:
    seen: list[str] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: seen.append("failed"))
        crowd = Crowd()
        crowd.enter(lambda: [][0])
        crowd.enter(lambda: seen.append("in"))
        for _ in range(3):
            await asyncio.sleep(0)

    asyncio.run(main())
    assert seen == ["failed", "in"]


def block(run: Running) -> threading.Event:
    """Keep the library's thread busy until the event is set."""
    free = threading.Event()
    run.service.desk.do(lambda _library: free.wait(60))
    return free


@pytest.mark.parametrize("path", [*(f"/api/v1/{name}" for name in DESK), "/v1/chat/completions", "/v1/embeddings"])
def test_with_a_full_desk_a_request_is_refused_before_its_body_comes(home: Path, path: str) -> None:
    with running(home, writer=HeldEngine(), room=1) as run:
        until_ready(run)
        free = block(run)
        whole = head_of(path, {"question": QUESTION}, "application/json")
        head = whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        with socket.create_connection(("127.0.0.1", run.port), timeout=20) as connection:
            connection.sendall(head)
            answer = connection.recv(65_536)
            assert status(answer) == 503
            assert b"retry-after: " in answer.lower()
        free.set()


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One for each that is let in, with how many waited."""
    seen: list[int] = []
    let_in = Crowd._let_in

    def counted(crowd: Crowd) -> None:
        seen.append(len(crowd._waiting))
        let_in(crowd)

    monkeypatch.setattr(Crowd, "_let_in", counted)
    return seen


def test_each_request_with_a_body_waits_for_its_turn_and_no_other(home: Path, turns: list[int]) -> None:
    with running(home) as run:
        for _ in range(3):
            assert run.client.get("/healthz").status_code == 200
        assert not turns
        for _ in range(5):
            assert run.post("/api/v1/suggest", {"text": "gam"}).status_code == 200
        assert len(turns) == 5


def test_clients_that_leave_together_are_let_go_one_in_each_turn(home: Path, turns: list[int]) -> None:
    with running(home) as run:
        connections = [socket.create_connection(("127.0.0.1", run.port), timeout=20) for _ in range(20)]
        for connection in connections:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(65_536)
        for connection in connections:
            connection.shutdown(socket.SHUT_WR)
        for connection in connections:
            assert connection.recv(65_536) == b""
            connection.close()
        wait_until(lambda: not run.server.server_state.connections)
    assert len(turns) == 20


def test_with_a_full_desk_what_needs_no_room_there_is_served(home: Path) -> None:
    with running(home, writer=HeldEngine(), room=1) as run:
        until_ready(run)
        free = block(run)
        assert run.post("/api/v1/verify", {"source": "Quick is fast.", "summary": "Quick is fast."}).status_code == 200
        assert run.client.get("/healthz").status_code == 200
        free.set()


def test_of_a_crowd_everybody_is_answered_or_refused_and_told_when_to_come_back(home: Path) -> None:
    writer = HeldEngine()
    with running(home, writer=writer, room=20) as run:
        until_ready(run)

        def ask(number: int) -> bytes:
            body = {"question": f"{QUESTION} {number}", "mode": "free"}
            data = head_of(ASK, body, "application/json").replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
            return run.raw(data, timeout=60)

        with ThreadPoolExecutor(100) as threads:
            asked = [threads.submit(ask, number) for number in range(100)]
            wait_until(lambda: sum(future.done() for future in asked) == 80, 60)
            assert run.client.get("/healthz").status_code == 200
            for number in range(20):
                writer.fail(number, EngineError("no"))
        answers = [future.result() for future in asked]
        assert sorted(status(answer) for answer in answers) == [502] * 20 + [503] * 80
        assert all(b"retry-after: " in answer.lower() for answer in answers if status(answer) == 503)
