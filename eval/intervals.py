"""95 % intervals: by resampling the questions, seeded (Efron & Tibshirani 1993); of trials by Wilson (1927)."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
RESAMPLES = 5_000
_TAILS = (2.5, 97.5)
_NORMAL = 1.96
"""Standard deviations on each side of the mean that 95 % of a normal distribution lie within."""


class Interval(NamedTuple):
    """A mean over questions and its 95 % interval; `low` and `high` are `None` of fewer than two questions."""

    mean: float
    low: float | None
    high: float | None

    @property
    def certain_sign(self) -> bool:
        """Whether the interval lies wholly above or wholly below 0."""
        return self.low is not None and self.high is not None and self.low * self.high > 0

    def __str__(self) -> str:
        spread = "" if self.low is None else f" [{self.low:.3f}, {self.high:.3f}]"
        return f"{self.mean:.3f}{spread}"


def draws(questions: int, seed: int) -> Array:
    """How often each question is in each resample, shape (RESAMPLES, questions); rows sum to `questions`."""
    counts = np.random.default_rng(seed).multinomial(questions, np.full(questions, 1 / questions), size=RESAMPLES)
    return counts.astype(np.float64)


def mean_intervals(values: Array, seed: int) -> list[Interval]:
    """Mean and interval of each column of `values`, shape (questions, columns)."""
    means = values.mean(axis=0)
    if len(values) < 2:
        return [Interval(float(mean), None, None) for mean in means]
    low, high = np.percentile(draws(len(values), seed) @ values / len(values), _TAILS, axis=0)
    return [Interval(*map(float, row)) for row in zip(means, low, high, strict=True)]


def trial_interval(passed: int, trials: int) -> Interval:
    """Share of trials that passed. Where all did, resampling would say that none can ever fail."""
    share, spread = passed / trials, _NORMAL**2 / trials
    middle = (share + spread / 2) / (1 + spread)
    half = _NORMAL / (1 + spread) * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def share_intervals(hits: Array, totals: Array, seed: int) -> list[Interval | None]:
    """Pooled share of hits in each column, with the questions resampled; `None` where nothing was counted.

    Args:
        hits: counts by question and column, shape (questions, columns).
        totals: of how many, the same shape.
        seed: of the resampling.
    """
    counts = draws(len(hits), seed) if len(hits) > 1 else np.ones((1, len(hits)))
    resampled_hits, resampled_totals = counts @ hits, counts @ totals
    found: list[Interval | None] = []
    for column in range(hits.shape[1]):
        total = float(totals[:, column].sum())
        if not total:
            found.append(None)
            continue
        counted = resampled_totals[:, column] > 0
        shares = resampled_hits[counted, column] / resampled_totals[counted, column]
        low, high = (float(edge) for edge in np.percentile(shares, _TAILS)) if len(hits) > 1 else (None, None)
        found.append(Interval(float(hits[:, column].sum()) / total, low, high))
    return found
