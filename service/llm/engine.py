"""The writer as the rest sees it: many requests at a time, worked on by a process of its own that may crash."""

import math
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from service.errors import EngineBusyError, EngineCrashedError
from service.llm.delivery import untold
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
        self._seconds = 1.0
        """That a request takes: a running mean, kept by the thread that hears of their ends."""
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
            wait = self._seconds * waiting / self.parallel
            raise EngineBusyError(
                f"{waiting} requests are being worked on or wait already, and no more are taken: try again in "
                f"about {wait:.0f} s",
                wait,
            )
        text = _Text(on_text)

        def read(row: list[Any]) -> Generation:
            made = read_generation(row)
            text.check(made.text)
            self._seconds += (made.seconds - self._seconds) / 8
            return made

        future: Future[Generation] = Future()
        message = {"op": "generate", "request": request_row(request), "stream": on_text is not None}
        expires = math.inf if request.deadline is None else time.monotonic() + request.deadline + _GRACE_SECONDS
        heard = text.take if on_text else None
        self._process.call(Call(message, future, read=read, on_text=heard, again=text.again, expires=expires))
        return future

    def close(self) -> None:
        """End the process; a second call does nothing."""
        self._process.close()


class _Text:
    """A text that is shown as it grows, through a crash if need be."""

    def __init__(self, on_text: OnText | None) -> None:
        self._on_text = on_text
        self._shown, self._seen = "", 0

    def again(self) -> None:
        """The text comes once more from its beginning."""
        self._seen = 0

    def take(self, piece: str) -> None:
        """Pass on what was not shown before.

        Raises:
            EngineCrashedError: the text begins otherwise than what was shown, so it cannot go on.
        """
        new = untold(self._shown, self._seen, piece)
        self._seen += len(piece)
        if new is None:
            raise _another_text()
        self._shown += new
        if new and self._on_text:
            self._on_text(new)

    def check(self, text: str) -> None:
        """Compare with the whole text.

        Raises:
            EngineCrashedError: what was shown is not its beginning.
        """
        if not text.startswith(self._shown):
            raise _another_text()


def _another_text() -> EngineCrashedError:
    return EngineCrashedError(
        "the writer's process ended, and its second try is another text than was begun: ask again"
    )
