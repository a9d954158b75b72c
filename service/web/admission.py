"""A crowd at the door: let in one at a time, and refused before it costs anything where there is no room.

A thousand questions that come at once would otherwise be read and checked one after the other before anybody else had
a turn, most of them only to be refused at the desk.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import EngineBusyError
from service.web.problems import response_of

_AT_THE_DESK = {
    "/api/v1/ask",
    "/api/v1/search",
    "/api/v1/suggest",
    "/api/v1/summaries",
    "/v1/chat/completions",
    "/v1/embeddings",
}
"""Paths of what people wait for: it takes room at the desk."""


class Crowd:
    """Lets in what comes, in order, one in each turn of the event loop, so that others come between.

    Each takes about a millisecond until it is at the desk, or refused.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def enter(self, work: Callable[[], None]) -> None:
        """Do something when its turn has come."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._let_in)
        self._waiting.append(work)

    def _let_in(self) -> None:
        work = self._waiting.popleft()
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._let_in)
        work()


class Admission:
    """ASGI: refuses what the desk has no room for before its body is read."""

    def __init__(self, app: ASGIApp, *, busy: Callable[[], EngineBusyError | None]) -> None:
        """Stand before an application.

        Args:
            app: what reads and checks a request and brings it to the desk.
            busy: why no more can be taken; `None`: there is room.
        """
        self._app, self._busy = app, busy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in _AT_THE_DESK:
            refusal = self._busy()
            if refusal:
                await response_of(refusal, scope["path"])(scope, receive, send)
                return
        await self._app(scope, receive, send)
