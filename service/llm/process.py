"""A model process as seen from the service: watched, and started anew when it dies.

Calls that were being worked on when it died are given to the next one once, the others as often as it takes. No shared
memory, no files: what the two have in common is a pair of pipes.
"""

import math
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from service.errors import DeadlineError, EngineCrashedError, EngineError, ModelError, PaperboyError
from service.llm.child import Child
from service.llm.delivery import refuse, resolve
from service.llm.wire import Row, read_error
from service.ports import OnText
from service.text import one_line

_LOOK_SECONDS = 1.0
_STALL_SECONDS = 300.0
"""Without a sign of life, while there is work: longer than any single step may take."""
_LOAD_SECONDS = 600.0
_JOIN_SECONDS = 2.0
_OWN_FAULT = {signal.SIGSEGV, signal.SIGABRT, signal.SIGILL, signal.SIGBUS, signal.SIGFPE}
_LOADS = 6
"""Times that a process killed from outside while it loads is started again, with growing pauses."""


@dataclass(eq=False)
class Call:
    """Something asked of the process."""

    message: Row
    future: Future[Any]
    read: Callable[[Any], Any] = lambda value: value
    """What the future gets of the answer."""
    on_text: OnText | None = None
    again: Callable[[], None] | None = None
    """Told before it is asked a second time."""
    expires: float = math.inf
    """What `time.monotonic` says when it is too late, if the child itself does not notice."""
    begun: bool = False
    crashes: int = 0


class ModelProcess:
    """One child after the other that answers calls. Safe to share between threads."""

    def __init__(self, role: str, spec: Mapping[str, Any], *, name: str, check: Callable[[], None]) -> None:
        """Start the first child; `ready` waits for it.

        Args:
            role: writer, embedder or reranker.
            spec: how it is loaded.
            name: of the model, for messages.
            check: raises `ModelError` where the file is not the one any more that was meant.
        """
        self._role, self._spec, self._name, self._check = role, spec, name, check
        self._lock = threading.RLock()
        self._calls: dict[int, Call] = {}
        self._last_number = 0
        self._ready: Future[Row] = Future()
        self._failed: PaperboyError | None = None
        self._closing = threading.Event()
        self._loads = 0
        self._up = False
        """Whether the child has loaded its model: before that it is asked nothing."""
        self._heard = time.monotonic()
        self._child = self._start()
        self._thread = threading.Thread(target=self._run, name=f"paperboy {role}", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Process id of the child that runs now."""
        return self._child.pid

    @property
    def waiting(self) -> int:
        """Calls that are not done."""
        return len(self._calls)

    def ready(self) -> Row:
        """What the child says of the model, once it is loaded.

        Raises:
            ModelError: it cannot be loaded.
        """
        return self._ready.result()

    def call(self, call: Call) -> None:
        """Ask; the answer comes to the call's future, which may be cancelled at any time."""
        with self._lock:
            if self._failed:
                call.future.set_exception(self._failed)
                return
            self._last_number += 1
            number = self._last_number
            call.message = {**call.message, "number": number}
            if not self._calls:
                # It had no reason to say anything until now.
                self._heard = time.monotonic()
            self._calls[number] = call
            if self._up:
                self._child.send(call.message)
        call.future.add_done_callback(lambda future: self._give_up(number) if future.cancelled() else None)

    def close(self) -> None:
        """End the child; calls that are not done fail. A second call does nothing."""
        self._closing.set()
        with self._lock:
            child = self._child
        child.close()
        if threading.current_thread() is not self._thread:
            self._thread.join(_JOIN_SECONDS)
        self._fail(EngineError(f"{self._name} was closed"))

    def _start(self) -> Child:
        try:
            return Child(self._role, self._spec)
        except OSError as error:
            raise ModelError(f"no process can be started for {self._name}: {error.strerror}") from None

    def _give_up(self, number: int) -> None:
        with self._lock:
            if self._calls.pop(number, None) and self._up:
                self._child.send({"op": "cancel", "number": number})

    def _run(self) -> None:
        """Follow one child after the other until there is none any more."""
        try:
            while True:
                child = self._child
                loaded = self._follow(child)
                code, complaints = child.reap()
                if self._closing.is_set() or self._failed:
                    return
                self._reconsider(code, loaded, complaints)
                with self._lock:
                    if self._closing.is_set():
                        return
                    self._up, self._heard = False, time.monotonic()
                    self._child = self._start()
        except PaperboyError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - whatever ends this thread, nobody may wait for it for ever
            self._fail(EngineError(f"{self._name} can no longer be followed ({type(error).__name__}: {error})"))

    def _follow(self, child: Child) -> bool:
        """Take in what a child says until it ends; whether it had loaded its model."""
        loaded = False
        self._heard = time.monotonic()
        try:
            for said in child.lines(_LOOK_SECONDS):
                self._expire()
                if said is None:
                    self._watch(child, loaded)
                    continue
                self._heard = time.monotonic()
                for number, kind, *values in said:
                    loaded = loaded or kind == "ready"
                    self._take(number, kind, values[0] if values else None)
        except (ValueError, TypeError):
            # It does not keep to the protocol any more.
            child.kill()
        return loaded

    def _watch(self, child: Child, loaded: bool) -> None:
        silent = time.monotonic() - self._heard
        if silent > (_STALL_SECONDS if loaded else _LOAD_SECONDS) and (self._calls or not loaded):
            child.kill()

    def _expire(self) -> None:
        """Give up what is long overdue, because the child hangs or is still being started."""
        now = time.monotonic()
        for number, call in list(self._calls.items()):
            if now > call.expires:
                self._give_up(number)
                refuse(call.future, DeadlineError("not done in time: the writer's process is not there or hangs"))

    def _take(self, number: int, kind: str, value: Any) -> None:
        if kind == "ready":
            self._loaded(value)
            return
        if kind == "failed":
            self._fail(read_error(value))
            return
        with self._lock:
            call = self._calls.get(number)
            if call and kind in ("done", "error"):
                del self._calls[number]
        if call is None:
            return
        if kind == "begun":
            call.begun = True
        elif kind == "error":
            refuse(call.future, read_error(value))
        else:
            self._tell(number, call, kind, value)

    def _tell(self, number: int, call: Call, kind: str, value: Any) -> None:
        try:
            if kind == "done":
                resolve(call.future, call.read(value))
            elif kind == "text" and call.on_text:
                call.on_text(value)
        except Exception as error:  # noqa: BLE001 - who listens fails alone: this thread serves the others too
            self._give_up(number)
            refuse(call.future, error)

    def _loaded(self, facts: Row) -> None:
        with self._lock:
            self._loads, self._up = 0, True
            resolve(self._ready, facts)
            for call in self._calls.values():
                self._child.send(call.message)

    def _reconsider(self, code: int, loaded: bool, complaints: list[str]) -> None:
        """After the end of a child: which calls go to the next one.

        Raises:
            ModelError: another would do no better.
        """
        if not loaded:
            self._loads += 1
            if -code in _OWN_FAULT:
                raise ModelError(f"{self._name} crashes llama.cpp (signal {-code}): do not use this file")
            # Status 0: it was asked to stop (SIGTERM), which is no fault of the model.
            if code > 0 or self._loads >= _LOADS:
                reason = complaints[-1] if complaints else f"status {code}"
                raise ModelError(f"{self._name} could not be loaded ({one_line(reason, 200)}): is there enough memory?")
            self._closing.wait(0.1 * 2 ** (self._loads - 1))
        self._check()
        given_up = []
        with self._lock:
            # What ends the process before it has begun cannot be told apart from what only waited.
            unknown = loaded and not any(call.begun for call in self._calls.values())
            for number, call in list(self._calls.items()):
                call.crashes += call.begun or unknown
                call.begun = False
                if call.crashes > 1:
                    given_up.append(self._calls.pop(number))
                elif call.again:
                    call.again()
        for call in given_up:
            refuse(call.future, self._crashed(code, complaints))

    def _crashed(self, code: int, complaints: list[str]) -> EngineCrashedError:
        said = next((text for text in reversed(complaints) if "GGML_ASSERT" in text or "rror" in text), "")
        how = f"signal {-code}" if code < 0 else f"status {code}"
        reason = one_line(f"{how}{': ' if said else ''}{said}", 200)
        return EngineCrashedError(f"the process of {self._name} ended twice while it worked on this ({reason})")

    def _fail(self, error: PaperboyError) -> None:
        with self._lock:
            self._failed = self._failed or error
            calls, self._calls = list(self._calls.values()), {}
        refuse(self._ready, error)
        for call in calls:
            refuse(call.future, error)
