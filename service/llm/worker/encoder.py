"""The embedding model in llama.cpp, inside the worker process.

One pass over a chunk gives the vector of the chunk and, by averaging the token states of each segment, the vectors
of its sentences in their context ("late chunking", Günther et al. 2024, arXiv 2409.04701). On CACM, CISI and the
sample questions these rank as well as sentences embedded one by one, at half the cost of ingest.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from service.errors import InputError, ModelError
from service.llm.worker.batches import BatchContext, grouped
from service.llm.worker.native import NativeModel
from service.ports import Matrix, PassageVectors, Vector

# What MiniLM was trained for; its position table has 512 rows.
_WINDOW = 256
_KEPT_WORDS = 4_096
"""Words of questions whose vectors are kept: 1.5 kB each."""


class Encoder:
    """An encoder with mean pooling, such as all-MiniLM-L6-v2. Not safe to share between threads."""

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        """Load a model.

        Raises:
            ModelError: the file is no embedding model or cannot be loaded.
        """
        self._model = NativeModel(path)
        if "bert" not in self._model.metadata.get("general.architecture", ""):
            kind = self._model.metadata.get("general.architecture", "unknown")
            self._model.close()
            raise ModelError(f"{path.name} is no embedding model of the BERT family but {kind}")
        self._context = BatchContext(
            self._model,
            threads=threads,
            pooling=llama_cpp.LLAMA_POOLING_TYPE_NONE,
            flash_attention=llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED,
        )
        self._begin = int(llama_cpp.llama_vocab_bos(self._model.vocab))
        self._end = int(llama_cpp.llama_vocab_sep(self._model.vocab))
        self.max_tokens = min(_WINDOW, self._model.n_ctx_train)
        self.dimensions = self._model.n_embd
        self._alone: dict[tuple[int, ...], Vector] = {}

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, without special ones."""
        return len(self._model.tokenize(text))

    def embed_question(self, parts: Sequence[str]) -> Matrix:
        """The vector of a question, given in parts with its words at the odd places; what exceeds the window is cut.

        Behind it, for each word the vector without the states of its tokens.
        """
        tokens = [self._model.tokenize(part)[: self.max_tokens - 2] for part in parts]
        kept = [token for part in tokens for token in part][: self.max_tokens - 2]
        states = next(self._run([[self._begin, *kept, self._end]], self._some_threads))[1]
        total, edges = states.sum(axis=0), np.cumsum([1, *map(len, tokens)])
        without = [
            _unit(total - states[start : min(end, len(kept) + 1)].sum(axis=0))
            for start, end in list(pairwise(edges))[1::2]
        ]
        return np.stack([_unit(total), *without])

    def embed_words(self, words: Sequence[str]) -> Matrix:
        """The vector of each word alone; other questions have had most of them already."""
        tokens = [tuple(self._model.tokenize(word)[: self.max_tokens - 2]) for word in words]
        new = sorted({word for word in tokens if word not in self._alone})
        sequences = [[self._begin, *word, self._end] for word in new]
        known = {new[place]: _unit(states.sum(axis=0)) for place, states in self._run(sequences, self._some_threads)}
        found = [known[word] if word in known else self._alone[word] for word in tokens]
        if len(self._alone) + len(known) > _KEPT_WORDS:
            self._alone.clear()
        self._alone |= known
        return np.stack(found)

    @property
    def _some_threads(self) -> int:
        """Half of them: whoever asks searches meanwhile, and threads that wait for each other spin."""
        return max(1, self._context.threads // 2)

    def embed_passages(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        """The vectors of passages, each given as consecutive segments.

        Raises:
            InputError: a passage has more than `max_tokens` tokens.
        """
        tokenized = [[self._model.tokenize(segment) for segment in passage] for passage in passages]
        sequences = []
        for segments in tokenized:
            sequence = [self._begin, *(token for segment in segments for token in segment), self._end]
            if len(sequence) > self.max_tokens:
                raise InputError(
                    f"a passage of {len(sequence)} tokens, more than the {self.max_tokens} of the embedder"
                )
            sequences.append(sequence)
        results: list[PassageVectors | None] = [None] * len(sequences)
        for index, states in self._run(sequences):
            results[index] = _pool(states, [len(segment) for segment in tokenized[index]])
        return [result for result in results if result is not None]

    def close(self) -> None:
        """Free the model; a second call does nothing."""
        self._context.close()

    def _run(self, sequences: Sequence[Sequence[int]], threads: int | None = None) -> Iterator[tuple[int, Matrix]]:
        """Index and token states, shape (tokens, dimensions), of each sequence; batched by length."""
        for group in grouped(sequences):
            yield from self._decode(sequences, group, threads)

    def _decode(
        self, sequences: Sequence[Sequence[int]], group: Sequence[int], threads: int | None
    ) -> Iterator[tuple[int, Matrix]]:
        size = self._context.decode([sequences[index] for index in group], threads)
        states: Any = llama_cpp.llama_get_embeddings(self._context.handle)
        copied = np.ctypeslib.as_array(states, shape=(size, self.dimensions)).copy()
        start = 0
        for index in group:
            yield index, copied[start : start + len(sequences[index])]
            start += len(sequences[index])


def _pool(states: Matrix, lengths: Sequence[int]) -> PassageVectors:
    """Means over all tokens, and over the tokens of each segment; an empty segment has the mean of all."""
    whole = _unit(states.mean(axis=0))
    segments = np.empty((len(lengths), states.shape[1]), dtype=np.float32)
    start = 1
    for row, length in enumerate(lengths):
        segments[row] = _unit(states[start : start + length].mean(axis=0)) if length else whole
        start += length
    return PassageVectors(whole, segments)


def _unit(vector: Vector) -> Vector:
    norm = float(np.linalg.norm(vector))
    return (vector / norm if norm > 0 else vector).astype(np.float32)
