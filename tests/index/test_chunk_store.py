"""Vectors in half precision: read in pieces or at once, and near enough to what they were."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.index import chunk_store
from service.index.chunk_store import ChunkMatrix, cosines, paper_vectors
from service.ports import Embedder, Matrix
from tests.index.small_home import Watcher, opened, paper, put


def unit_vectors(seed: int, count: int, dimensions: int) -> Matrix:
    vectors = np.random.default_rng(seed).standard_normal((count, dimensions))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Matrix = (vectors / np.maximum(lengths, 1e-9)).astype(np.float32)
    return unit


@given(st.integers(0, 1_000), st.integers(0, 40), st.sampled_from((1, 3, 384, 385)))
def test_cosines_are_those_of_single_precision_to_three_digits(seed: int, count: int, dimensions: int) -> None:
    vectors = unit_vectors(seed, count + 1, dimensions)
    matrix = ChunkMatrix(np.arange(count), vectors[:count].astype(np.float16))
    found = cosines(matrix, vectors[count])
    assert found.dtype == np.float32
    assert found.shape == (count,)
    assert np.allclose(found, vectors[:count] @ vectors[count], atol=1e-3)


def test_the_cosine_of_a_vector_with_itself_is_one() -> None:
    vectors = unit_vectors(0, 200, 384)
    matrix = ChunkMatrix(np.arange(200), vectors.astype(np.float16))
    for place in range(0, 200, 20):
        found = cosines(matrix, vectors[place])
        assert found.argmax() == place
        assert found[place] == pytest.approx(1.0, abs=2e-4)


@pytest.mark.parametrize("at_once", [1, 2, 3, 4_000])
def test_all_vectors_are_those_of_each_paper_however_many_are_read_at_once(
    tmp_path: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(chunk_store, "_READ_AT_ONCE", at_once)
    with opened(tmp_path / "home", embedder) as stores:
        assert len(stores.chunks.matrix().vectors) == 0
        put(stores, paper(1), paper(2), paper(3))
        stores.finish(Watcher())
        every = stores.chunks.matrix()
        rows = sorted(set(every.owners.tolist()))
        assert len(rows) == 3
        assert (np.diff(every.owners) >= 0).all()
        single = [stores.chunks.matrix([row]).vectors for row in rows]
        assert np.array_equal(every.vectors, np.concatenate(single))


def test_a_paper_is_the_mean_of_its_chunks_at_unit_length() -> None:
    vectors = unit_vectors(1, 5, 384)
    found = paper_vectors(ChunkMatrix(np.array([4, 4, 7, 9, 9]), vectors.astype(np.float16)))
    assert found.owners.tolist() == [4, 7, 9]
    assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1.0, atol=1e-6)
    assert np.allclose(found.vectors[1], vectors[2], atol=1e-3)
    mean = vectors[:2].mean(axis=0)
    assert np.allclose(found.vectors[0], mean / np.linalg.norm(mean), atol=1e-3)
    empty = paper_vectors(ChunkMatrix(np.empty(0, np.int64), np.empty((0, 384), np.float16)))
    assert empty.vectors.shape == (0, 384)
