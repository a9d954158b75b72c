"""The model of interests: what is liked comes first, and the reason is the example that adds most."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.index.interests import Example, InterestModel
from service.ports import Matrix, Vector

DIMENSIONS = 32


def unit(*values: float) -> Vector:
    vector = np.zeros(DIMENSIONS, np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


def crowd(count: int, seed: int = 0) -> Matrix:
    drawn = np.random.default_rng(seed).normal(size=(count, DIMENSIONS)).astype(np.float32)
    result: Matrix = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return result


MEMORY, CATS = unit(1, 0, 0.1), unit(0, 1, 0.1)


def test_papers_near_a_liked_one_come_first_with_it_as_the_reason() -> None:
    model = InterestModel([Example("like A", MEMORY, True), Example("like B", CATS, True)], crowd(200))
    near_memory, near_cats, other = model.judge(np.stack([unit(1, 0, 0, 0.2), unit(0, 1, 0, 0.2), unit(0, 0, 0, 0, 1)]))
    assert near_memory.score > other.score
    assert near_cats.score > other.score
    assert (near_memory.reason, near_cats.reason, other.reason) == ("like A", "like B", "")


def test_papers_near_a_disliked_one_come_last_and_it_is_no_reason() -> None:
    model = InterestModel([Example("like A", MEMORY, True), Example("like B", CATS, False)], crowd(200))
    near, away, other = model.judge(np.stack([unit(1, 0, 0, 0.2), unit(0, 1, 0, 0.2), unit(0, 0, 0, 0, 1)]))
    assert near.score > other.score > away.score
    assert "like B" not in (near.reason, away.reason, other.reason)


def test_without_a_background_the_examples_alone_decide() -> None:
    none = np.zeros((0, DIMENSIONS), np.float32)
    model = InterestModel([Example("like A", MEMORY, True), Example("like B", CATS, False)], none)
    near, away = model.judge(np.stack([MEMORY, CATS]))
    assert near.score > away.score


@pytest.mark.parametrize("background", [0, 1, 2, 50])
@given(seed=st.integers(0, 1_000), liked=st.lists(st.booleans(), min_size=1, max_size=6))
def test_scores_are_numbers_and_reasons_are_of_what_is_liked(background: int, seed: int, liked: list[bool]) -> None:
    liked = [True, *liked]
    given_vectors = crowd(len(liked), seed)
    examples = [
        Example(f"{'like' if good else 'hate'} {place}", vector, good)
        for place, (good, vector) in enumerate(zip(liked, given_vectors, strict=True))
    ]
    for judged in InterestModel(examples, crowd(background, seed + 1)).judge(crowd(5, seed + 2)):
        assert np.isfinite(judged.score)
        assert not judged.reason or judged.reason.startswith("like")
