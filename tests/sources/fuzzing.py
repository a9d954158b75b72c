"""Gives a parser inputs and watches what it makes of them: clean records, in time, and nothing left behind."""

import gc
import io
import signal
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from types import FrameType

from service.sources import format_named
from service.types import Failure, Paper

DEADLINE = 10.0
"""Seconds of processor time that an input of some kilobytes may take; it takes milliseconds."""
_WEIGHED_EACH = 50
"""The memory that an input leaves behind is looked at for one in so many, for that takes longer."""
_WARM_UP = 4
_LEFT = 4_096
"""Bytes that may be left of an input on average: what stays in caches of a bounded size."""


class HangError(Exception):
    """A parser took longer than `DEADLINE`."""


def parse(name: str, data: str | bytes) -> list[Paper | Failure]:
    """What a format makes of a file."""
    return list(format_named(name).parse(io.BytesIO(data if isinstance(data, bytes) else data.encode()), "file"))


def sound(records: list[Paper | Failure]) -> None:
    """Each is a clean paper, or a failure with a reason that can be printed on one line."""
    for record in records:
        if isinstance(record, Failure):
            assert record.reason.isprintable(), record.reason
            assert len(record.reason) < 1_000
            continue
        record.model_dump_json().encode()
        for text in (record.title, record.abstract, record.paper_id, *record.authors, *record.categories):
            assert text.isprintable()
            assert text.strip()
        assert record.url is None or record.url.startswith(("http://", "https://"))
        for day in (record.published, record.listed):
            assert day is None or day <= date.today() + timedelta(days=2)


class Watch:
    """Parses the inputs of one format."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.inputs = 0
        self._weighed: list[int] = []

    def parse(self, data: str | bytes) -> None:
        """Parse one input.

        Raises:
            HangError: it takes too long.
            AssertionError: what comes of it is not sound, or inputs leave memory behind.
        """
        self.inputs += 1
        with deadline():
            if self.inputs % _WEIGHED_EACH:
                sound(parse(self._name, data))
            else:
                self._weigh(data)

    def _weigh(self, data: str | bytes) -> None:
        if not self._weighed:
            # Modules and tables that are made at first use.
            parse(self._name, data)
        # Only what is new has to be looked at for garbage, which is a thousandth of all there is.
        gc.freeze()
        tracemalloc.start()
        try:
            sound(parse(self._name, data))
            gc.collect()
            self._weighed.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
            gc.unfreeze()
        kept = self._weighed[_WARM_UP:]
        assert len(kept) < _WARM_UP or sum(kept) / len(kept) < _LEFT, f"{kept[-5:]} bytes stay of each input"


@contextmanager
def deadline(seconds: float = DEADLINE) -> Iterator[None]:
    """Raises `HangError` inside after so much processor time; without a timer of the system it watches nothing."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def late(_signal: int, _frame: FrameType | None) -> None:
        raise HangError(f"more than {seconds} s of processor time")

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
