"""How near papers are to what a reader likes: a linear model over their vectors, and which example says so.

The idea is that of arxiv-sanity (Karpathy 2016): what is liked against everything else. Here the model is regularized
least squares (Rifkin, Yeo & Poggio 2003) with both sides weighing the same, which has a closed form. Its weights are a
sum over the examples, so a score falls apart exactly into what each example adds: the largest part is the reason shown.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.ports import Matrix, Vector

_REGULARIZATION = 2.0
_STANDS_OUT = 3.0
"""Standard deviations above the usual nearness to an example from which on it is a reason."""
_LEAST_SPREAD = 1e-6
_DISLIKED = 0.5
"""Share of the weight against that disliked papers have, where there are any; the rest has the background."""


class Example(NamedTuple):
    """Something that the reader has an opinion on."""

    reason: str
    """What is said of a paper that is near it."""
    vector: Vector
    liked: bool


class Judgement(NamedTuple):
    """How near a paper is to the interests."""

    score: float
    """Standard deviations above the average paper."""
    reason: str
    """Of the liked example that adds most; empty where the paper is not much nearer to it than papers are."""


class InterestModel:
    """A linear model of what one reader likes; made in milliseconds, so it is never stored."""

    def __init__(self, examples: Sequence[Example], background: Matrix) -> None:
        """Train.

        Args:
            examples: at least one of them liked.
            background: vectors of papers that the reader has no opinion on, shape (n, dimensions).
        """
        self._reasons = [example.reason for example in examples]
        self._liked = np.array([example.liked for example in examples])
        given = np.stack([example.vector for example in examples])
        self._mean = (background if len(background) else given).mean(axis=0)
        self._vectors = np.concatenate([given, background.reshape(-1, given.shape[1])]) - self._mean
        liked = np.array([example.liked for example in examples] + [False] * len(background))
        weights, target = _weights(liked, len(examples)), np.where(liked, 1.0, -1.0)
        weighted = self._vectors.T * weights
        ridge = _REGULARIZATION * np.eye(self._vectors.shape[1])
        line = np.linalg.solve(weighted @ self._vectors + ridge, weighted @ target)
        self._shares = weights * (target - self._vectors @ line) / _REGULARIZATION
        usual = self._vectors[len(examples) :] @ line
        self._usual = float(usual.mean()) if len(usual) else 0.0
        self._spread = float(usual.std()) + _LEAST_SPREAD if len(usual) else 1.0
        near = self._vectors[len(examples) :] @ self._vectors[: len(examples)].T
        self._stands_out = near.mean(axis=0) + _STANDS_OUT * near.std(axis=0) if len(near) else np.zeros(len(examples))

    def judge(self, vectors: Matrix) -> list[Judgement]:
        """Scores of papers with their reasons, in their order.

        Args:
            vectors: one row of unit length for each paper.
        """
        parts = ((vectors - self._mean) @ self._vectors.T) * self._shares
        scores = (parts.sum(axis=1) - self._usual) / self._spread
        best = np.where(self._liked, parts[:, : len(self._liked)], -np.inf).argmax(axis=1)
        near = (vectors - self._mean) @ self._vectors[: len(self._liked)].T
        return [
            Judgement(float(score), self._reasons[place] if cosines[place] >= self._stands_out[place] else "")
            for score, place, cosines in zip(scores, best, near, strict=True)
        ]


def _weights(liked: NDArray[np.bool_], examples: int) -> NDArray[np.float64]:
    """What is liked weighs 1 in all, and so does what is not."""
    disliked, rest = (~liked[:examples]).sum(), len(liked) - examples
    against = _DISLIKED if disliked and rest else 1.0
    weights = np.full(len(liked), (1.0 - against if disliked else against) / max(rest, 1))
    weights[:examples] = against / max(disliked, 1)
    weights[liked] = 1.0 / liked.sum()
    return weights
