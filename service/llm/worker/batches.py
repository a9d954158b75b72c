"""Sequences of tokens on their way into llama.cpp, several at a time; for models that read, not write."""

from collections.abc import Iterator, Sequence
from typing import Any

import llama_cpp

from service.errors import ModelError
from service.llm.cores import free_cores
from service.llm.worker.native import NativeModel, new_context

BATCH_TOKENS = 512
BATCH_SEQUENCES = 16
# Attention is computed over a whole batch and masked, so a large batch of short texts is slow: passages in batches of
# 2,048 tokens come at a third of the speed of 512, and of 384 at 1.03 times (with AMX 1.07).
_GROUP_TOKENS = 384


def grouped(sequences: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Indices of the sequences that are computed together: of like length, shortest first.

    Args:
        sequences: none is longer than `BATCH_TOKENS`; one that is longer than a group should be is computed alone.
    """
    group: list[int] = []
    size = 0
    for index in sorted(range(len(sequences)), key=lambda index: len(sequences[index])):
        if (group and size + len(sequences[index]) > _GROUP_TOKENS) or len(group) == BATCH_SEQUENCES:
            yield group
            group, size = [], 0
        group.append(index)
        size += len(sequences[index])
    if group:
        yield group


class BatchContext:
    """A context that reads several sequences in one pass. Owns the model from then on."""

    def __init__(self, model: NativeModel, *, threads: int | None, pooling: int, flash_attention: int) -> None:
        """Make the context; `None` threads: as many as are free.

        Raises:
            ModelError: it does not fit the memory or the model.
        """
        self.threads = threads = threads or free_cores()
        self._model = model
        self.handle = new_context(
            model,
            n_ctx=BATCH_TOKENS,
            n_batch=BATCH_TOKENS,
            n_ubatch=BATCH_TOKENS,
            n_seq_max=BATCH_SEQUENCES,
            n_threads=threads,
            n_threads_batch=threads,
            embeddings=True,
            kv_unified=True,
            pooling_type=pooling,
            flash_attn_type=flash_attention,
        )
        self._batch = llama_cpp.llama_batch_init(BATCH_TOKENS, 0, 1)

    def decode(self, sequences: Sequence[Sequence[int]], threads: int | None = None) -> int:
        """Compute whole sequences, every token an output; the number of tokens.

        Args:
            sequences: get the sequence ids 0, 1, 2, ...; what `grouped` puts together.
            threads: how many to use; `None`: all.

        Raises:
            ModelError: llama.cpp failed.
        """
        size, threads = _fill(self._batch, sequences), threads or self.threads
        llama_cpp.llama_set_n_threads(self.handle, threads, threads)
        status = int(llama_cpp.llama_decode(self.handle, self._batch))
        if status != 0:
            raise ModelError(f"{self._model.path.name} failed on a batch of {size} tokens (status {status})")
        return size

    def close(self) -> None:
        """Free context and model; a second call does nothing."""
        if self.handle:
            llama_cpp.llama_batch_free(self._batch)
            llama_cpp.llama_free(self.handle)
            self.handle = None
            self._model.close()


def _fill(batch: Any, sequences: Sequence[Sequence[int]]) -> int:
    """Put sequences into a `llama_batch` with room for `BATCH_TOKENS`; the number of tokens."""
    position = 0
    for sequence_id, sequence in enumerate(sequences):
        for offset, token in enumerate(sequence):
            batch.token[position] = token
            batch.pos[position] = offset
            batch.n_seq_id[position] = 1
            batch.seq_id[position][0] = sequence_id
            batch.logits[position] = 1
            position += 1
    batch.n_tokens = position
    return position
