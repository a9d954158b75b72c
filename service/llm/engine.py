"""The writer as the rest sees it: many requests at a time, worked on by a process of its own that may crash."""

import contextlib
import math
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from pathlib import Path
from typing import Any

from service.errors import EngineBusyError, EngineCrashedError
from service.llm.model_file import check_model_file, unchanged
from service.llm.process import Call, ModelProcess
from service.llm.wire import WriterSpec, read_generation, request_row
from service.ports import Generation, GenerationRequest, Message, OnText

_GRACE_SECONDS = 1.0
"""Beyond its deadline, for the process that works on a request to say so itself."""
_QUEUE = 256
"""Requests that may be worked on or wait at a time."""


class LlamaEngine:
    """One chat model. Safe to share between threads."""

    def __init__(self, spec: WriterSpec, *, fingerprint: str, queue: int = _QUEUE) -> None:
        """Start loading a model; what first needs it waits for it.

        Args:
            spec: the GGUF file, with a chat template inside, and how it is loaded.
            fingerprint: hash of the file.
            queue: requests that may be worked on or wait at a time.

        Raises:
            ModelError: the file is missing or no model file. Whether it can be loaded is known at first use.
        """
        path = Path(spec.path)
        check_model_file(path)
        self.name = path.stem
        self.fingerprint = fingerprint
        self._queue = queue
        self._seconds = _Mean()
        self._process = ModelProcess("writer", spec._asdict(), name=path.name, check=unchanged(path))

    def wait(self) -> None:
        """Wait until the model is loaded.

        Raises:
            ModelError: it cannot be.
        """
        self._process.ready()

    @property
    def family(self) -> str:
        """The name inside the model file."""
        return str(self._process.ready()["family"])

    @property
    def context(self) -> int:
        """Tokens that prompt and output may have together."""
        return int(self._process.ready()["context"])

    @property
    def parallel(self) -> int:
        """Requests of a batch that it works on at a time."""
        return int(self._process.ready()["parallel"])

    @property
    def threads(self) -> int:
        """Processor threads that it computes with."""
        return int(self._process.ready()["threads"])

    @property
    def pid(self) -> int:
        """Process id of the model's process."""
        return self._process.pid

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt as it would be sent."""
        future: Future[int] = Future()
        self._process.call(Call({"op": "count", "messages": messages}, future))
        return future.result()

    def submit(self, request: GenerationRequest, on_text: OnText | None = None) -> Future[Generation]:
        """Begin to write; see the port."""
        waiting = self._process.waiting
        if waiting >= self._queue:
            wait = self._seconds.value * waiting / self.parallel
            raise EngineBusyError(
                f"{waiting} requests are being worked on or wait already, and no more are taken: try again in "
                f"about {wait:.0f} s",
                wait,
            )
        return _Request(self._process, self._seconds, request, on_text).future

    def close(self) -> None:
        """End the process; a second call does nothing."""
        self._process.close()


class _Request:
    """One request on its way, through a crash if need be."""

    def __init__(
        self, process: ModelProcess, seconds: "_Mean", request: GenerationRequest, on_text: OnText | None
    ) -> None:
        self.future: Future[Generation] = Future()
        self._answer: Future[Any] = Future()
        self._seconds, self._on_text = seconds, on_text
        self._shown, self._seen = "", 0
        self._answer.add_done_callback(self._done)
        self.future.add_done_callback(lambda future: self._answer.cancel() if future.cancelled() else None)
        message = {"op": "generate", "request": request_row(request), "stream": on_text is not None}
        expires = math.inf if request.deadline is None else time.monotonic() + request.deadline + _GRACE_SECONDS
        process.call(Call(message, self._answer, self._text if on_text else None, again=self._again, expires=expires))

    def _again(self) -> None:
        """The text comes once more from its beginning."""
        self._seen = 0

    def _text(self, piece: str) -> None:
        """Pass on what was not shown before the process died; a text that begins otherwise cannot go on."""
        known = self._shown[self._seen : self._seen + len(piece)]
        self._seen += len(piece)
        if not piece.startswith(known):
            self._part_company()
            return
        new = piece[len(known) :]
        self._shown += new
        if new and self._on_text:
            try:
                self._on_text(new)
            except Exception as error:  # noqa: BLE001 - who listens fails alone: this thread serves the others too
                self._give_up(error)

    def _part_company(self) -> None:
        message = "the writer's process ended, and its second try is another text than was begun: ask again"
        self._give_up(EngineCrashedError(message))

    def _give_up(self, error: Exception) -> None:
        with contextlib.suppress(InvalidStateError):
            self.future.set_exception(error)
        self._answer.cancel()

    def _done(self, answer: Future[Any]) -> None:
        if answer.cancelled():
            return
        # Whoever asked may have given up in the meantime.
        with contextlib.suppress(InvalidStateError):
            error = answer.exception()
            if error:
                self.future.set_exception(error)
                return
            made = read_generation(answer.result())
            if not made.text.startswith(self._shown):
                self._part_company()
                return
            self._seconds.add(made.seconds)
            self.future.set_result(made)


class _Mean:
    """A running mean of seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.value = 1.0

    def add(self, seconds: float) -> None:
        with self._lock:
            self.value += (seconds - self.value) / 8
