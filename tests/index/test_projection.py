import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.index import projection
from service.index.projection import nearest, neighbours_kept, principal_components, project


def unit_rows(values: NDArray[np.float64]) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
    return rows


def groups(count: int, each: int, dimensions: int = 40) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Vectors in groups, mixed, and the group of each."""
    chance = np.random.default_rng(5)
    centres = chance.normal(size=(count, dimensions))
    labels = chance.permutation(np.repeat(np.arange(count), each))
    return unit_rows(centres[labels] + chance.normal(scale=0.5, size=(count * each, dimensions))), labels


def test_papers_of_one_group_lie_together_on_the_plane() -> None:
    vectors, labels = groups(8, 25)
    points = project(vectors)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (labels[apart.argmin(axis=1)] == labels).mean() > 0.98


def test_the_layout_keeps_more_neighbours_than_the_two_main_components() -> None:
    vectors, _ = groups(12, 25)
    assert neighbours_kept(vectors, project(vectors)) > 1.5 * neighbours_kept(vectors, principal_components(vectors))


def test_the_same_vectors_give_the_same_points_inside_the_unit_square() -> None:
    vectors, _ = groups(5, 12)
    points = project(vectors)
    assert np.array_equal(points, project(vectors.copy()))
    assert points.min() >= 0.0
    assert points.max() <= 1.0
    assert (points.max(axis=0) - points.min(axis=0)).max() == pytest.approx(1.0, abs=1e-5)


def test_repulsion_read_from_the_grid_is_that_of_all_pairs() -> None:
    points = np.random.default_rng(2).normal(scale=6.0, size=(200, 2)).astype(np.float32)
    apart = points[:, None] - points[None]
    kernel = 1.0 / (1.0 + (apart**2).sum(axis=2))
    exact = (apart * (kernel**2)[:, :, None]).sum(axis=1) / (kernel.sum() - len(points))
    made = projection._repulsion(points, projection._grid(float(np.abs(points).max()) * 1.02))
    assert np.linalg.norm(made - exact) < 0.05 * np.linalg.norm(exact)


def test_papers_with_equal_vectors_do_not_stop_the_layout() -> None:
    vectors = np.repeat(groups(2, 2)[0], 5, axis=0)
    points = project(vectors)
    assert np.isfinite(points).all()


@settings(max_examples=30, deadline=None)
@given(count=st.integers(0, 12), dimensions=st.integers(2, 6), seed=st.integers(0, 99))
def test_any_number_of_papers_has_points(count: int, dimensions: int, seed: int) -> None:
    vectors = unit_rows(np.random.default_rng(seed).normal(size=(count, dimensions)))
    points = project(vectors)
    assert points.shape == (count, 2)
    assert np.isfinite(points).all()
    assert ((points >= 0) & (points <= 1)).all()


def test_nearest_rows_are_those_of_the_greatest_products_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, _ = groups(3, 10)
    whole = np.sort(nearest(vectors, 4), axis=1)
    monkeypatch.setattr(projection, "_BLOCK", 7)
    assert np.array_equal(np.sort(nearest(vectors, 4), axis=1), whole)
    products = vectors @ vectors.T
    np.fill_diagonal(products, -1)
    assert whole[0].tolist() == sorted(np.argsort(-products[0])[:4].tolist())
