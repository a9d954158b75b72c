"""Papers as points of a plane, so that papers on like subjects lie near each other.

The layout is t-SNE (van der Maaten & Hinton 2008) with the simplest affinities, one weight for each of a paper's 10
nearest (Böhm, Berens & Kobak 2022), begun at the two main components so that it needs no chance, and with the step of
Belkina et al. (2019). What repels each point from all others is read from a grid after a convolution by FFT, as FIt-SNE
does it (Linderman et al. 2019), so a step takes time in proportion to the papers.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.ports import Matrix

Points = NDArray[np.float32]
"""Shape (papers, 2)."""
Indices = NDArray[np.intp]

NEIGHBOURS = 10
"""Papers to which each is drawn."""
_STEPS = 500
_EXAGGERATED = 125
"""The first steps, in which what draws together counts more, so that groups form."""
_EXAGGERATION = 12.0
_FEWEST_TO_LAY_OUT = 8
"""Fewer papers are placed by their two main components."""
_GRID = 128
_GROWTH = 1.15
"""The grid is made anew when the points need this much more room."""
_BLOCK = 512
"""Rows of the matrix of all cosines that are held at a time."""


class _Grid(NamedTuple):
    """A square around the origin, with what is needed to convolve with the kernels on it."""

    half: float
    """From the middle to an edge."""
    cell: float
    kernels: NDArray[np.complexfloating]
    """Transforms of 1/(1+r²) and of the two parts of the vector r/(1+r²)²; shape (3, 2 · grid, grid + 1)."""


def project(vectors: Matrix) -> Points:
    """The plane's points for papers, each coordinate from 0 to 1; the same vectors give the same points.

    Args:
        vectors: one row of unit length for each paper, shape (n, dimensions).
    """
    count = len(vectors)
    start = principal_components(vectors)
    if count < _FEWEST_TO_LAY_OUT:
        return _into_unit_square(start)
    near = nearest(vectors, min(NEIGHBOURS, count - 1))
    return _into_unit_square(_laid_out(start, *_affinities(near)))


def principal_components(vectors: Matrix) -> Points:
    """The two directions in which the papers differ most; their signs are fixed, shape (n, 2)."""
    if not len(vectors):
        return np.zeros((0, 2), np.float32)
    centred = (vectors - vectors.mean(axis=0)).astype(np.float64)
    _, directions = np.linalg.eigh(centred.T @ centred)
    axes = directions[:, :-3:-1]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    components: Points = (centred @ axes).astype(np.float32)
    return components


def nearest(vectors: NDArray[np.float32], k: int) -> Indices:
    """For each row the `k` other rows with the greatest products, in no order, shape (n, k)."""
    found = np.empty((len(vectors), k), np.intp)
    for begin in range(0, len(vectors), _BLOCK):
        products = vectors[begin : begin + _BLOCK] @ vectors.T
        products[np.arange(len(products)), np.arange(begin, begin + len(products))] = -np.inf
        found[begin : begin + _BLOCK] = np.argpartition(-products, k - 1, axis=1)[:, :k]
    return found


def neighbours_kept(vectors: Matrix, points: Points, k: int = 10) -> float:
    """The share of the papers' `k` nearest vectors that are among their `k` nearest points, from 0 to 1."""
    # The nearer a point, the greater the product of its (2x, 2y, -x² - y²) with (x, y, 1).
    lifted = np.column_stack([points, np.ones(len(points), np.float32)])
    opposite = np.column_stack([2 * points, -(points**2).sum(axis=1)])
    products = (lifted @ opposite.T).astype(np.float32)
    np.fill_diagonal(products, -np.inf)
    close = np.argpartition(-products, k - 1, axis=1)[:, :k]
    shared = [len(np.intersect1d(one, other)) for one, other in zip(nearest(vectors, k), close, strict=True)]
    return float(np.mean(shared)) / k


def _affinities(near: Indices) -> tuple[Indices, Indices, NDArray[np.float32]]:
    """Pairs that draw each other, in both directions, and their weights, which sum to 1."""
    count, k = near.shape
    ones = np.repeat(np.arange(count), k)
    one_way = np.concatenate([ones * count + near.ravel(), near.ravel() * count + ones])
    pairs, times = np.unique(one_way, return_counts=True)
    return pairs // count, pairs % count, (times / times.sum()).astype(np.float32)


def _laid_out(start: Points, ones: Indices, others: Indices, weights: NDArray[np.float32]) -> Points:
    """The points after all steps of gradient descent with momentum and a gain for each coordinate."""
    count = len(start)
    # Papers with equal vectors must not begin on one point, where nothing could part them.
    jitter = np.random.default_rng(0).normal(scale=1e-6, size=start.shape)
    points = (start / max(float(start[:, 0].std()), 1e-9) * 1e-2 + jitter).astype(np.float32)
    moved, gains = np.zeros_like(points), np.ones_like(points)
    rate = max(count / _EXAGGERATION, 10.0)
    grid = _grid(1.0)
    for step in range(_STEPS):
        reach = float(np.abs(points).max()) * 1.02
        if reach > grid.half:
            grid = _grid(reach * _GROWTH)
        early = step < _EXAGGERATED
        drawn = weights * (_EXAGGERATION if early else 1.0)
        gradient = _attraction(points, ones, others, drawn) - _repulsion(points, grid)
        gains = np.where(np.sign(gradient) == np.sign(moved), gains * 0.8, gains + 0.2).clip(0.01, None)
        moved = (0.5 if early else 0.8) * moved - rate * 4.0 * gains * gradient
        points = points + moved
        points -= points.mean(axis=0)
    return points


def _attraction(points: Points, ones: Indices, others: Indices, weights: NDArray[np.float32]) -> Points:
    apart = points[ones] - points[others]
    force = apart * (weights / (1.0 + (apart**2).sum(axis=1)))[:, None]
    sums = [np.bincount(ones, weights=force[:, axis], minlength=len(points)) for axis in (0, 1)]
    return np.column_stack(sums).astype(np.float32)


def _repulsion(points: Points, grid: _Grid) -> Points:
    """What all other points do to each: convolutions on the grid, spread and read by cubic interpolation."""
    count = len(points)
    nodes, shares = _interpolation(points, grid)
    mass = np.bincount(nodes.ravel(), weights=shares.ravel(), minlength=_GRID * _GRID).astype(np.float32)
    spectrum = np.fft.rfft2(mass.reshape(_GRID, _GRID), s=(2 * _GRID, 2 * _GRID))
    fields = np.fft.irfft2(spectrum * grid.kernels, s=(2 * _GRID, 2 * _GRID))[:, :_GRID, :_GRID]
    read = np.einsum("kij,ij->ki", fields.reshape(3, -1)[:, nodes], shares)
    # Each point is at distance 0 from itself, where the kernel is 1.
    total = max(float(read[0].sum()) - count, 1e-6)
    forces: Points = (read[1:].T / total).astype(np.float32)
    return forces


def _interpolation(points: Points, grid: _Grid) -> tuple[Indices, NDArray[np.float32]]:
    """The 16 nodes of the grid around each point and the share of each, by Lagrange's cubic; shapes (n, 16)."""
    places = (points + grid.half) / grid.cell
    first = np.clip(np.floor(places).astype(np.intp) - 1, 0, _GRID - 4)
    offset = places - first
    node = np.arange(4)
    others = np.array([[other for other in range(4) if other != own] for own in range(4)])
    scale = (node[:, None] - others).prod(axis=1)
    shares = (offset[:, :, None, None] - others).prod(axis=3) / scale
    columns, rows = first[:, :1] + node, first[:, 1:] + node
    nodes = rows[:, :, None] * _GRID + columns[:, None, :]
    return nodes.reshape(-1, 16), (shares[:, 1, :, None] * shares[:, 0, None, :]).reshape(-1, 16)


def _grid(half: float) -> _Grid:
    cell = 2 * half / (_GRID - 1)
    # Distances in the order that a transform of twice the grid expects: 0, 1, …, -2, -1.
    apart = np.fft.fftfreq(2 * _GRID, 1 / (2 * _GRID)).astype(np.float32) * cell
    across, down = apart[None, :], apart[:, None]
    near = 1.0 / (1.0 + across**2 + down**2)
    return _Grid(half, cell, np.fft.rfft2(np.stack([near, across * near**2, down * near**2])))


def _into_unit_square(points: Points) -> Points:
    """The points moved and scaled, the same in both directions, into the middle of the unit square."""
    if not len(points):
        return points
    low, high = points.min(axis=0), points.max(axis=0)
    size = float((high - low).max()) or 1.0
    placed: Points = ((points - (low + high) / 2) / size + 0.5).clip(0.0, 1.0).astype(np.float32)
    return placed
