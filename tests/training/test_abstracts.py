"""Training material: what people might ask of a paper, and never papers that are kept for measuring."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.data import data_folder
from eval.heldout import HELD_OUT_FROM
from eval.questions import sample_papers
from service.text import title_key
from training.abstracts import Abstract, QuestionMaker, abstracts, to_train

_SUBJECTS = ["gradient", "sparse", "optical", "protein", "lattice", "kernel", "auction", "speech", "planar", "thermal"]
PAPERS = [
    Abstract(
        f"{subject.title()} estimation with tempered annealing",
        (
            f"Estimating {subject} quantities is slow.",
            f"We temper the {subject} annealing schedule.",
            f"It halves the {subject} error.",
        ),
        "2026-01-05",
    )
    for subject in _SUBJECTS
]


@given(st.integers(0, 10_000))
def test_questions_are_in_words_of_the_paper_and_the_same_seed_draws_the_same_ones(seed: int) -> None:
    makers = [QuestionMaker(PAPERS, seed) for _ in range(2)]
    for paper in PAPERS:
        asked = makers[0].questions(paper)
        assert asked == makers[1].questions(paper)
        assert asked[0] == paper.title
        assert set(asked[1:3]) < set(paper.sentences)
        assert len(asked) == 6
        known = set(paper.whole.lower().replace(".", "").split())
        for question in asked[3:]:
            assert set(question.lower().replace("?", "").split()) & known


def test_phrases_are_about_something_that_is_not_in_every_paper() -> None:
    # Beside many papers of another subject only what names this one is rare.
    others = [PAPERS[0]._replace(title=f"{PAPERS[0].title} {number}") for number in range(200)]
    asked = QuestionMaker([PAPERS[5], *others], 1).questions(PAPERS[5])
    phrases = [question for question in asked[3:] if question != PAPERS[5].title]
    assert phrases
    assert all("kernel" in phrase for phrase in phrases)


def test_papers_listed_from_the_held_out_month_on_are_not_trained_on() -> None:
    later = PAPERS[0]._replace(listed=f"{HELD_OUT_FROM}-01")
    assert to_train([*PAPERS, later]) == PAPERS


@pytest.mark.skipif(data_folder() is None, reason="the data folder is absent")
def test_no_paper_of_the_sample_pages_is_training_material() -> None:
    sample = {title_key(paper.title) for paper in sample_papers()}
    found = abstracts()
    assert len(found) > 80_000
    assert not any(title_key(paper.title) in sample for paper in found)
