"""An answer of a service through the parser of its format; one that was cut off is asked for again."""

import io
from collections.abc import Callable

from service.errors import FetchError
from service.sources import format_named
from service.sources.fetch.client import Body
from service.sources.fetch.wanted import Record
from service.types import Failure

_TRIES = 3


def records_of(body: Body, format_name: str) -> list[Record]:
    """What an answer holds; a failure of the answer as a whole has its address for its place."""
    return list(format_named(format_name).parse(io.BytesIO(body.content), body.url))


def sound_answer(
    ask: Callable[[], Body], read: Callable[[Body], list[Record]], place: str
) -> tuple[Body, list[Record]]:  # fmt: skip
    """An answer that is whole, and what `read` finds in it.

    Args:
        ask: makes the request.
        read: gives the records of an answer.
        place: what is asked for, for the message.

    Raises:
        FetchError: it stays broken.
    """
    reason = ""
    for _ in range(_TRIES):
        body = ask()
        records = read(body)
        broken = next((r for r in records if isinstance(r, Failure) and r.where == body.url), None)
        if broken is None:
            return body, records
        reason = broken.reason
    raise FetchError(
        f"{place}: the answer stays unreadable ({reason}); try again later, what was fetched before is kept"
    )
