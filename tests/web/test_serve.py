"""`paperboy serve` as a process: where it listens, what it refuses to do, and how it ends."""

import signal
import socket
import time
from pathlib import Path

import httpx2
import pytest

from tests.command_line import one_clear_line, paperboy, served
from tests.web.serving import JSON, QUESTION


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104
def test_beyond_this_machine_it_is_not_served_without_keys(tmp_path: Path, host: str) -> None:
    line = one_clear_line(paperboy(tmp_path / "home", "serve", "--host", host, "--port", "0"))
    assert "give --keys FILE" in line
    assert not (tmp_path / "home").exists()


def test_a_key_is_made_by_a_command_and_opens_the_service(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    made = paperboy(home, "key", "ada", "--keys", file)
    assert made.status == 0
    with served(home, "--keys", str(file), "--host", "0.0.0.0") as (_, address):  # noqa: S104
        local = address.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        assert httpx2.get(f"{local}/api/v1/days", timeout=60).status_code == 401
        key = {"Authorization": f"Bearer {made.out.strip()}"}
        assert httpx2.get(f"{local}/api/v1/days", headers=key, timeout=60).status_code == 200


def test_a_port_that_is_taken_is_told_in_one_line(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        line = one_clear_line(paperboy(home, "serve", "--port", str(taken.getsockname()[1])))
    assert "choose another --host or --port" in line


@pytest.mark.parametrize(("flag", "value"), [("--allow-origin", "evil"), ("--keys", "/nothing")])
def test_what_cannot_be_used_is_told_in_one_line(home: Path, flag: str, value: str) -> None:
    one_clear_line(paperboy(home, "serve", "--port", "0", flag, value))


def test_a_signal_ends_it_within_the_grace_time_and_what_was_asked_is_answered(home: Path) -> None:
    with served(home) as (process, address), httpx2.Client(base_url=address, timeout=60) as client:
        while client.get("/readyz").status_code != 200:
            time.sleep(0.1)
        headers = {**JSON, "Accept": "text/event-stream"}
        with client.stream("POST", "/api/v1/ask", json={"question": QUESTION}, headers=headers) as response:
            process.send_signal(signal.SIGTERM)
            text = response.read().decode()
        assert "event: answer" in text or "event: error" in text
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_it_listens_on_one_address_of_this_machine_only(home: Path) -> None:
    with served(home) as (_, address):
        port = int(address.rpartition(":")[2])
        others = {ip for *_, (ip, *_) in socket.getaddrinfo(socket.gethostname(), port, type=socket.SOCK_STREAM)}
        for ip in others - {"127.0.0.1", "::1"}:
            with pytest.raises(OSError, match=r"refused|unreachable|assign"):
                socket.create_connection((str(ip), port), timeout=2)
        assert httpx2.get(f"{address}/healthz", timeout=60).status_code == 200
