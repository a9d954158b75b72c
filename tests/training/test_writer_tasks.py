"""What the writer is trained on: answers that stand in their prefix, with the marker of their passage."""

import pytest

from eval.data import data_folder
from service.answer.write import SENTINEL
from training.pairs import Abstract
from training.writer_tasks import TaskMaker, best_sentence, without_tldr_papers

pytestmark = pytest.mark.skipif(data_folder() is None, reason="the data folder is absent")
_SUBJECTS = ["gradient", "sparse", "optical", "protein", "lattice", "kernel", "auction", "speech", "planar", "thermal"]
PAPERS = [
    Abstract(
        f"{subject.title()} estimation with tempered annealing",
        (
            f"Estimating {subject} quantities is slow in most practical settings.",
            f"We propose to temper the {subject} annealing schedule.",
            f"Experiments show that it halves the {subject} error to 3%.",
        ),
        "2026-01-05",
    )
    for subject in _SUBJECTS
]


def test_every_chosen_sentence_stands_in_the_prefix_and_has_the_marker_of_its_passage() -> None:
    maker = TaskMaker(PAPERS, 3)
    kinds = set()
    for _ in range(200):
        group = maker.draw()
        kinds.add(group.kind)
        for answer in group.answers:
            if answer.chosen:
                sentences = [piece for piece in answer.pieces if not piece.startswith("[")]
                assert all(sentence in group.prefix for sentence in sentences)
            if group.kind == "question" and answer.chosen:
                assert f"{answer.pieces[0]} {answer.pieces[1]}" in group.prefix
    assert kinds == {"paper", "question", "tldr"}


def test_a_question_about_no_passage_is_answered_by_the_sentinel() -> None:
    maker = TaskMaker(PAPERS, 4)
    groups = [group for group in (maker.draw() for _ in range(300)) if group.kind == "question"]
    unanswered = [group for group in groups if not group.answers[0].chosen]
    assert 0.02 * len(groups) < len(unanswered) < 0.25 * len(groups)
    assert all(group.answers[0].pieces == (SENTINEL,) for group in unanswered)


def test_the_sentence_that_says_what_is_proposed_is_the_best() -> None:
    assert best_sentence(PAPERS[0].title, PAPERS[0].sentences) == PAPERS[0].sentences[1]


def test_papers_that_stand_in_the_development_set_of_scitldr_are_left_out() -> None:
    from eval.data import read_lines

    record = next(iter(read_lines("scitldr", "dev.jsonl")))
    retitled = Abstract("Another title", tuple(record["source"]), "2026-01-05")
    assert without_tldr_papers([*PAPERS, retitled]) == PAPERS
