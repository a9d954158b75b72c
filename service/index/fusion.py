"""Rankings of papers, and one out of several by reciprocal rank fusion (Cormack et al. 2009)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.index.lexical import Rows

RRF_K = 20


class Scored(NamedTuple):
    """Papers with their scores, best first, of equal ones the lower row first; no paper twice."""

    rows: Rows
    """Row numbers, shape (papers,)."""
    scores: NDArray[np.float64]
    """Shape (papers,)."""

    @classmethod
    def of(cls, rows: Rows, scores: NDArray[np.floating]) -> Scored:
        """Put papers in order."""
        order = np.lexsort((rows, -scores))
        return cls(rows[order], scores[order].astype(np.float64))

    @classmethod
    def pairs(cls, found: Iterable[tuple[int, float]]) -> Scored:
        """Put row numbers with scores in order."""
        pairs = list(found)
        rows = np.fromiter((row for row, _ in pairs), np.int64, len(pairs))
        return cls.of(rows, np.fromiter((score for _, score in pairs), np.float64, len(pairs)))

    def first(self, count: int) -> Scored:
        """The best of them."""
        return Scored(self.rows[:count], self.scores[:count])

    def at(self, rows: Rows) -> NDArray[np.float64]:
        """The scores of the papers at `rows`, shape (rows,); 0 where they have none."""
        if not len(self.rows):
            return np.zeros(len(rows))
        order = np.argsort(self.rows)
        places = order[np.searchsorted(self.rows, rows, sorter=order).clip(max=len(order) - 1)]
        found: NDArray[np.float64] = np.where(self.rows[places] == rows, self.scores[places], 0.0)
        return found

    def lacking(self, rows: Rows) -> Rows:
        """Those of `rows` that have no score."""
        return rows[~np.isin(rows, self.rows)]

    def shares(self) -> Scored:
        """Scores as shares of the greatest; nothing where none is above 0."""
        if not len(self.rows) or self.scores[0] <= 0:
            return NONE
        return Scored(self.rows, self.scores / self.scores[0])

    def joined(self, others: Scored) -> Scored:
        """With others, none of which is here already."""
        return Scored.of(np.concatenate([self.rows, others.rows]), np.concatenate([self.scores, others.scores]))


NONE = Scored(np.zeros(0, np.int64), np.zeros(0))


def fuse(rankings: Sequence[Scored], weights: Sequence[float] | None = None) -> Scored:
    """A paper earns weight / (K + rank) in each ranking that has it."""
    points = [
        weight / (RRF_K + np.arange(1, 1 + len(ranking.rows)))
        for ranking, weight in zip(rankings, weights or [1.0] * len(rankings), strict=True)
    ]
    rows, places = np.unique(np.concatenate([ranking.rows for ranking in rankings]), return_inverse=True)
    totals = np.zeros(len(rows))
    np.add.at(totals, places, np.concatenate(points))
    return Scored.of(rows, totals)
