"""Which of several servers gets a request: the least busy one that works."""

import random
import threading
import time
from collections.abc import Sequence

from service.llm.endpoint.server import Server

_LONGEST_PAUSE = 60.0
_random = random.SystemRandom()


def jittered(seconds: float) -> float:
    """Between half of it and all of it, so that those who failed together do not come back together."""
    return seconds * _random.uniform(0.5, 1.0)


class _Seat:
    """What is known of one server's work."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.active = 0
        self.failures = 0
        self.until = 0.0
        """When the pause ends, on the monotonic clock."""


class Balance:
    """Counts what each server works on, and leaves out those that failed for a growing time."""

    def __init__(self, servers: Sequence[Server], pause: float) -> None:
        """`pause`: seconds for which a server is left out after its first failure; each further one doubles it."""
        self._seats = [_Seat(server) for server in servers]
        self._pause = pause
        self._lock = threading.Lock()

    def take(self) -> Server:
        """The server for a request; to be given back.

        Where all are left out, that whose pause ends first: to try is better than to refuse.
        """
        now = time.monotonic()
        with self._lock:
            ready = [seat for seat in self._seats if _is_ready(seat, now)]
            seat = min(ready, key=lambda s: s.active) if ready else min(self._seats, key=lambda s: s.until)
            seat.active += 1
            return seat.server

    def give_back(self, server: Server, *, works: bool | None) -> None:
        """`works`: whether the server did its part; `None` where that was not found out."""
        with self._lock:
            seat = next(seat for seat in self._seats if seat.server is server)
            seat.active -= 1
            if works:
                seat.failures = 0
            elif works is False:
                self._leave_out(seat)

    def leave_out(self, server: Server) -> None:
        """Note that a server does not work, found out without a request."""
        with self._lock:
            self._leave_out(next(seat for seat in self._seats if seat.server is server))

    def any_ready(self) -> bool:
        """Whether some server is not left out."""
        now = time.monotonic()
        with self._lock:
            return any(_is_ready(seat, now) for seat in self._seats)

    def _leave_out(self, seat: _Seat) -> None:
        pause = min(_LONGEST_PAUSE, self._pause * 2 ** min(seat.failures, 16))
        seat.failures += 1
        seat.until = time.monotonic() + jittered(pause)


def _is_ready(seat: _Seat, now: float) -> bool:
    # One that has failed gets one request at first.
    return not seat.failures or (now >= seat.until and not seat.active)
