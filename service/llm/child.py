"""One model process: how it is started, written to and listened to."""

import contextlib
import json
import os
import queue
import selectors
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from service.child import module_command, module_environment
from service.llm.wire import Row, line

_CLOSE_SECONDS = 2.0
_COMPLAINTS = 20
_HUGE_PAGES = "glibc.malloc.hugetlb=1"
"""Memory in pages of 2 MiB where the system has them: going through the weights then misses the address cache less.
5 to 10 % more tokens a second with a model of 0.5 billion weights."""
_READ_BYTES = 1 << 11
"""At a time: a buffer of 64 KiB for each short line left the heap in pieces."""


class Child:
    """A running `service.llm.worker`. It ends when its stdin does, so also when this process ends, however."""

    def __init__(self, role: str, spec: Mapping[str, Any]) -> None:
        """Start it.

        Raises:
            OSError: the system has no room for another process.
        """
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            module_command("service.llm.worker", role, json.dumps(dict(spec))),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Without the first a failed assertion starts a debugger.
            env=module_environment(GGML_NO_BACKTRACE="1", GLIBC_TUNABLES=_tunables()),
        )
        self.pid = self._process.pid
        self._outbox: queue.SimpleQueue[Row | None] = queue.SimpleQueue()
        self._said = deque[str](maxlen=_COMPLAINTS)
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._write, self._listen)]
        for thread in self._threads:
            thread.start()

    def send(self, message: Row) -> None:
        """Write a message, later and without waiting: a process that hangs must not make its callers hang."""
        self._outbox.put(message)

    def lines(self, wait: float) -> Iterator[list[Any] | None]:
        """What it says, line by line, until it ends; `None` after every `wait` seconds of silence.

        Raises:
            ValueError: it said what is no JSON.
        """
        assert self._process.stdout is not None  # noqa: S101 - opened as a pipe
        source, begun = self._process.stdout.fileno(), list[bytes]()
        with selectors.DefaultSelector() as selector:
            selector.register(source, selectors.EVENT_READ)
            while True:
                if not selector.select(wait):
                    yield None
                    continue
                data = os.read(source, _READ_BYTES)
                if not data:
                    return
                # A long line comes in hundreds of pieces, which are put together once.
                end, *more = data.split(b"\n")
                begun.append(end)
                if more:
                    *lines, rest = b"".join(begun), *more
                    begun = [rest]
                    yield from map(json.loads, lines)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def close(self) -> None:
        """End it by ending its stdin, and by force where that does not help."""
        self._outbox.put(None)
        try:
            self._process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def reap(self) -> tuple[int, list[str]]:
        """Wait for its end: status (negative: the signal that ended it) and the last lines of stderr."""
        code = self._process.wait()
        self._outbox.put(None)
        for thread in self._threads:
            thread.join(_CLOSE_SECONDS)
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()
        return code, list(self._said)

    def _write(self) -> None:
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 - opened as a pipe
        # What can no longer be written is asked of the next process.
        with contextlib.suppress(OSError):
            while (message := self._outbox.get()) is not None:
                stdin.write(line(message))
                stdin.flush()
        with contextlib.suppress(OSError):
            stdin.close()

    def _listen(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - opened as a pipe
        for text in self._process.stderr:
            self._said.append(text.decode(errors="replace").strip())


def _tunables() -> str:
    """Settings of the C library: those of this process come last, and win. Other C libraries do not look at them."""
    return ":".join(filter(None, [_HUGE_PAGES, os.environ.get("GLIBC_TUNABLES")]))
