"""Runs the application: sockets, signals, and an end that breaks nothing off."""

import asyncio
import gc
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.errors import SettingsError
from service.index.home import Home
from service.web.admission import Crowd
from service.web.limits import RECEIVE_SECONDS
from service.web.local import LocalServer
from service.web.service import Service
from service.web.streams import ABORT

GRACE_SECONDS = 8.0
"""For what is being answered when the service is asked to stop."""
_LAST_SECONDS = 1.5
"""For telling those who were not done by then."""
_HEADER_BYTES = 65_536
_BACKLOG = 2_048
"""Connections that the system holds until they are accepted."""
_ACCEPTS = 4
"""Connections that are accepted in one turn of the event loop."""
_KEEP_ALIVE_SECONDS = 30
_TIDY_SECONDS = 5
_SWITCH_SECONDS = 0.0005
"""A thread that computes lets others go on after that; in Python 5 ms, which each read or write of the loop waits."""
_SELDOM = 100
"""Collections of the middle generation to one of everything; ten in Python."""


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 that does not wait for ever for a request to begin, and lets in one request with a body at a time."""

    _deadline: asyncio.TimerHandle | None = None

    def __init__(self, *given: Any, crowd: Crowd, **more: Any) -> None:
        """One connection; `crowd` is that of all."""
        super().__init__(*given, **more)
        self._crowd = crowd

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A new connection has so long for the head of its first request."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, ABORT: transport.abort}
        self._deadline = self.loop.call_later(RECEIVE_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        """What begins a request with a body waits for its turn; nothing more is read from the connection until then."""
        if data.startswith(b"POST "):
            self.transport.pause_reading()
            self._crowd.enter(lambda: self._enter(data))
        else:
            self._take(data)

    def _enter(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()
            self._take(data)

    def _take(self, data: bytes) -> None:
        """A later request on the connection has so long for its head too, from its first byte."""
        before: object = self.cycle
        idle = before is None or self.cycle.response_complete
        super().data_received(data)
        if self.cycle is not before or not idle:
            self._met()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(RECEIVE_SECONDS, self.transport.close)

    def eof_received(self) -> bool:  # type: ignore[override]
        """A client that leaves is let go at once where it is being answered, and else in its turn.

        A thousand that leave together would take 0.1 s in which nobody else is served.
        """
        begun: object = self.cycle
        if begun is not None and not self.cycle.response_complete:
            return False
        self._crowd.enter(self.transport.close)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._met()
        super().connection_lost(exc)

    def _met(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None


class Server(uvicorn.Server):
    """Uvicorn that gives those who wait a proper end."""

    def __init__(self, config: uvicorn.Config, service: Service, grace: float, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._service, self._grace, self._on_start = service, grace, on_start
        self._local = LocalServer(service, Home(service.settings.home).socket)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        for bound in sockets or []:
            bound.listen(_BACKLOG)
        await self._local.start()
        self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take nothing new, let be finished what can be within the grace time, end the rest with a word."""
        await self._service.stop()
        timer = asyncio.get_running_loop().call_later(self._grace, self._service.desk.stop)
        await super().shutdown(sockets)
        timer.cancel()
        await self._local.stop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; at the second signal at once."""
        self.force_exit = self.should_exit
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle them here, where the process lets us; afterwards they are done with."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        SettingsError: the address cannot be used.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # Named, for asyncio switches Nagle's delay (40 ms an answer) off for what says that it is TCP.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(
            f"{host}:{port} cannot be listened on ({reason}): choose another --host or --port"
        ) from None
    return bound


def serve(
    app: FastAPI, service: Service, bound: socket.socket, *, on_start: Callable[[], None], grace: float = GRACE_SECONDS
) -> None:  # fmt: skip
    """Serve until a signal comes (SIGTERM, SIGINT); the second one ends it at once."""
    _log_to_stderr()
    service.on_ready = _keep_for_good
    sys.setswitchinterval(_SWITCH_SECONDS)
    config = configured(app, grace)
    config.callback_notify, config.timeout_notify = partial(_tidy, service), _TIDY_SECONDS
    Server(config, service, grace, on_start).run([bound])


def _keep_for_good() -> None:
    """Whatever there is by now stays: the garbage collector would look through it for 0.1 s every now and then.

    What comes later is looked through whole when nobody waits (`_tidy`), and else seldom: with a thousand connections
    it takes 0.1 s too, and nothing else is served in that time.
    """
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _SELDOM)


async def _tidy(service: Service) -> None:
    if service.idle:
        gc.collect()


def configured(app: FastAPI, grace: float) -> uvicorn.Config:
    """How uvicorn serves an application."""
    return uvicorn.Config(
        app,
        http=partial(BoundedProtocol, crowd=Crowd()),  # type: ignore[arg-type]
        ws="none",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        # asyncio accepts so many at a time; `Server.startup` gives the system's own limit back.
        backlog=_ACCEPTS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=round(grace + _LAST_SECONDS),
        h11_max_incomplete_event_size=_HEADER_BYTES,
    )


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name, level in (("paperboy", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
