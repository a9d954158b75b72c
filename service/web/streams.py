"""Texts as they grow, as server-sent events; and whether the client is still there."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from starlette.types import Message, Receive, Scope, Send

from service.errors import PaperboyError
from service.web import problems

T = TypeVar("T")
Event = tuple[str, Any]
"""Its name, and what becomes JSON."""
ABORT = "abort"
"""In the state of a request: closes its connection at once."""
_KEEP_ALIVE_SECONDS = 15.0
_SEND_SECONDS = 30.0
"""In which a client has to take what is sent."""


class Growing(asyncio.Queue[str | None]):
    """The pieces of a text on their way from any thread to a coroutine; `None`: there are no more."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()

    def tell(self, piece: str | None) -> None:
        """Pass on a piece; from any thread."""
        self._loop.call_soon_threadsafe(self.put_nowait, piece)


class EventStream(StreamingResponse):
    """Events until there are no more, the client leaves, or it takes nothing any more."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], on_end: Callable[[], object]) -> None:
        """`on_end` is called at the end, whatever the reason."""
        super().__init__(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def in_time(message: Message) -> None:
            await asyncio.wait_for(send(message), _SEND_SECONDS)

        try:
            await super().__call__(scope, receive, in_time)
        except TimeoutError:
            # Closing it properly would wait for the client to take what was sent.
            scope["state"][ABORT]()
            # One turn of the loop later the connection is known to be lost, and nobody misses the end of the stream.
            await asyncio.sleep(0)
        finally:
            self._on_end()


def encode(name: str, document: object) -> bytes:
    """One event."""
    return format_sse_event(event=name, data_str=json.dumps(document, ensure_ascii=False))


def wants_events(request: Request) -> bool:
    """Whether the client asked for a stream."""
    return "text/event-stream" in request.headers.get("accept", "")


def stream_text(
    request: Request,
    start: Callable[[Callable[[str], None]], Future[T]],
    end: Callable[[T], Iterable[Event]],
) -> EventStream:
    """A text as `token` events, then what `end` makes of the result; an `error` event where it fails.

    Args:
        request: what is answered.
        start: begins the use case; its argument is told the pieces.
        end: the last events.
    """
    growing = Growing()
    future = start(growing.tell)
    future.add_done_callback(lambda _done: growing.tell(None))
    return EventStream(_events(request.url.path, growing, future, end), future.cancel)


async def _events(
    path: str, growing: Growing, future: Future[T], end: Callable[[T], Iterable[Event]]
) -> AsyncIterator[bytes]:  # fmt: skip
    async for piece in pieces(growing):
        yield encode("token", {"text": piece}) if piece is not None else format_sse_event(comment="")
    try:
        made = await asyncio.wrap_future(future)
    except PaperboyError as error:
        yield encode("error", problems.document_of(error, path))
    except Exception as error:  # noqa: BLE001 - the response has begun: the client learns of it by an event
        problems.log_unexpected(error)
        yield encode("error", problems.document_of(error, path))
    else:
        for name, document in end(made):
            yield encode(name, document)


async def pieces(growing: Growing) -> AsyncIterator[str | None]:
    """The pieces of a text until there are no more; `None` where it is time for a sign of life."""
    while True:
        try:
            piece = await asyncio.wait_for(growing.get(), _KEEP_ALIVE_SECONDS)
        except TimeoutError:
            yield None
            continue
        if piece is None:
            return
        yield piece


async def while_there(request: Request, future: Future[T]) -> T:
    """The result of a use case; a client that leaves gives it up.

    Raises:
        ClientLeftError: nobody waits for the answer any more.
    """
    waiting = asyncio.ensure_future(asyncio.wrap_future(future))
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((waiting, gone), return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            raise ClientLeftError
        return waiting.result()
    finally:
        waiting.cancel()
        gone.cancel()


class ClientLeftError(problems.Refusal):
    """The client closed the connection before it was answered."""

    def __init__(self) -> None:
        super().__init__(499, "client-left", "the connection was closed before the answer was there")


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
