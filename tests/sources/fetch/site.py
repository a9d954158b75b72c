"""A server on this machine that answers as a service does, or worse."""

import http.server
import threading
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit


class Asked(NamedTuple):
    """One request."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


class Reply(NamedTuple):
    """One answer, and how it may be spoilt."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    cut: int | None = None
    """Bytes after which the connection ends, though more were promised."""
    pause: float = 0.0
    """Seconds before the body."""
    drip: float = 0.0
    """Seconds between the bytes of the body."""


class Site:
    """Answers with what `answer` gives, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Reply] = lambda _: Reply(status=404)
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                asked = Asked(
                    parts.path,
                    dict(parse_qsl(parts.query)),
                    {name.lower(): value for name, value in self.headers.items()},
                )
                site.asked.append(asked)
                site.send(self, site.answer(asked))

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def replies(self, *replies: Reply) -> None:
        """Give these answers in turn, and the last one from then on."""
        waiting = list(replies)
        self.answer = lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def send(self, request: http.server.BaseHTTPRequestHandler, reply: Reply) -> None:
        """Write an answer."""
        request.send_response(reply.status)
        for name, value in reply.headers:
            request.send_header(name, value)
        if reply.status != 304:
            request.send_header("Content-Length", str(len(reply.body)))
        request.end_headers()
        body = reply.body if reply.cut is None else reply.body[: reply.cut]
        time.sleep(reply.pause)
        try:
            for piece in [body] if not reply.drip else [bytes([byte]) for byte in body]:
                request.wfile.write(piece)
                request.wfile.flush()
                time.sleep(reply.drip)
        except OSError:
            # The client has left, as it should.
            return

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
