"""Query expansion and rank fusion: cases computed by hand, and what must hold for all."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.index.expansion import expand
from service.index.fusion import RRF_K, Scored, fuse
from service.index.retrieval import by_importance
from service.index.words import Word

FREQUENCIES = {"memory": 10, "revers": 5, "adapt": 10, "model": 90, "typo": 1, "fifth": 20}


def frequency(term: str) -> int:
    return FREQUENCIES.get(term, 5)


def test_terms_of_the_best_papers_join_by_their_score_share_and_rarity() -> None:
    """In 100 papers. memory: 3/4 * 2/4 * ln 10; revers: (3/4 * 2/4 + 1/4 * 1/4) * ln 20; adapt: 1/4 * 3/4 * ln 10."""
    feedback = [(3.0, {"memory": 2, "revers": 2}), (1.0, {"revers": 1, "adapt": 3})]
    assert expand({"memory": 1}, feedback, frequency, 100) == pytest.approx(
        {"memory": 0.5 + 0.165680, "revers": 0.251480, "adapt": 0.082840}, abs=1e-5
    )


def test_terms_of_one_paper_only_and_of_a_fifth_of_all_papers_do_not_join() -> None:
    feedback = [(1.0, {"typo": 5, "model": 5, "fifth": 5, "adapt": 1})]
    assert set(expand({"memory": 1}, feedback, frequency, 100)) == {"memory", "adapt"}


def test_a_question_without_feedback_stays_as_it_is() -> None:
    useless: list[list[tuple[float, dict[str, int]]]] = [[], [(1.0, {"model": 3})], [(1.0, {})]]
    for feedback in useless:
        assert expand({"memory": 3, "adapt": 1}, feedback, frequency, 100) == {"memory": 0.75, "adapt": 0.25}


def test_at_most_twenty_terms_join_and_of_equals_the_first_in_the_alphabet() -> None:
    feedback = [(1.0, {f"t{number:02}": 1 for number in reversed(range(40))})]
    joined = set(expand({"memory": 1}, feedback, frequency, 100)) - {"memory"}
    assert joined == {f"t{number:02}" for number in range(20)}


COUNTS = st.dictionaries(st.sampled_from([*FREQUENCIES, "a", "b", "c", "d"]), st.integers(1, 9), max_size=8)


@given(
    COUNTS.filter(bool),
    st.lists(st.tuples(st.floats(0.001, 1.0), COUNTS), max_size=5),
    st.integers(2, 10_000),
)
def test_weights_sum_to_one_and_the_question_keeps_its_half(
    question: dict[str, int], feedback: list[tuple[float, dict[str, int]]], documents: int
) -> None:
    weights = expand(question, feedback, frequency, documents)
    assert sum(weights.values()) == pytest.approx(1.0)
    assert all(weight > 0 for weight in weights.values())
    for term, count in question.items():
        assert weights[term] >= 0.5 * count / sum(question.values()) - 1e-9


@given(COUNTS.filter(bool), st.lists(st.tuples(st.integers(1, 9), COUNTS), max_size=5), st.integers(2, 9))
def test_only_the_proportion_of_the_scores_matters(
    question: dict[str, int], feedback: list[tuple[int, dict[str, int]]], factor: int
) -> None:
    larger = [(float(score * factor), counts) for score, counts in feedback]
    assert expand(question, larger, frequency, 100) == pytest.approx(
        expand(question, [(float(score), counts) for score, counts in feedback], frequency, 100)
    )


# Fusion


def fused(rankings: list[dict[int, float]], weights: list[float] | None = None) -> dict[int, float]:
    """Fusion of rankings that are written down as scores by row."""
    made = fuse([Scored.pairs(ranking.items()) for ranking in rankings], weights)
    assert sorted(made.scores, reverse=True) == list(made.scores)
    return dict(zip(made.rows.tolist(), made.scores.tolist(), strict=True))


def test_a_paper_earns_the_reciprocal_of_its_rank_in_each_ranking() -> None:
    assert RRF_K == 20
    assert fused([{1: 0.9, 2: 0.5}, {2: 31.0, 3: 4.0}]) == pytest.approx({1: 1 / 21, 2: 1 / 22 + 1 / 21, 3: 1 / 22})


def test_rankings_can_weigh_differently() -> None:
    assert fused([{1: 1.0}, {2: 1.0}], [1.0, 1.5]) == pytest.approx({1: 1 / 21, 2: 1.5 / 21})


def test_of_equal_scores_the_paper_stored_first_is_ranked_first() -> None:
    assert fused([{7: 1.0, 3: 1.0, 5: 2.0}]) == pytest.approx({5: 1 / 21, 3: 1 / 22, 7: 1 / 23})
    assert Scored.pairs([(7, 1.0), (3, 1.0), (5, 2.0)]).rows.tolist() == [5, 3, 7]


def test_empty_rankings_give_nothing() -> None:
    assert fused([{}, {}]) == {}


def test_a_weight_too_few_is_an_error_and_not_a_ranking_left_out() -> None:
    with pytest.raises(ValueError, match="shorter"):
        fused([{1: 1.0}, {2: 1.0}], [1.0])


ROWS = st.integers(1, 30)
RANKING = st.dictionaries(ROWS, st.integers(-1_000, 1_000).map(float))
RANKINGS = st.lists(RANKING, min_size=1, max_size=4)


@given(RANKINGS)
def test_fusion_has_every_paper_once_and_looks_at_ranks_only(rankings: list[dict[int, float]]) -> None:
    made = fused(rankings)
    assert set(made) == {row for ranking in rankings for row in ranking}
    stretched = [{row: math.atan(score) * 7 - 100 for row, score in ranking.items()} for ranking in rankings]
    assert fused(stretched) == pytest.approx(made)
    assert all(score <= len(rankings) / (RRF_K + 1) + 1e-12 for score in made.values())


@given(RANKINGS)
def test_the_order_of_equally_weighted_rankings_does_not_matter(rankings: list[dict[int, float]]) -> None:
    assert fused(rankings) == pytest.approx(fused(rankings[::-1]))


@given(RANKINGS, st.integers(31, 40))
def test_a_paper_that_is_first_everywhere_is_first(rankings: list[dict[int, float]], winner: int) -> None:
    assert next(iter(fused([{**ranking, winner: 10_000.0} for ranking in rankings]))) == winner


@given(RANKING, st.lists(ROWS, unique=True))
def test_scores_are_found_by_row_as_in_a_dictionary(ranking: dict[int, float], wanted: list[int]) -> None:
    scored, rows = Scored.pairs(ranking.items()), np.array(wanted, np.int64)
    assert scored.at(rows).tolist() == [ranking.get(row, 0.0) for row in wanted]
    assert scored.lacking(rows).tolist() == [row for row in wanted if row not in ranking]
    best = max(ranking.values(), default=0.0)
    shares = scored.shares()
    assert dict(zip(shares.rows.tolist(), shares.scores.tolist(), strict=True)) == (
        {row: score / best for row, score in ranking.items()} if best > 0 else {}
    )


def test_a_term_counts_by_the_root_of_its_importance_and_one_that_was_not_weighed_as_the_average() -> None:
    words = [Word("quantum", ("quantum",), 0.16), Word("papers", ("paper",), 0.04)]
    weights = by_importance({"quantum": 1, "paper": 2, "late": 1}, words)
    assert weights == pytest.approx({"quantum": 0.4, "paper": 0.4, "late": math.sqrt(0.1)})
    assert by_importance({"late": 3}, []) == {"late": 3.0}
