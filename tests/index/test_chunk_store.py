"""Vectors in half precision: read in pieces or at once, and near enough to what they were."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.index import chunk_store
from service.index.chunk_store import ChunkMatrix, cosines, in_8_bits, paper_vectors
from service.ports import Embedder, Matrix
from tests.index.small_home import Watcher, opened, paper, put


def unit_vectors(seed: int, count: int, dimensions: int) -> Matrix:
    vectors = np.random.default_rng(seed).standard_normal((count, dimensions))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Matrix = (vectors / np.maximum(lengths, 1e-9)).astype(np.float32)
    return unit


def kept(vectors: Matrix, kind: str) -> ChunkMatrix:
    owners = np.arange(len(vectors))
    return ChunkMatrix(owners, *in_8_bits(vectors)) if kind == "8 bits" else ChunkMatrix(owners, vectors.astype(kind))


@pytest.mark.parametrize("kind", ["float32", "float16", "8 bits"])
@given(st.integers(0, 1_000), st.integers(0, 40), st.sampled_from((3, 384, 385)))
def test_cosines_are_those_of_single_precision_to_nearly_three_digits(
    kind: str, seed: int, count: int, dimensions: int
) -> None:
    vectors = unit_vectors(seed, count + 1, dimensions)
    found = cosines(kept(vectors[:count], kind), vectors[count])
    assert found.dtype == np.float32
    assert found.shape == (count,)
    # Errors of 8 bits are of the size of the largest number, which in few dimensions is the whole vector.
    tolerance = 1e-3 if kind != "8 bits" else 3e-3 if dimensions > 3 else 1e-2
    assert np.allclose(found, vectors[:count] @ vectors[count], atol=tolerance)


@pytest.mark.parametrize("kind", ["float16", "8 bits"])
def test_the_cosine_of_a_vector_with_itself_is_one(kind: str) -> None:
    vectors = unit_vectors(0, 200, 384)
    for place in range(0, 200, 20):
        found = cosines(kept(vectors, kind), vectors[place])
        assert found.argmax() == place
        assert found[place] == pytest.approx(1.0, abs=3e-3)


def test_a_vector_of_zeros_is_like_none() -> None:
    matrix = kept(np.zeros((2, 384), np.float32), "8 bits")
    assert cosines(matrix, unit_vectors(0, 1, 384)[0]).tolist() == [0.0, 0.0]
    assert not cosines(kept(unit_vectors(0, 3, 384), "8 bits"), np.zeros(384, np.float32)).any()


@pytest.mark.parametrize("large", [0, 20_000])
@pytest.mark.parametrize("at_once", [1, 2, 3, 4_000])
def test_all_vectors_are_those_of_each_paper_however_many_are_read_at_once(
    tmp_path: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch, at_once: int, large: int
) -> None:
    monkeypatch.setattr(chunk_store, "_READ_AT_ONCE", at_once)
    monkeypatch.setattr(chunk_store, "_LARGE", large)
    with opened(tmp_path / "home", embedder) as stores:
        assert len(stores.chunks.matrix().vectors) == 0
        put(stores, paper(1), paper(2), paper(3))
        stores.finish(Watcher())
        every = stores.chunks.matrix()
        rows = sorted(set(every.owners.tolist()))
        assert len(rows) == 3
        assert (np.diff(every.owners) >= 0).all()
        single = np.concatenate([stores.chunks.matrix([row]).vectors for row in rows])
        read = every.vectors if every.scales is None else every.vectors * every.scales[:, np.newaxis]
        assert (every.scales is None) == bool(large)
        assert np.allclose(read, single, atol=0 if large else 2e-3)


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
