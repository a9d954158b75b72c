"""A service in a thread of the test, with real sockets; its writer may be a stand-in."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import uvicorn

from service.library import Library
from service.ports import Engine
from service.settings import Settings
from service.web.app import create_app
from service.web.guard import Access
from service.web.keys import Keys
from service.web.service import Service
from service.web.serving import Server, configured, listen

JSON = {"Content-Type": "application/json"}
QUESTION = "which papers reduce activation memory?"


class StandIn(Library):
    """A library whose writer is given."""

    writer: Engine | None = None

    def _writer(self) -> Engine:
        return self.writer or super()._writer()


class Event(NamedTuple):
    """One server-sent event."""

    name: str
    data: Any


class Running(NamedTuple):
    """A service that runs."""

    service: Service
    server: uvicorn.Server
    client: httpx2.Client
    port: int

    def post(self, path: str, body: Any, **headers: str) -> httpx2.Response:
        """Send JSON."""
        return self.client.post(path, content=json.dumps(body), headers={**JSON, **headers})

    def events(self, path: str, body: Any = None) -> Iterator[Event]:
        """The events of a stream, as they come; closing the iterator leaves."""
        headers = {**JSON, "Accept": "text/event-stream"}
        method, content = ("GET", None) if body is None else ("POST", json.dumps(body))
        with self.client.stream(method, path, content=content, headers=headers) as response:
            assert response.status_code == 200, response.read()
            assert response.headers["content-type"].startswith("text/event-stream")
            name = ""
            for line in response.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    yield Event(name, json.loads(line.removeprefix("data: ")))

    def raw(self, data: bytes, timeout: float = 20) -> bytes:
        """What comes back on a connection of its own, until the service closes it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.sendall(data)
            parts = []
            while part := connection.recv(65_536):
                parts.append(part)
        return b"".join(parts)


@contextmanager
def running(
    home: Path,
    *,
    writer: Engine | None = None,
    access: Access | None = None,
    keys: Keys | None = None,
    room: int = 64,
    grace: float = 2.0,
) -> Iterator[Running]:
    """Serve a home until the block ends."""
    settings = Settings(home=home)
    with StandIn.open(settings, together=True) as library, listen("127.0.0.1", 0) as bound:
        library.writer = writer
        service = Service(library, settings, room=room)
        app = create_app(service, access, keys)
        started = threading.Event()
        server = Server(configured(app, grace), service, grace, started.set)
        thread = threading.Thread(target=lambda: server.run([bound]), daemon=True)
        port = bound.getsockname()[1]
        thread.start()
        try:
            assert started.wait(60)
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                yield Running(service, server, client, port)
        finally:
            server.should_exit = True
            thread.join(60)
            service.close()
        assert not thread.is_alive()


def until_ready(run: Running) -> None:
    """Wait until the models are loaded."""
    wait = threading.Event()
    for _ in range(600):
        if run.client.get("/readyz").status_code == 200:
            return
        wait.wait(0.1)
    raise AssertionError(run.client.get("/readyz").text)
