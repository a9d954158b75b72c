"""Pairs that the embedder is trained on: from one paper, never from papers that are kept for measuring."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.data import data_folder
from eval.heldout import HELD_OUT_FROM
from eval.questions import sample_papers
from service.text import title_key
from training.pairs import Abstract, PairMaker, abstracts, to_train

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


@given(st.integers(0, 10_000), st.integers(1, len(PAPERS)))
def test_query_and_document_are_of_the_paper_that_the_pair_names(seed: int, count: int) -> None:
    pairs = PairMaker(PAPERS, seed).draw(count)
    assert len({pair.source for pair in pairs}) == count
    for pair in pairs:
        paper = PAPERS[pair.source]
        known = set(paper.whole.lower().split())
        assert set(pair.document.lower().split()) <= known
        assert pair.query
        assert pair.document
        shared = set(pair.query.lower().replace("?", "").split()) & known
        assert shared


@given(st.integers(0, 10_000))
def test_the_same_seed_draws_the_same_pairs(seed: int) -> None:
    assert PairMaker(PAPERS, seed).draw(5) == PairMaker(PAPERS, seed).draw(5)


def test_most_sentences_asked_with_are_missing_from_the_document() -> None:
    pairs = [pair for seed in range(40) for pair in PairMaker(PAPERS, seed).draw(len(PAPERS))]
    asked = [pair for pair in pairs if pair.query in PAPERS[pair.source].sentences]
    assert len(asked) > 50
    assert sum(pair.query in pair.document for pair in asked) < 0.3 * len(asked)


def test_phrases_say_a_word_by_its_definition_and_the_abstract_keeps_the_word() -> None:
    said = "what a thing grows from"
    papers = [PAPERS[5], *([PAPERS[0]] * 60)]
    maker = PairMaker(papers, 1, {"kernel": said})
    pairs = [pair for _ in range(200) for pair in maker.draw(len(papers)) if said in pair.query]
    assert len(pairs) > 10
    for pair in pairs:
        assert "kernel" not in pair.query
        assert pair.document == papers[pair.source].whole
        assert "Kernel" in pair.document


def test_papers_listed_from_the_held_out_month_on_are_not_trained_on() -> None:
    later = PAPERS[0]._replace(listed=f"{HELD_OUT_FROM}-01")
    assert to_train([*PAPERS, later]) == PAPERS


@pytest.mark.skipif(data_folder() is None, reason="the data folder is absent")
def test_no_paper_of_the_sample_pages_is_training_material() -> None:
    sample = {title_key(paper.title) for paper in sample_papers()}
    found = abstracts()
    assert len(found) > 80_000
    assert not any(title_key(paper.title) in sample for paper in found)
