"""Mixing what a cross-encoder says with rank scores: nothing leaves 0..1, and who was not read stays below."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.index.rerank import RERANKED, SHARE, probability, rescored

unit = st.floats(0, 1)


@st.composite
def rankings(draw: st.DrawFn) -> tuple[list[float], list[float]]:
    scores = sorted(draw(st.lists(unit, max_size=80)), reverse=True)
    logits = draw(st.lists(st.floats(-1e6, 1e6), max_size=min(len(scores), RERANKED)))
    return scores, logits


def test_a_probability_is_the_logistic_of_the_logit() -> None:
    assert probability(0) == 0.5
    assert probability(2.0) == pytest.approx(1 / (1 + math.exp(-2.0)))
    assert probability(-2.0) == pytest.approx(1 - probability(2.0))
    assert (probability(-1e6), probability(1e6)) == (0.0, 1.0)


def test_a_paper_that_the_cross_encoder_likes_rises_and_one_that_it_dislikes_falls() -> None:
    new = rescored([0.8, 0.7, 0.6], [-4.0, 0.0, 4.0])
    assert new[2] > new[1] > new[0]
    assert new[1] == pytest.approx((1 - SHARE) * 0.7 + SHARE * 0.5)


def test_without_the_reranker_or_with_no_share_for_it_the_scores_are_the_old_ones() -> None:
    assert rescored([0.8, 0.7], []) == [0.8, 0.7]
    assert rescored([], []) == []
    assert rescored([0.8, 0.7], [-9.0, 9.0], share=0) == [0.8, 0.7]


def test_with_the_whole_share_for_it_the_scores_are_its_probabilities() -> None:
    assert rescored([0.8, 0.7], [-1.0, 1.0], share=1) == [probability(-1.0), probability(1.0)]


def test_papers_that_were_not_read_stay_below_and_keep_their_proportions() -> None:
    new = rescored([0.8, 0.7, 0.6, 0.3], [-8.0, 8.0])
    assert min(new[:2]) >= new[2] > new[3]
    assert new[3] / new[2] == pytest.approx(0.5)
    assert rescored([0.8, 0.1], [8.0])[1] == 0.1, "who is below already is left alone"


def test_more_logits_than_papers_are_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        rescored([0.5], [0.0, 0.0])


@given(rankings(), unit)
def test_whatever_comes_scores_stay_between_0_and_1_and_the_unread_below(
    ranking: tuple[list[float], list[float]], share: float
) -> None:
    scores, logits = ranking
    new = rescored(scores, logits, share)
    assert len(new) == len(scores)
    assert all(0 <= score <= 1 for score in new)
    rest = new[len(logits) :]
    assert rest == sorted(rest, reverse=True)
    if logits and rest:
        assert max(rest) <= min(new[: len(logits)]) + 1e-12


@given(st.lists(st.floats(-20, 20), min_size=2, max_size=RERANKED, unique=True), unit)
def test_of_papers_with_one_score_the_order_is_the_cross_encoders(logits: list[float], score: float) -> None:
    new = rescored([score] * len(logits), logits)
    order = sorted(range(len(logits)), key=lambda index: -logits[index])
    assert all(new[first] >= new[second] for first, second in pairwise(order))
