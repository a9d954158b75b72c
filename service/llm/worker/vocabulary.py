"""The vocabulary as a tree in which each token hangs below the longest token that it begins with.

A grammar that cannot go on with a text cannot go on with anything that begins with it: where a token is refused, all
below it are refused unseen. So a few hundred tokens are checked instead of all 150,000.
"""

from collections.abc import Callable, Sequence
from typing import Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from service.llm.worker.native import NativeModel

TokenIds = NDArray[np.int32]

CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""llama.cpp's `llama_token_data`."""


class VocabularyTree:
    """All tokens that may be written, each below its longest proper beginning; tokens that end a text stand on top."""

    def __init__(self, model: NativeModel) -> None:
        """Read the vocabulary: about two microseconds a token."""
        pieces = [(model.piece(token), token) for token in range(model.n_vocab)]
        ends = [token for token in range(model.n_vocab) if model.is_end(token)]
        parents = _parents(sorted(pair for pair in pieces if pair[0]))
        tokens = np.fromiter(parents, np.int32, len(parents))
        above = np.fromiter(parents.values(), np.int32, len(parents))
        order = np.argsort(above, kind="stable")
        self._children = tokens[order]
        # Children of token t: _children[_starts[t + 1] : _starts[t + 2]]; of none (-1): the tokens on top.
        self._starts = np.searchsorted(above[order], np.arange(-1, model.n_vocab + 1))
        top = self._children[: self._starts[1]]
        self.top: TokenIds = np.concatenate([top, np.array(ends, np.int32)]) if ends else top
        self.everything: TokenIds = np.concatenate([self._children, np.array(ends, np.int32)])

    def below(self, tokens: TokenIds) -> TokenIds:
        """The tokens that hang directly below these."""
        spans = zip(self._starts[tokens + 1], self._starts[tokens + 2], strict=True)
        parts = [self._children[begin:end] for begin, end in spans if begin < end]
        return np.concatenate(parts) if parts else np.empty(0, np.int32)

    def search(self, passes: Callable[[TokenIds], TokenIds]) -> TokenIds:
        """All tokens that pass a check which, where it refuses a text, refuses all that begins with it.

        Args:
            passes: those of the given tokens that pass.
        """
        found = []
        level = self.top
        while level.size:
            level = passes(level)
            found.append(level)
            level = self.below(level)
        return np.concatenate(found)


def candidates(tokens: TokenIds, logits: NDArray[np.float32]) -> NDArray[np.void]:
    """Tokens with their logits, as llama.cpp takes them."""
    rows = np.zeros(len(tokens), CANDIDATE)
    rows["id"] = tokens
    rows["logit"] = logits
    return rows


def candidate_array(rows: NDArray[np.void]) -> Any:
    """A `llama_token_data_array` over rows, which have to be kept while it is used."""
    array: Any = llama_cpp.llama_token_data_array()
    array.data = rows.ctypes.data_as(llama_cpp.llama_token_data_p)
    array.size, array.selected, array.sorted = len(rows), -1, False
    return array


def _parents(pieces: Sequence[tuple[bytes, int]]) -> dict[int, int]:
    """For each token of the sorted pieces, the token with its longest proper beginning, or -1."""
    parents: dict[int, int] = {}
    path: list[tuple[bytes, int]] = []
    for piece, token in pieces:
        while path and not (piece.startswith(path[-1][0]) and len(piece) > len(path[-1][0])):
            path.pop()
        parents[token] = path[-1][1] if path else -1
        path.append((piece, token))
    return parents
