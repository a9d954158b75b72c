"""What must not be served is refused: foreign hosts, other sites, too much, too slow, without a key."""

import asyncio
import logging
import re
import socket
import time
from itertools import product
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from service.web.guard import Access, Guard, Rate, is_loopback, origin_names
from service.web.keys import Keys, add_key, read_keys
from service.web.limits import MOST_BYTES, BodyLimit
from tests.web.serving import JSON, Running, running, until_ready

SEARCH = "/api/v1/search"
OWN = ("localhost", "127.0.0.1", "[::1]")
FOREIGN = (
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "10.0.0.7",
    "user@127.0.0.1",
    "",
    "a b",
    "[::1",
)


def request(method: str, path: str, body: bytes = b"", /, **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "Connection: close", "", ""]).encode() + body


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def headers_of(answer: bytes) -> str:
    return answer.partition(b"\r\n\r\n")[0].decode().lower()


@pytest.mark.parametrize("host", [*OWN, "LOCALHOST"])
def test_hosts_of_this_machine_are_served(served: Running, host: str) -> None:
    assert status(served.raw(request("GET", "/healthz", Host=f"{host}:{served.port}"))) == 200


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("path", ["/", "/healthz", "/api/v1/days", "/openapi.json", "/metrics", "/nothing"])
def test_a_name_that_somebody_else_points_here_is_refused_everywhere(served: Running, host: str, path: str) -> None:
    answer = served.raw(request("GET", path, Host=host))
    assert status(answer) == 400
    assert b"foreign-host" in answer or b"Invalid HTTP" in answer


MATRIX = list(
    product(
        ("127.0.0.1:{port}", "evil.example"),
        (None, "http://127.0.0.1:{port}", "http://127.0.0.1:1", "http://evil.example", "null"),
        (None, "same-origin", "none", "same-site", "cross-site"),
        (
            "application/json",
            "application/json; charset=utf-8",
            "text/plain",
            "multipart/form-data",
            None,
        ),
    )
)


def test_only_what_the_page_itself_or_a_program_sends_is_served(served: Running) -> None:
    assert len(MATRIX) >= 96
    for host, origin, site, kind in MATRIX:
        if host == "evil.example":
            expected = 400
        elif origin not in (None, "http://127.0.0.1:{port}") or site not in (None, "same-origin", "none"):
            expected = 403
        else:
            expected = 200 if kind and kind.startswith("application/json") else 415
        values = {"Host": host, "Origin": origin, "Sec_Fetch_Site": site, "Content_Type": kind}
        given = {name: value.format(port=served.port) for name, value in values.items() if value}
        answer = served.raw(request("POST", "/api/v1/suggest", b'{"text": "gam"}', **given))
        assert status(answer) == expected, (given, answer[:200])
        assert "access-control-allow" not in headers_of(answer)


@pytest.mark.parametrize(
    ("path", "expected"), [(SEARCH, 405), ("/api/v1/days", 405), ("/api/v1/papers/alpha", 405), ("/nothing", 404)]
)
def test_what_no_route_serves_is_refused_as_that_whatever_it_sends(served: Running, path: str, expected: int) -> None:
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "QUERY", *(["POST"] if path != SEARCH else [])):
        assert status(served.raw(request(method, path, Host="127.0.0.1"))) == expected
        foreign = request(method, path, Host="127.0.0.1", Origin="http://evil.example")
        assert status(served.raw(foreign)) == 403


def test_while_it_stops_only_the_health_check_is_served() -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    async def ask(path: str) -> Message:
        said: list[Message] = []

        async def keep(message: Message) -> None:
            said.append(message)

        guard = Guard(app, access=Access(), keys=Keys(), stopping=lambda: True)
        await guard(
            {"type": "http", "method": "GET", "path": path, "headers": [(b"host", b"localhost")]}, nothing, keep
        )
        return said[0]

    for path, expected in (("/healthz", 200), ("/api/v1/days", 503), ("/", 503)):
        answer = asyncio.run(ask(path))
        assert answer["status"] == expected
        assert (b"connection", b"close") in answer["headers"]
        assert (b"retry-after" in dict(answer["headers"])) == (expected == 503)


def test_asking_whether_another_site_may_is_answered_without_a_permission(served: Running) -> None:
    asked = {"Origin": "http://evil.example", "Access_Control_Request_Method": "POST", "Host": "127.0.0.1"}
    answer = served.raw(request("OPTIONS", SEARCH, **asked))
    assert status(answer) == 405
    assert "access-control-allow" not in headers_of(answer)


def test_a_site_that_was_named_may(home: Path) -> None:
    origin = "https://papers.example"
    with running(home, access=Access(origins=(origin,))) as run:
        asked = {"Origin": origin, "Access_Control_Request_Method": "POST", "Host": "127.0.0.1"}
        assert f"access-control-allow-origin: {origin}" in headers_of(run.raw(request("OPTIONS", SEARCH, **asked)))
        given = {
            "Host": "127.0.0.1",
            "Origin": origin,
            "Sec_Fetch_Site": "cross-site",
            "Content_Type": JSON["Content-Type"],
        }
        assert status(run.raw(request("POST", "/api/v1/suggest", b'{"text": "x"}', **given))) == 200
        given["Origin"] = "https://evil.example"
        assert status(run.raw(request("POST", "/api/v1/suggest", b'{"text": "x"}', **given))) == 403


HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/v1/days", "/api/v1/nothing", "/static/nothing", "/metrics"])
def test_every_response_forbids_what_a_page_of_ours_does_not_need(served: Running, path: str) -> None:
    response = served.client.get(path)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS


def test_refusals_and_failures_have_the_same_headers(served: Running) -> None:
    for answer in (
        served.raw(request("GET", "/", Host="evil.example")),
        served.raw(request("POST", SEARCH, b"{}", Host="127.0.0.1", Content_Type="text/plain")),
        served.raw(request("POST", SEARCH, b"x" * (MOST_BYTES + 1), Host="127.0.0.1", Content_Type="application/json")),
    ):
        assert status(answer) >= 400
        assert "content-security-policy: default-src 'none'" in headers_of(answer)
        assert "application/problem+json" in headers_of(answer)


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_beyond_the_limit_is_refused_while_it_comes(served: Running, declared: bool) -> None:
    head = b"POST /api/v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    if declared:
        answer = served.raw(head + b"Content-Length: 400000000\r\n\r\n{")
    else:
        # It would never end.
        chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        answer = served.raw(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 16)
    assert status(answer) == 413


def test_a_body_of_the_limit_is_read(served: Running) -> None:
    body = b'{"text": "gam"' + b" " * (MOST_BYTES - 15) + b"}"
    assert len(body) == MOST_BYTES
    assert served.client.post("/api/v1/suggest", content=body, headers=JSON).status_code == 200


def test_a_packed_body_is_refused(served: Running) -> None:
    assert (
        served.client.post(SEARCH, content=b"\x1f\x8b", headers={**JSON, "Content-Encoding": "gzip"}).status_code == 415
    )


def test_a_head_beyond_the_limit_is_refused(served: Running) -> None:
    for line in (b"GET /healthz?", b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "):
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
            # Its end never comes.
            connection.sendall(line + b"x" * 70_000)
            assert status(connection.recv(65_536)) == 400


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request may take 0.3 seconds to come, instead of ten."""
    monkeypatch.setattr("service.web.serving.RECEIVE_SECONDS", 0.3)
    monkeypatch.setattr("service.web.serving._KEEP_ALIVE_SECONDS", 1)
    monkeypatch.setattr(BodyLimit.__init__, "__kwdefaults__", {"most": MOST_BYTES, "seconds": 0.3})


@pytest.mark.usefixtures("hasty")
def test_a_request_that_does_not_come_is_not_waited_for(home: Path) -> None:
    head = b"POST /api/v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n"
    with running(home) as run:
        assert run.raw(b"") == b""
        assert run.raw(b"GET /healthz HTT") == b""
        assert status(run.raw(head + b"\r\n{")) == 408
        whole = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        assert run.raw(whole + b"GET /heal").count(b"HTTP/1.1 200 OK") == 1
        with socket.create_connection(("127.0.0.1", run.port), timeout=20) as later:
            later.sendall(whole)
            assert b"200 OK" in later.recv(65_536)
            later.sendall(b"GET /heal")
            while later.recv(65_536):
                """What was left of the first answer."""
        with socket.create_connection(("127.0.0.1", run.port), timeout=20) as slow:
            for byte in head:
                try:
                    slow.sendall(bytes([byte]))
                except ConnectionError:
                    break
                time.sleep(0.02)
            else:
                raise AssertionError("a byte now and then kept the connection open")


def test_beyond_this_machine_every_route_needs_a_key(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    good = add_key(file, "ada")
    assert good not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    with running(home, keys=read_keys(file)) as run:
        for path in ("/api/v1/days", "/metrics", "/openapi.json", "/readyz", "/v1/models", "/nothing"):
            refused = run.client.get(path)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="paperboy"')
        for wrong in ("", "Bearer", f"Bearer {good}x", f"Bearer {good[:-1]}", f"Basic {good}", good):
            assert run.client.get("/api/v1/days", headers={"Authorization": wrong}).status_code == 401
        assert run.client.get("/api/v1/days", headers={"Authorization": f"Bearer {good}"}).status_code == 200
        assert run.client.get("/healthz").status_code == 200


def test_a_key_that_asks_too_often_is_told_when_to_come_back(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    ada, bob = ({"Authorization": f"Bearer {add_key(file, name)}"} for name in ("ada", "bob"))
    with running(home, keys=read_keys(file), access=Access(per_minute=3)) as run:
        codes = [run.client.get("/api/v1/days", headers=ada).status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]
        refused = run.client.get("/api/v1/days", headers=ada)
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert run.client.get("/api/v1/days", headers=bob).status_code == 200


def test_a_key_that_asks_too_much_at_once_is_told_so_and_others_are_served(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    ada, bob = (f"Bearer {add_key(file, name)}".encode() for name in ("ada", "bob"))
    codes: list[int] = []

    async def crowd() -> None:
        leave = asyncio.Event()

        async def held(_scope: Scope, _receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await leave.wait()

        async def receive() -> Message:
            return {"type": "http.request", "body": b""}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                codes.append(message["status"])

        guard = Guard(held, access=Access(at_once=2), keys=read_keys(file), stopping=lambda: False)

        async def ask(key: bytes) -> None:
            headers = [(b"host", b"localhost"), (b"authorization", key)]
            await guard({"type": "http", "method": "GET", "path": "/api/v1/days", "headers": headers}, receive, send)

        asked = [asyncio.create_task(ask(key)) for key in (ada, ada, ada, bob)]
        await asyncio.sleep(0.01)
        assert codes == [200, 200, 429, 200]
        leave.set()
        await asyncio.gather(*asked)
        # What is done makes room.
        await ask(ada)
        assert codes[-1] == 200

    asyncio.run(crowd())


def test_what_was_used_up_comes_back_with_time() -> None:
    now = 0.0
    rate = Rate(60, lambda: now)
    assert [rate.take("ada") for _ in range(61)] == [0] * 60 + [1]
    now = 1.0
    assert rate.take("ada") == 0
    assert rate.take("ada") == 1


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("192.168.1.2", False),
        ("example.org", False),
    ],
)
def test_what_is_reached_from_this_machine_only(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_beyond_loopback_addresses_are_known_and_names_have_to_be_given() -> None:
    open_to_all = Access(host="0.0.0.0", names=("papers.lan",))  # noqa: S104
    assert [open_to_all.knows(host) for host in ("192.168.1.2:8642", "papers.lan", "evil.example")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("origin", ["papers.example", "*", "https://papers.example/path", "file:///x", ""])
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="no origin"):
        origin_names([origin])


def test_nothing_that_was_asked_or_stored_is_written_to_the_log_or_the_metrics(
    home: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = "canary8f3a"
    caplog.set_level(logging.DEBUG)
    with running(home) as run:
        until_ready(run)
        text = f"which papers reduce {canary}?"
        run.post("/api/v1/ask", {"question": text})
        list(run.events("/api/v1/ask", {"question": text}))
        run.post(SEARCH, {"query": text})
        run.post(SEARCH, {"query": text, canary: 1})
        run.post("/api/v1/papers", {"papers": [{"title": canary, "abstract": f"We propose {canary}."}]})
        run.client.get(f"/api/v1/papers/{canary}")
        run.client.get(f"/{canary}%0d%0aforged?{canary}", headers={"Authorization": f"Bearer {canary}"})

        def fail(*_given: object, **_more: object) -> None:
            raise RuntimeError(text)

        monkeypatch.setattr(run.service.desk.library, "search", fail)
        monkeypatch.setattr(run.service.desk.library, "asking", fail)
        failed = run.post(SEARCH, {"query": text})
        assert failed.status_code == 500
        assert canary not in failed.text
        assert [event.name for event in run.events("/api/v1/ask", {"question": text})] == ["error"]
        metrics = run.client.get("/metrics").text
    # The client of this test keeps a log too.
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("paperboy", "uvicorn"))]
    log = "\n".join(ours)
    assert log.count("RuntimeError\n") == 2
    assert "POST /api/v1/ask 200" in log
    assert canary not in log
    assert canary not in metrics
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", log)
