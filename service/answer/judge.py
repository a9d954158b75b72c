"""From the signals of a claim to the probability that it is faithful: a logistic regression, `judge.json`.

Texts without capitals have weights of their own: their names cannot be seen, and the news summarizers that write so
err in other ways than people and language models do. `training/verifier.py` learns both.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.answer.signals import Values, cased

FILE = Path(__file__).with_name("judge.json")
FAITHFUL_FROM = 0.5
"""Probability from which a claim is supported; the calibration puts the threshold of the development data here."""


class Weights(NamedTuple):
    """A logistic regression."""

    names: tuple[str, ...]
    values: NDArray[np.float64]
    bias: float

    def probability(self, signals: Values) -> float:
        """That a claim with these signals is faithful, as often as not among equally many of both."""
        logit = float(self.values @ np.array([signals[name] for name in self.names])) + self.bias
        return float(1 / (1 + np.exp(-logit)))


def weights_for(claim: str) -> Weights:
    """The weights for a claim as it is written."""
    return _weights()["cased" if cased(claim) else "uncased"]


@lru_cache(maxsize=1)
def _weights() -> dict[str, Weights]:
    document = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        name: Weights(tuple(found["weights"]), np.array(list(found["weights"].values())), found["bias"])
        for name, found in document["judges"].items()
    }
