"""Papers grouped by what they are about: clusters of their vectors, named by their most typical terms.

Clusters are those of spherical k-means (Dhillon & Modha 2001), begun as k-means++ (Arthur & Vassilvitskii 2007), the
tightest of several tries with a fixed seed. What all papers have in common is taken off their vectors first: in a
collection of one field it is most of every cosine.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.index.topic_names import name_groups
from service.ports import Matrix

FEWEST, MOST = 2, 12
"""Topics that `find_topics` chooses between; more colours than twelve are not told apart."""
_SEED = 0
_TRIES = 8
_ROUNDS = 60


class Topic(NamedTuple):
    """A group of papers."""

    terms: tuple[str, ...]
    """What it is about, the most typical first; none where its papers have no term in common."""
    members: tuple[int, ...]
    """Places of its papers, the most central first."""


def find_topics(vectors: Matrix, texts: Sequence[str], count: int | None = None) -> list[Topic]:
    """Topics of papers, the largest first; every paper is in exactly one. The same papers give the same topics.

    Args:
        vectors: one row of unit length for each paper, shape (n, dimensions).
        texts: title and abstract of each paper.
        count: how many topics; `None`: 5 for 30 papers, 7 for 100, 11 for 400, 12 for more.
    """
    if not len(vectors):
        return []
    if count is None:
        count = min(max(round(1.5 * len(vectors) ** (1 / 3)), FEWEST), MOST)
    clusters = _clusters(_without_common(vectors), min(count, len(vectors)))
    names = name_groups(texts, clusters)
    return [Topic(terms, tuple(members)) for terms, members in zip(names, clusters, strict=True)]


def _without_common(vectors: Matrix) -> Matrix:
    apart = vectors - vectors.mean(axis=0)
    lengths = np.linalg.norm(apart, axis=1, keepdims=True)
    result: Matrix = (apart / np.where(lengths > 1e-6, lengths, 1.0)).astype(np.float32)
    return result


def _clusters(vectors: Matrix, count: int) -> list[list[int]]:
    """Places of the members of each cluster, the largest cluster and its most central member first."""
    chance = np.random.default_rng(_SEED)
    tries = [_k_means(vectors, _begun(vectors, count, chance)) for _ in range(_TRIES)]
    labels, nearness, _ = max(tries, key=lambda found: found[2])
    clusters = [
        sorted(np.flatnonzero(labels == label).tolist(), key=lambda place: -nearness[place]) for label in range(count)
    ]
    return sorted((cluster for cluster in clusters if cluster), key=lambda cluster: (-len(cluster), min(cluster)))


def _begun(vectors: Matrix, count: int, chance: np.random.Generator) -> Matrix:
    """Centres far from each other: each next is drawn in proportion to the squared distance from those there are."""
    chosen = [int(chance.integers(len(vectors)))]
    apart = np.full(len(vectors), np.inf)
    while len(chosen) < count:
        apart = np.minimum(apart, np.maximum(1.0 - vectors @ vectors[chosen[-1]], 0.0))
        total = float(apart.sum())
        share = apart / total if total > 0 else np.full(len(vectors), 1 / len(vectors))
        chosen.append(int(chance.choice(len(vectors), p=share)))
    return vectors[chosen]


def _k_means(vectors: Matrix, centres: Matrix) -> tuple[NDArray[np.intp], NDArray[np.float32], float]:
    """The cluster of each vector, its cosine with the centre, and the sum of these cosines."""
    labels = np.full(len(vectors), -1)
    for _ in range(_ROUNDS):
        cosines = vectors @ centres.T
        found = cosines.argmax(axis=1)
        if (found == labels).all():
            break
        labels = found
        sums = np.eye(len(centres), dtype=np.float32)[:, labels] @ vectors
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        # A centre that lost all its vectors stays where it was.
        centres = np.where(lengths > 1e-6, sums / np.maximum(lengths, 1e-6), centres)
    nearness = cosines[np.arange(len(vectors)), labels]
    return labels, nearness, float(nearness.sum())
