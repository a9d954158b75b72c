"""In which words the field speaks of what a question asks for: many abstracts of other papers as a background.

Few of a catalog's papers that throw weights away say so in these words, and a small catalog has no others to learn
from. So a question is compared with 20,000 arXiv abstracts that ship as vectors and their typical words, and the words
of the nearest join its own ("pruning", "sparsity"): expansion from a large external collection (Diaz & Metzler 2006).
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.ports import Vector

FILE = "background-arxiv.npz"
WORDS_EACH = 40
"""Words that are kept of an abstract."""
_NEAREST = 20
_WORDS = 40
_SHARPNESS = 10.0
"""How much more a nearer abstract counts: e to this times the difference of the cosines."""
_NO_WORD = np.iinfo(np.uint16).max


class BackgroundData(NamedTuple):
    """What the file holds."""

    fingerprint: NDArray[np.str_]
    """Of the embedder: other vectors do not compare."""
    mean: NDArray[np.float32]
    """Shape (dimensions,): what is taken off a vector before it is projected."""
    projection: NDArray[np.float16]
    """Shape (dimensions, kept): the directions in which the abstracts differ most."""
    vectors: NDArray[np.int8]
    """Shape (abstracts, kept): projected vectors of unit length, times 127."""
    words: NDArray[np.uint16]
    """Shape (abstracts, words each): places in the vocabulary; the greatest number stands for none."""
    weights: NDArray[np.uint8]
    """Of these words: frequency times rarity, as a share of the abstract's greatest, times 255."""
    vocabulary: NDArray[np.str_]
    """One line for each word, the commonest form of its stem."""


class Background:
    """Abstracts of other papers, to take words from."""

    def __init__(self, data: BackgroundData) -> None:
        self._mean, self._projection = data.mean, data.projection.astype(np.float32)
        self._vectors = data.vectors.astype(np.float32) / 127
        self._words, self._weights = data.words, data.weights
        self._vocabulary = str(data.vocabulary).split("\n")

    def words_near(self, vector: Vector) -> dict[str, float]:
        """Words of the nearest abstracts with their weights, which sum to 1; `vector` is of unit length."""
        projected = (vector - self._mean) @ self._projection
        cosines = self._vectors @ (projected / (float(np.linalg.norm(projected)) or 1.0))
        nearest = np.argpartition(-cosines, min(_NEAREST, len(cosines) - 1))[:_NEAREST]
        shares = np.exp((cosines[nearest] - cosines[nearest].max()) * _SHARPNESS)
        found: Counter[int] = Counter()
        for row, share in zip(nearest, shares / shares.sum(), strict=True):
            for word, weight in zip(self._words[row].tolist(), self._weights[row].tolist(), strict=True):
                if word != _NO_WORD:
                    found[word] += share * weight
        best = found.most_common(_WORDS)
        total = sum(weight for _, weight in best) or 1.0
        return {self._vocabulary[word]: weight / total for word, weight in best}


def read_background(path: Path, fingerprint: str) -> Background | None:
    """The background in a file, or `None` where there is none for this embedder or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if str(arrays["fingerprint"]) != fingerprint:
                return None
            return Background(BackgroundData(**{name: arrays[name] for name in BackgroundData._fields}))
    except (OSError, ValueError, KeyError, EOFError):
        return None
