"""What speaks for a paper, how many papers a list has, and when the catalog has no answer."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from service.index.relevance import (
    Evidence,
    Judged,
    Scores,
    answerability,
    cut,
    judge,
    most_alike,
    rank_scores,
    read_again,
    scored_rows,
)
from service.index.retrieval import JUDGED, Ranking
from service.index.words import Word, has_word, term_weights
from service.library import Library
from service.types import Filter, QuestionKind

QUESTION = "which papers reduce activation memory?"


class Favouring:
    """A cross-encoder that finds one paper good and all others bad."""

    def __init__(self, title: str) -> None:
        self._title = title

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        assert question == QUESTION
        return [9.0 if text.startswith(self._title) else -9.0 for text in texts]

    def close(self) -> None:
        """Nothing to free."""


def judged(sample: Library, question: str, condition: Filter | None = None) -> tuple[Ranking, list[Judged]]:
    """A ranking, and what was found about the first papers."""
    bench = sample.workbench()
    ranking = bench.stores.retriever.rank(question, condition, every_paper=True)
    return ranking, judge(ranking, bench.stores.catalog, bench.stores.lexical)


def test_the_word_that_carries_the_question_weighs_most(sample: Library) -> None:
    words = judged(sample, "are there results on quantum machine learning?")[0].words
    assert [word.text for word in words] == ["results", "quantum", "machine", "learning"]
    assert max(words, key=lambda word: word.importance).text == "quantum"


def test_every_candidate_is_scored_once_best_first_and_the_judged_ones_lead(sample: Library) -> None:
    ranking, found = judged(sample, QUESTION)
    scored = scored_rows(ranking, found)
    assert sorted(row for row, _ in scored) == sorted(ranking.fused.rows.tolist())
    assert [score for _, score in scored] == sorted((score for _, score in scored), reverse=True)
    assert {row for row, _ in scored[:JUDGED]} == {candidate.row for candidate in ranking.candidates}
    assert all(0 <= score <= 1 for _, score in scored)


WEIGHTS = np.array([0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1])


@given(arrays(np.float64, (7, 6), elements=st.floats(0, 1)), st.integers(0, 6), st.integers(0, 5), st.floats(0, 1))
def test_a_paper_for_which_more_speaks_is_not_ranked_lower(
    features: Scores, paper: int, raised: int, value: float
) -> None:
    better = features.copy()
    better[paper, raised] = max(value, features[paper, raised])
    alike = most_alike(np.eye(7, dtype=np.float32))
    before, after = rank_scores(features, alike, WEIGHTS), rank_scores(better, alike, WEIGHTS)
    assert (before <= after + 1e-9).all()
    assert 0 <= before.min() <= after.max() <= 1 + 1e-9


def test_cosines_below_zero_give_no_score_below_zero() -> None:
    features = np.tile([0.0, -1.0, -1.0, 0.0, 0.0, 0.0], (3, 1))
    assert rank_scores(features, most_alike(np.eye(3, dtype=np.float32)), WEIGHTS).tolist() == [0, 0, 0]


@pytest.mark.parametrize("count", [0, 1, 2, 60])
def test_any_number_of_papers_is_scored_and_none_is_like_itself(count: int) -> None:
    alike = most_alike(np.ones((count, count), np.float32))
    assert all(place not in row for place, row in enumerate(alike.tolist()))
    assert rank_scores(np.full((count, 6), 0.5), alike, WEIGHTS).shape == (count,)


def test_beside_papers_that_answer_a_paper_rises() -> None:
    features = np.zeros((12, 6))
    features[:5] = 1.0
    likeness = np.eye(12, dtype=np.float32)
    likeness[:6, :6] = likeness[6:, 6:] = 0.9
    scores = rank_scores(features, most_alike(likeness), WEIGHTS)
    assert scores[5] > scores[6:].max()


def test_a_cross_encoder_changes_the_order_of_the_papers_that_it_reads(sample: Library) -> None:
    _, found = judged(sample, QUESTION)
    last = found[9].paper.title
    again = read_again(QUESTION, found, Favouring(last))
    assert again[0].paper.title == last
    assert {item.paper.title for item in again} == {item.paper.title for item in found}
    assert [item.relevance for item in again] == sorted((item.relevance for item in again), reverse=True)
    assert all(0 <= item.relevance <= 1 for item in again)


def test_a_paper_without_a_word_of_the_question_says_which_it_lacks(sample: Library) -> None:
    ranking, found = judged(sample, QUESTION)
    assert [word.text for word in ranking.words] == ["papers", "reduce", "activation", "memory"]
    for item in found:
        text = f"{item.paper.title} {item.paper.abstract}".lower()
        assert ("memory" in item.evidence.missing_words) <= ("memory" not in text)
        assert 0 <= item.evidence.coverage <= 1
        assert 0 < item.relevance < 1


def test_nothing_is_judged_where_no_paper_is_allowed(sample: Library) -> None:
    ranking, found = judged(sample, QUESTION, Filter(day=date(1999, 1, 1)))
    assert (found, scored_rows(ranking, found)) == ([], [])


@pytest.mark.parametrize(
    ("terms", "present", "has"),
    [
        (("memori",), {"memori"}, True),
        (("memori",), {"time"}, False),
        (("pretrain", "pre", "train"), {"pretrain"}, True),
        (("pretrain", "pre", "train"), {"pre", "train"}, True),
        (("pretrain", "pre", "train"), {"train"}, False),
    ],
)
def test_a_compound_is_had_joined_or_in_all_its_parts(terms: tuple[str, ...], present: set[str], has: bool) -> None:
    assert has_word(Word("word", terms, 0.1), present) is has


def test_a_term_of_two_words_has_the_greater_weight() -> None:
    words = [Word("pre-train", ("pretrain", "pre", "train"), 0.1), Word("train", ("train",), 0.3)]
    assert term_weights(words) == {"pretrain": 0.1, "pre": 0.1, "train": 0.3}


def evidence(cosine: float, coverage: float, missing: float, *words: str) -> Evidence:
    """Evidence for a paper that is as good as the best."""
    return Evidence(1.0, 3.0, cosine, coverage, missing, words)


@pytest.mark.parametrize("kind", ["list", "factoid", "comparison"])
def test_a_question_is_refused_where_every_good_paper_lacks_its_weightiest_word_and_the_word_is_named(
    kind: QuestionKind,
) -> None:
    words = [Word("quantum", ("quantum",), 0.3), Word("learning", ("learn",), 0.05)]
    lacking = [evidence(0.3, 0.15, 0.86, "quantum"), evidence(0.25, 0.15, 0.86, "quantum", "learning")]
    refused = answerability(words, lacking, kind)
    assert refused.refuse
    assert refused.missing_words == ("quantum",)
    assert not answerability(words, [evidence(0.6, 1.0, 0.0), *lacking], kind).refuse
    assert answerability(words, [], kind).refuse


def test_a_list_in_other_words_than_the_papers_is_answered_and_a_fact_is_not() -> None:
    words = [Word("spoken", ("spoken",), 0.08), Word("text", ("text",), 0.06), Word("noise", ("noise",), 0.06)]
    near = [evidence(0.5, 0.6, 0.4, "spoken")]
    assert not answerability(words, near, "list").refuse
    assert answerability(words, near, "factoid").refuse


def test_things_that_are_compared_may_each_have_a_paper_of_their_own_but_each_must_have_one() -> None:
    words = [Word("LST", ("lst",), 0.2), Word("UniPT", ("unipt",), 0.2), Word("memory", ("memori",), 0.1)]
    one, other = evidence(0.5, 0.6, 0.4, "UniPT"), evidence(0.5, 0.6, 0.4, "LST")
    assert not answerability(words, [one, other], "comparison").refuse
    assert answerability(words, [one, one], "comparison").refuse
    assert answerability(words, [one, other], "factoid").refuse


RELEVANCES = st.lists(st.floats(0.001, 0.999), min_size=1, max_size=25).map(lambda values: sorted(values, reverse=True))


@given(RELEVANCES, st.integers(1, 20))
def test_the_cut_has_the_greatest_expected_f1_of_all_cuts(relevances: list[float], most: int) -> None:
    def expected(count: int) -> float:
        return 2 * sum(relevances[:count]) / (count + sum(relevances))

    chosen = cut(relevances, most)
    assert 1 <= chosen <= min(most, len(relevances))
    assert expected(chosen) == pytest.approx(max(expected(count) for count in range(1, min(most, len(relevances)) + 1)))


def test_clear_cuts_are_found() -> None:
    assert cut([0.9, 0.9, 0.9, 0.01, 0.01], 20) == 3
    assert cut([0.5] * 30, 20) == 20
    assert cut([], 20) == 0
