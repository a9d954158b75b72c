"""How many threads to compute with: llama.cpp's threads wait for each other by spinning, so one too many costs dearly.

With both cores of a two-core machine busy elsewhere, two threads wrote 5 tokens a second where one wrote 19.
"""

import os
import time
from pathlib import Path

_LOOK_AGAIN_SECONDS = 0.5
_TAKEN = 0.4
"""From this share of a core on, others need it."""


def free_cores() -> int:
    """Cores that are idle right now, at least 1."""
    available = _available()
    try:
        running = int(Path("/proc/loadavg").read_text(encoding="ascii").split()[3].split("/")[0])
    except (OSError, ValueError, IndexError):
        return available
    return max(1, min(available, available - (running - 1)))


class CoreWatch:
    """Follows how many cores others leave free while this process computes."""

    def __init__(self) -> None:
        self._looked = time.monotonic()
        self._busy, self._own = _busy_seconds(), time.process_time()

    def look(self) -> int | None:
        """Cores that were free since the last look, at least 1; `None` where it is too early to tell, or unknown."""
        now = time.monotonic()
        if now - self._looked < _LOOK_AGAIN_SECONDS:
            return None
        busy, own, elapsed = _busy_seconds(), time.process_time(), now - self._looked
        others = ((busy or 0.0) - (self._busy or 0.0) - (own - self._own)) / elapsed
        known = busy is not None and self._busy is not None
        self._looked, self._busy, self._own = now, busy, own
        return free_of(_available(), others) if known else None


def free_of(available: int, others: float) -> int:
    """Cores left of `available` where others use so many."""
    return max(1, min(available, int(available - others + 1 - _TAKEN)))


def _available() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _busy_seconds() -> float | None:
    """Seconds that all cores together have worked since the start of the machine; `None` where it is not told."""
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
        user, nice, system, _idle, _waiting, interrupt, soft = (int(field) for field in fields[1:8])
    except (OSError, ValueError):
        return None
    return (user + nice + system + interrupt + soft) / os.sysconf("SC_CLK_TCK")
