"""How much a request may send, and how long it may take to do so; and what is written down about it."""

import asyncio
import logging
import time
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.web.metrics import Metrics
from service.web.problems import Refusal, response_of

MOST_BYTES = 1_000_000
RECEIVE_SECONDS = 10.0
_DISCARDED_BYTES = 4 * MOST_BYTES
_DISCARD_SECONDS = 1.0
_log = logging.getLogger("paperboy.web")
_METHODS = {"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"}


class BodyLimit:
    """ASGI: reads the body whole before anything else sees the request, up to a limit and within a time."""

    def __init__(self, app: ASGIApp, *, most: int = MOST_BYTES, seconds: float = RECEIVE_SECONDS) -> None:
        self._app, self._most, self._seconds = app, most, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await asyncio.wait_for(self._read(scope, receive), self._seconds)
        except TimeoutError:
            refusal = Refusal(
                408, "too-slow", f"the request did not come within {self._seconds:g} s", {"Connection": "close"}
            )
            await response_of(refusal, scope["path"])(scope, receive, send)
            return
        except Refusal as refusal:
            await self._discard(receive)
            await response_of(refusal, scope["path"])(scope, receive, send)
            return
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdigit() and int(declared) > self._most:
            raise self._too_large()
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refusal(400, "broken-off", "the connection was closed within the request")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._most:
                raise self._too_large()
            if not message.get("more_body", False):
                return b"".join(parts)

    async def _discard(self, receive: Receive) -> None:
        """Read a little further: who is still sending when the connection is closed does not see the answer."""
        left = _DISCARDED_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(_DISCARD_SECONDS):
                while left > 0:
                    message = await receive()
                    if not message.get("more_body", False):
                        return
                    left -= len(message["body"])

    def _too_large(self) -> Refusal:
        return Refusal(
            413, "too-large", f"a request may have {self._most:,} bytes: send less at a time", {"Connection": "close"}
        )


class Account:
    """ASGI: counts requests and writes one line for each: method, route, status, time. Never what was asked."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, begun = 0, time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            # The route as it stands in the code: a path may hold what somebody typed.
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            seconds = time.perf_counter() - begun
            self._metrics.request(method, route, status, seconds)
            _log.info("%s %s %d %.0f ms", method, route, status, 1_000 * seconds)
