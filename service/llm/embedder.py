"""The embedder as the service sees it; the model itself is in a process of its own."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np

from service.llm.model_file import check_model_file, unchanged
from service.llm.process import Call, ModelProcess
from service.llm.wire import EmbedderSpec, read_matrix
from service.ports import Matrix, PassageVectors, QuestionVectors, Vector


class LlamaEmbedder:
    """An encoder with mean pooling, such as all-MiniLM-L6-v2. Safe to share between threads."""

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        """Start loading a model; the first use waits for it.

        Raises:
            ModelError: the file is missing or no model file.
        """
        check_model_file(path)
        with path.open("rb") as file:
            self.fingerprint = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        spec = EmbedderSpec(str(path), threads)
        self._process = ModelProcess("embedder", spec._asdict(), name=path.name, check=unchanged(path))

    @property
    def pid(self) -> int:
        """Process id of the child that runs now."""
        return self._process.pid

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self._process.ready()["dimensions"])

    @property
    def max_tokens(self) -> int:
        """Tokens that one passage may have, special ones included."""
        return int(self._process.ready()["max_tokens"])

    @property
    def build(self) -> tuple[bool, str]:
        """Whether this llama.cpp can offload layers to a GPU, and which features of the processor it uses."""
        build = self._process.ready()["build"]
        return bool(build["gpu"]), str(build["system"])

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, without special ones."""
        return self.count_each([text])[0]

    def count_each(self, texts: Sequence[str]) -> list[int]:
        """Tokens of many texts: the process is asked once for all."""
        return [int(count) for count in self._call({"op": "count", "texts": list(texts)})]

    def embed_query(self, text: str) -> Vector:
        """The vector of a question; what exceeds the window is cut."""
        return self.embed_question([text]).whole

    def embed_question(self, parts: Sequence[str]) -> QuestionVectors:
        """The vectors of a question, given in parts: words at the odd places, what stands between at the even ones.

        The question is read once: without a word means without its tokens in the mean, in whose light the others stand.
        """
        rows = read_matrix(self._call({"op": "question", "parts": list(parts)}))
        return QuestionVectors(rows[0], rows[1:])

    def embed_words(self, words: Sequence[str]) -> Matrix:
        """The vector of each word alone, shape (words, dimensions); those of words that were asked for are kept."""
        if not words:
            return np.empty((0, self.dimensions), np.float32)
        return read_matrix(self._call({"op": "words", "words": list(words)}))

    def embed_passages(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        """The vectors of passages, each given as consecutive segments.

        Raises:
            InputError: a passage has more than `max_tokens` tokens.
        """
        made = self._call({"op": "passages", "passages": [list(passage) for passage in passages]})
        return [PassageVectors(read_matrix(whole)[0], read_matrix(segments)) for whole, segments in made]

    def close(self) -> None:
        """End the process."""
        self._process.close()

    def _call(self, message: dict[str, Any]) -> Any:
        future: Future[Any] = Future()
        self._process.call(Call(message, future))
        return future.result()
