"""The lexical baseline: the formula by hand, and that a question's words lead to the right paper."""

import math

import pytest

from eval.bm25 import WordIndex


def test_scores_are_those_of_the_formula() -> None:
    index = WordIndex({1: "sparse sparse training", 2: "dense training of networks", 3: "The networks are trained."})
    # Without stop words and with stems: (sparse, sparse, train), (dense, train, network), (network, train).
    average = 8 / 3
    rare = math.log(1 + (3 - 1 + 0.5) / 1.5)
    part = 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / average))
    assert index.scores("sparse?") == {1: pytest.approx(rare * part)}
    assert set(index.scores("Who trains Networks?")) == {1, 2, 3}
    assert index.scores("sparse sparse")[1] == pytest.approx(2 * rare * part)


def test_words_that_no_text_has_give_no_score() -> None:
    assert WordIndex({1: "sparse training"}).scores("the quantum of it") == {}
    assert WordIndex({}).scores("sparse") == {}
