"""Sequences of tokens on their way into llama.cpp, several at a time."""

from collections.abc import Iterator, Sequence
from typing import Any

# Attention is computed over a whole batch and masked, so a large batch of short texts is slow: with 2,048 tokens a
# third of the speed of 512.
BATCH_TOKENS = 512
BATCH_SEQUENCES = 16


def grouped(sequences: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Indices of the sequences that are computed together: of like length, shortest first.

    Args:
        sequences: none is longer than `BATCH_TOKENS`.
    """
    group: list[int] = []
    size = 0
    for index in sorted(range(len(sequences)), key=lambda index: len(sequences[index])):
        if size + len(sequences[index]) > BATCH_TOKENS or len(group) == BATCH_SEQUENCES:
            yield group
            group, size = [], 0
        group.append(index)
        size += len(sequences[index])
    if group:
        yield group


def fill(batch: Any, sequences: Sequence[Sequence[int]]) -> int:
    """Put whole sequences into a `llama_batch`, every token an output; the number of tokens.

    Args:
        batch: has room for `BATCH_TOKENS`.
        sequences: get the sequence ids 0, 1, 2, ...
    """
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
