"""A chat server on loopback that misbehaves as it is told: plain sockets, so that it can break every rule."""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

MODEL = "some-model"


class Seen(NamedTuple):
    """One request for a text."""

    headers: dict[str, str]
    body: dict[str, Any]
    at: float


class Line:
    """The server's end of one connection."""

    def __init__(self, connection: socket.socket, seen: Seen) -> None:
        self.seen = seen
        self._connection = connection

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def reset(self) -> None:
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()

    def wait_until_closed(self, seconds: float = 20.0) -> None:
        """Hold the connection until the other end closes it."""
        self._connection.settimeout(seconds)
        with contextlib.suppress(OSError):
            while self._connection.recv(1_000):
                pass


Script = Callable[[Line], None]


class FaultServer:
    """Answers requests for texts by scripts, one after the other; the last one repeats."""

    def __init__(self, *scripts: Script, models: Sequence[dict[str, Any]] = (), props: object = None) -> None:
        self.scripts = list(scripts)
        self.seen: list[Seen] = []
        self.open = 0
        self._documents = {"/v1/models": {"data": list(models) or [{"id": MODEL}]}, "/props": props}
        self._lock = threading.Lock()
        self.address = ("127.0.0.1", 0)
        self.start()

    def start(self) -> None:
        self._listener = socket.create_server(self.address)
        self.address = self._listener.getsockname()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            path, headers, content = _read(connection)
            if path in self._documents:
                document = self._documents[path]
                connection.sendall(answer(200, json.dumps(document).encode()) if document else answer(404))
                return
            seen = Seen(headers, json.loads(content), time.monotonic())
            with self._lock:
                self.seen.append(seen)
                self.open += 1
                script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
            try:
                script(Line(connection, seen))
            finally:
                with self._lock:
                    self.open -= 1


def _read(connection: socket.socket) -> tuple[str, dict[str, str], bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, _, content = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(content) < int(headers.get("content-length", 0)):
        content += _some(connection)
    return first.split()[1], headers, content


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(65_536)
    if not data:
        raise ConnectionAbortedError
    return data


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """A whole answer."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"HTTP/1.1 {status} Some", f"Content-Length: {len(body)}", *lines])
    return head.encode() + b"\r\n\r\n" + body


STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def event(document: object) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\n\n"


def piece(text: str) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": text}}]})


FINISH = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})


def says(*texts: str, usage: tuple[int, int] | None = None) -> Script:
    """A faultless answer."""
    counts = event(
        {"choices": [], "usage": dict(zip(("prompt_tokens", "completion_tokens"), usage or (), strict=False))}
    )
    return sends(STREAM_HEAD, *map(piece, texts), FINISH, counts, DONE)


def sends(*parts: bytes, pause: float = 0.0) -> Script:
    """Sends bytes and closes the connection."""

    def script(line: Line) -> None:
        for part in parts:
            line.send(part)
            time.sleep(pause)

    return script


def sends_and_resets(*parts: bytes) -> Script:
    """Sends bytes, and then the other end's reading fails."""

    def script(line: Line) -> None:
        for part in parts:
            line.send(part)
        # A reset overtakes what was not yet read.
        time.sleep(0.05)
        line.reset()

    return script


def sends_and_stalls(*parts: bytes) -> Script:
    """Sends bytes and then nothing more, with the connection open."""

    def script(line: Line) -> None:
        for part in parts:
            line.send(part)
        line.wait_until_closed()

    return script


def repeats(head: bytes, part: bytes, pause: float = 0.0) -> Script:
    """Never stops."""

    def script(line: Line) -> None:
        line.send(head)
        while True:
            line.send(part)
            time.sleep(pause)

    return script
