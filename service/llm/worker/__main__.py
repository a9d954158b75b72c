"""The process that owns a model: `python -m service.llm.worker writer|embedder|reranker SPEC`.

A failed assertion of GGML ends its process; here that is this one, and the service starts another. Requests come as
lines of JSON on stdin, what becomes of them goes as lines to stdout. When stdin ends, whoever started this process is
gone, however it went, and so the process ends at once, also in the middle of a computation.
"""

import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from service.errors import InputError, PaperboyError
from service.llm.wire import EmbedderSpec, RerankerSpec, Row, WriterSpec, error_row, line, matrix_text, read_request
from service.llm.worker.encoder import Encoder
from service.llm.worker.native import supports_gpu, system_info
from service.llm.worker.ranker import Ranker
from service.llm.worker.runtime import Runtime
from service.llm.worker.scheduler import Begun, Event
from service.ports import Generation, Message

_BEAT_SECONDS = 1.0
"""How often a working process says that it is alive."""


class Pipe:
    """Lines in and lines out."""

    def __init__(self) -> None:
        self.on_arrival: Callable[[Row], None] = lambda _message: None
        """Told of each message at once, from another thread."""
        # Whatever else prints to stdout in this process must not stand between the lines.
        self._out = os.dup(1)
        os.dup2(2, 1)
        self._inbox: queue.SimpleQueue[Row] = queue.SimpleQueue()
        self._outbox: list[Any] = []
        self._sent = time.monotonic()
        threading.Thread(target=self._read, daemon=True).start()

    def take(self, *, wait: bool) -> list[Row]:
        """The messages that have come; with `wait`, at least one."""
        found = [self._inbox.get()] if wait else []
        while not self._inbox.empty():
            found.append(self._inbox.get())
        return found

    def has_news(self) -> bool:
        """Whether a message has come."""
        return not self._inbox.empty()

    def put(self, *row: object) -> None:
        """Send with the next `flush`."""
        self._outbox.append(row)

    def flush(self) -> None:
        """Send what is there; at times nothing, as a sign of life."""
        now = time.monotonic()
        if self._outbox or now - self._sent > _BEAT_SECONDS:
            data = memoryview(line(self._outbox))
            while data:
                data = data[os.write(self._out, data) :]
            self._outbox, self._sent = [], now

    def _read(self) -> None:
        try:
            for text in sys.stdin.buffer:
                message = json.loads(text)
                self._inbox.put(message)
                self.on_arrival(message)
        finally:
            # Also where the last line is half a one, because who wrote it was killed.
            os._exit(0)


class Texts:
    """Texts on their way to who reads them: the first piece at once, the others a few times a second.

    Each line wakes the service's process, which then takes a core from the computation.
    """

    def __init__(self, pipe: Pipe, seconds: float) -> None:
        self._pipe, self._seconds = pipe, seconds
        self._begun: set[int] = set()
        """Requests of whose texts something was told."""
        self._waiting: dict[int, str] = {}
        self._last = 0.0

    def add(self, number: int, piece: str) -> None:
        """Take a piece of a text."""
        if number in self._begun:
            self._waiting[number] = self._waiting.get(number, "") + piece
        else:
            self._begun.add(number)
            self._pipe.put(number, "text", piece)

    def tell(self) -> None:
        """Pass on what has come, if it is time."""
        now = time.monotonic()
        if self._waiting and now - self._last > self._seconds:
            for number in list(self._waiting):
                self._pass_on(number)
            self._last = now

    def end(self, number: int) -> None:
        """Pass on the rest of a text and forget it."""
        self._pass_on(number)
        self._begun.discard(number)

    def _pass_on(self, number: int) -> None:
        if piece := self._waiting.pop(number, ""):
            self._pipe.put(number, "text", piece)


def serve_writer(pipe: Pipe, spec: WriterSpec) -> None:
    """Load a writer and work on requests until the process is ended."""
    texts = Texts(pipe, spec.text_seconds)

    def report(number: int, event: Event) -> None:
        if isinstance(event, str):
            texts.add(number, event)
        elif isinstance(event, Begun):
            # At once: if this request ends the process, it has to be known which one it was.
            pipe.put(number, "begun")
            pipe.flush()
        else:
            texts.end(number)
            pipe.put(number, *(("done", event) if isinstance(event, Generation) else ("error", error_row(event))))

    runtime = Runtime(spec, report, pipe.has_news)

    def arrived(message: Row) -> None:
        if message["op"] == "generate" and not message["request"]["batch"]:
            runtime.scheduler.hurry()

    pipe.on_arrival = arrived
    size = runtime.size
    pipe.put(
        0,
        "ready",
        {
            "family": runtime.model.metadata.get("general.name", ""),
            "context": size.window,
            "parallel": size.parallel,
            "threads": runtime.threads,
        },
    )
    pipe.flush()
    try:
        while True:
            for message in pipe.take(wait=runtime.scheduler.idle):
                _handle(pipe, runtime, texts, message)
            runtime.scheduler.step()
            texts.tell()
            pipe.flush()
    finally:
        runtime.close()


def _handle(pipe: Pipe, runtime: Runtime, texts: Texts, message: Row) -> None:
    number = message["number"]
    try:
        match message["op"]:
            case "generate":
                runtime.add(number, read_request(message["request"]), streamed=message["stream"])
            case "cancel":
                texts.end(number)
                runtime.scheduler.cancel(number)
            case "count":
                pipe.put(number, "done", runtime.count_tokens([Message(*row) for row in message["messages"]]))
    except PaperboyError as error:
        texts.end(number)
        pipe.put(number, "error", error_row(error))


def serve_embedder(pipe: Pipe, spec: EmbedderSpec) -> None:
    """Load an embedder and answer until the process is ended."""
    encoder = Encoder(Path(spec.path), threads=spec.threads)
    build = {"gpu": supports_gpu(), "system": system_info()}
    pipe.put(0, "ready", {"dimensions": encoder.dimensions, "max_tokens": encoder.max_tokens, "build": build})
    pipe.flush()
    _answer(pipe, lambda message: _embedded(encoder, message))


def serve_reranker(pipe: Pipe, spec: RerankerSpec) -> None:
    """Load a reranker and answer until the process is ended."""
    ranker = Ranker(Path(spec.path), threads=spec.threads, gpu_layers=spec.gpu_layers)
    pipe.put(0, "ready", {"max_tokens": ranker.max_tokens})
    pipe.flush()
    _answer(pipe, lambda message: _scored(pipe, ranker, message))


def _answer(pipe: Pipe, work: Callable[[Row], Any]) -> None:
    """Work on one message after the other."""
    while True:
        for message in pipe.take(wait=True):
            pipe.put(message["number"], "begun")
            pipe.flush()
            try:
                pipe.put(message["number"], "done", work(message))
            except InputError as error:
                pipe.put(message["number"], "error", error_row(error))
            pipe.flush()


def _scored(pipe: Pipe, ranker: Ranker, message: Row) -> list[float]:
    scores = [0.0] * len(message["texts"])
    for index, score in ranker.scored(message["question"], message["texts"]):
        scores[index] = score
        # Fifty texts can take a large model minutes, in which it has to be seen that it is alive.
        pipe.flush()
    return scores


def _embedded(encoder: Encoder, message: Row) -> Any:
    match message["op"]:
        case "count":
            return [encoder.count_tokens(text) for text in message["texts"]]
        case "question":
            return matrix_text(encoder.embed_question(message["parts"]))
        case "words":
            return matrix_text(encoder.embed_words(message["words"]))
        case _:
            made = encoder.embed_passages(message["passages"])
            return [[matrix_text(found.whole), matrix_text(found.segments)] for found in made]


def main() -> int:
    """Serve; 1 where the model cannot be loaded."""
    role, spec = sys.argv[1], json.loads(sys.argv[2])
    # Who presses Ctrl-C means the service, which decides what becomes of its requests.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    pipe = Pipe()
    try:
        if role == "writer":
            serve_writer(pipe, WriterSpec(**spec))
        elif role == "reranker":
            serve_reranker(pipe, RerankerSpec(**spec))
        else:
            serve_embedder(pipe, EmbedderSpec(**spec))
    except PaperboyError as error:
        pipe.put(0, "failed", error_row(error))
        pipe.flush()
        return 1
    return 0


def _stop(_signal: int, _frame: FrameType | None) -> None:
    os._exit(0)


def _run() -> int:
    try:
        return main()
    except Exception:  # noqa: BLE001 - the last line of it is what the service tells
        traceback.print_exc()
        return 1


if __name__ == "__main__":
    # Not `sys.exit`: the interpreter would wait for the thread that reads stdin, and abort after a second.
    os._exit(_run())
