"""What the writer is trained on: answers that stand in their prefix, with the marker of their passage."""

import pytest

from eval.data import data_folder
from service.answer.write import SENTINEL
from training.abstracts import Abstract
from training.writer_tasks import TaskMaker, best_sentence, without_tldr_papers

pytestmark = pytest.mark.skipif(data_folder() is None, reason="the data folder is absent")
_SUBJECTS = (
    "gradient sparse optical protein lattice kernel auction speech planar thermal robotic causal spectral musical"
)
_VERBS = ("temper", "prune", "distill", "quantize")
PAPERS = [
    Abstract(
        f"{subject.title()} estimation with annealing",
        (
            f"Estimating {subject} quantities is slow in most practical settings.",
            f"We propose to {_VERBS[place % len(_VERBS)]} the {subject} annealing schedule.",
            f"Experiments show that it halves the {subject} error to 3%.",
        ),
        "2026-01-05",
    )
    for place, subject in enumerate(_SUBJECTS.split())
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
            if group.kind in {"question", "list", "day"} and answer.chosen:
                for sentence, marker in zip(answer.pieces[::2], answer.pieces[1::2], strict=True):
                    assert f"{sentence} {marker}" in group.prefix
    assert kinds == {"paper", "question", "list", "day", "tldr"}


def test_a_list_names_each_passage_that_has_the_word_once_and_in_order() -> None:
    maker = TaskMaker(PAPERS, 5)
    lists = [group for group in (maker.draw() for _ in range(200)) if group.kind == "list"]
    assert lists
    for group in lists:
        question, *lines = group.prefix.splitlines()
        word = question.split()[-1].rstrip("?")
        said = [int(marker[1:-1]) for marker in group.answers[0].pieces[1::2]]
        assert said == sorted(set(said))
        assert said == [place for place, line in enumerate(lines, start=1) if word in line.lower()]


def test_a_field_that_no_sentence_has_is_none() -> None:
    maker = TaskMaker(PAPERS, 6)
    papers = [group for group in (maker.draw() for _ in range(100)) if group.kind == "paper"]
    fields = {answer.question: answer for group in papers for answer in group.answers}
    assert fields["Name the numbers."].pieces[0].endswith("to 3%.")
    assert fields["Name the problem."].pieces == ("None.",)


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
