"""Hand-written stand-ins for the ports: deterministic, small, and without a file or a process."""

import hashlib
import re
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future

import numpy as np

from service.errors import EngineBusyError, EngineError, RequestTooLargeError
from service.ports import (
    Generation,
    GenerationRequest,
    Matrix,
    Message,
    OnText,
    PassageVectors,
    QuestionVectors,
    StoredVector,
    Vector,
)

_WORD = re.compile(r"\w+")


class FakeEmbedder:
    """Hashes words into 64 dimensions: texts that share words are near. Counts what it was asked to embed."""

    dimensions = 64
    max_tokens = 64
    fingerprint = "fake-embedder"

    def __init__(self) -> None:
        self.passages = 0

    def count_tokens(self, text: str) -> int:
        return len(_WORD.findall(text))

    def count_each(self, texts: Sequence[str]) -> list[int]:
        return [self.count_tokens(text) for text in texts]

    def embed_query(self, text: str) -> Vector:
        vector = np.zeros(self.dimensions, dtype=np.float32)
        for word in _WORD.findall(text.lower()):
            vector[int(hashlib.sha256(word.encode()).hexdigest(), 16) % self.dimensions] += 1
        norm = float(np.linalg.norm(vector))
        return vector / norm if norm else vector

    def embed_question(self, parts: Sequence[str]) -> QuestionVectors:
        places = range(1, len(parts), 2)
        without = [self.embed_query("".join(parts[:place]) + "".join(parts[place + 1 :])) for place in places]
        rows = np.array(without, np.float32).reshape(-1, self.dimensions)
        return QuestionVectors(self.embed_query("".join(parts)), rows)

    def embed_words(self, words: Sequence[str]) -> Matrix:
        return np.array([self.embed_query(word) for word in words], np.float32).reshape(-1, self.dimensions)

    def embed_passages(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        self.passages += len(passages)
        return [
            PassageVectors(
                self.embed_query(" ".join(passage)), np.stack([self.embed_query(segment) for segment in passage])
            )
            for passage in passages
        ]

    def close(self) -> None:
        """Nothing to free."""


class FakeReranker:
    """Counts the words that a text shares with the question, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        self.asked.append((question, list(texts)))
        words = set(_WORD.findall(question.lower()))
        return [float(len(words.intersection(_WORD.findall(text.lower())))) for text in texts]

    def close(self) -> None:
        """Nothing to free."""


class FakeVectorStore:
    """Rows in a dictionary, searched exactly."""

    def __init__(self) -> None:
        self._rows: dict[str, StoredVector] = {}

    def put(self, rows: Sequence[StoredVector]) -> None:
        self._rows |= {row.chunk_id: row for row in rows}

    def delete(self, chunk_ids: Sequence[str]) -> None:
        for chunk_id in chunk_ids:
            self._rows.pop(chunk_id, None)

    def search(self, vector: Vector, k: int) -> list[tuple[str, float]]:
        scored = [(row.chunk_id, float(row.vector @ vector)) for row in self._rows.values()]
        return sorted(scored, key=lambda pair: -pair[1])[:k]

    def rows(self) -> Iterable[StoredVector]:
        return list(self._rows.values())

    def count(self) -> int:
        return len(self._rows)

    def clear(self) -> None:
        self._rows.clear()

    def close(self) -> None:
        """Nothing to release."""


class ScriptedEngine:
    """A writer that says at once what it is told to, and keeps the requests.

    Restricted requests are answered with the first option of each group in order.
    """

    name = "scripted"
    family = "chat"
    fingerprint = "scripted-engine"
    parallel = 2

    def __init__(self, *replies: str | Exception, context: int = 8_192) -> None:
        self.context = context
        self.requests: list[GenerationRequest] = []
        self._replies = list(replies)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(_WORD.findall(message.content)) for message in messages)

    def submit(self, request: GenerationRequest, on_text: OnText | None = None) -> Future[Generation]:
        self.requests.append(request)
        future: Future[Generation] = Future()
        try:
            made = self.write(request)
        except Exception as error:  # noqa: BLE001 - it belongs to the future
            future.set_exception(error)
            return future
        if on_text:
            on_text(made.text)
        future.set_result(made)
        return future

    def write(self, request: GenerationRequest) -> Generation:
        """What is written on a request, or the error that is in its place in the script."""
        tokens = self.count_tokens(request.messages)
        if tokens > self.context:
            raise RequestTooLargeError(f"prompt needs {tokens} tokens and the context has {self.context}")
        if request.choices is not None:
            groups: dict[int, int] = {}
            for index, option in enumerate(request.choices.options):
                groups.setdefault(option.group, index)
            chosen = tuple(groups[group] for group in sorted(groups))
            text = " ".join(request.choices.options[index].text for index in chosen)
        else:
            if not self._replies:
                raise EngineError("the script has no more replies")
            reply = self._replies.pop(0)
            if isinstance(reply, Exception):
                raise reply
            text, chosen = reply, ()
        return Generation(text, chosen, tokens, len(_WORD.findall(text)), 0.0)

    def close(self) -> None:
        """Nothing to free."""


class HeldEngine(ScriptedEngine):
    """A writer that answers when the test says so, in any order, and has room for so many requests at a time."""

    def __init__(self, *, parallel: int = 2, room: int = 1_000) -> None:
        super().__init__()
        self.parallel, self._room = parallel, room
        self.futures: list[Future[Generation]] = []
        self.listeners: list[OnText | None] = []
        self.refused = 0
        self._changed = threading.Condition()

    def submit(self, request: GenerationRequest, on_text: OnText | None = None) -> Future[Generation]:
        with self._changed:
            if sum(not future.done() for future in self.futures) >= self._room:
                self.refused += 1
                raise EngineBusyError("too many requests wait", 0.01)
            self.requests.append(request)
            self.listeners.append(on_text)
            self.futures.append(Future())
            self._changed.notify_all()
            return self.futures[-1]

    def wait_for(self, count: int) -> None:
        """Until so many requests have come in all."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count, timeout=20), self.requests

    def answer(self, number: int) -> None:
        """Write the text of a request: what it asks, in capitals."""
        self.wait_for(number + 1)
        text = self.requests[number].messages[-1].content.upper()
        self.futures[number].set_result(Generation(text, (), 1, 1, 0.0))

    def fail(self, number: int, error: Exception) -> None:
        """End a request with an error."""
        self.wait_for(number + 1)
        self.futures[number].set_exception(error)
