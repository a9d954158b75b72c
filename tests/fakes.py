"""Hand-written stand-ins for the three ports: deterministic, small, and without a file or a process."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from service.errors import EngineError, RequestTooLargeError
from service.ports import (
    Generation,
    GenerationRequest,
    Message,
    PassageVectors,
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

    def embed_query(self, text: str) -> Vector:
        vector = np.zeros(self.dimensions, dtype=np.float32)
        for word in _WORD.findall(text.lower()):
            vector[int(hashlib.sha256(word.encode()).hexdigest(), 16) % self.dimensions] += 1
        norm = float(np.linalg.norm(vector))
        return vector / norm if norm else vector

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
    """A writer that says what it is told to, and keeps the requests.

    Restricted requests are answered with the first option of each group in order.
    """

    name = "scripted"
    family = "chat"
    fingerprint = "scripted-engine"

    def __init__(self, *replies: str | Exception, context: int = 8_192) -> None:
        self.context = context
        self.requests: list[GenerationRequest] = []
        self._replies = list(replies)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(_WORD.findall(message.content)) for message in messages)

    def generate(self, request: GenerationRequest, on_text: Callable[[str], None] | None = None) -> Generation:
        self.requests.append(request)
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
        if on_text:
            on_text(text)
        return Generation(text, chosen, tokens, len(_WORD.findall(text)), 0.0)

    def close(self) -> None:
        """Nothing to free."""
