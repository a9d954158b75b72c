"""The project's own questions say what they claim, and a file that does not is refused with the place of the fault."""

import json
from pathlib import Path
from typing import Any

import pytest

from eval.questions import development_questions, own_lists, own_questions
from eval.task_files import TASKS, list_cases, read_tasks, sample_abstracts
from service.errors import InputError

ABSTRACTS = {"Sparse Training": "We train sparsely. It works."}
LIST_CASE: dict[str, Any] = {
    "id": "l1",
    "question": "what is sparse?",
    "why": "2 = sparse",
    "relevant": [{"title": "Sparse Training", "grade": 2, "quote": "train sparsely"}],
}
FACT_CASE: dict[str, Any] = {"id": "a1", "question": "does it work?", "title": "Sparse Training", "answer": "It works"}


@pytest.mark.parametrize("path", sorted(TASKS.glob("*.json")), ids=lambda path: str(path.stem))
def test_every_file_is_valid(path: Path) -> None:
    assert read_tasks(path, sample_abstracts()).cases


def test_a_list_has_three_papers_or_more_and_one_that_is_wholly_about_it() -> None:
    for case in list_cases("lists-1"):
        assert 3 <= len(case.relevant) <= 15
        assert any(paper.grade == 2 for paper in case.relevant)


def test_no_development_question_is_among_them() -> None:
    development = {question.text for question in development_questions()}
    if not development:
        pytest.skip("the development questions are not here")
    assert not development & {question.text for question in [*own_lists(), *own_questions()]}


def _file(folder: Path, name: str, *cases: Any, **changes: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps({"version": 1, "about": "a test", "cases": cases, **changes}))
    return path


@pytest.mark.parametrize(("name", "case"), [("lists-1.json", LIST_CASE), ("answerable-1.json", FACT_CASE)])
def test_a_right_file_is_read(tmp_path: Path, name: str, case: dict[str, Any]) -> None:
    assert [found.id for found in read_tasks(_file(tmp_path, name, case), ABSTRACTS).cases] == [case["id"]]


def _paper(**changes: Any) -> dict[str, Any]:
    return {"relevant": [{**LIST_CASE["relevant"][0], **changes}]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (_paper(title="Dense Training"), "case l1, relevant.0.title: no paper of the sample has the title"),
        (_paper(quote="train densely"), "case l1, relevant.0.quote: “train densely” stands neither"),
        (_paper(grade=3), "case l1, relevant.0.grade: input should be 1 or 2"),
        (_paper(grade="2"), "case l1, relevant.0.grade: input should be 1 or 2"),
        (_paper(qoute="train"), "case l1, relevant.0.qoute: extra inputs are not permitted"),
        ({"relevant": [*LIST_CASE["relevant"]] * 2}, "case l1, relevant: “Sparse Training” stands 2 times"),
        ({"relevant": []}, "case l1, relevant: list should have at least 1 item"),
        ({"why": " "}, "case l1, why: string should match"),
    ],
)
def test_a_fault_in_a_list_is_named_with_file_case_and_field(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as raised:
        read_tasks(_file(tmp_path, "lists-1.json", {**LIST_CASE, **changes}), ABSTRACTS)
    assert str(raised.value).startswith(f"lists-1.json: {message}")
    assert "\n" not in str(raised.value)


def test_faults_of_other_kinds_are_named_too(tmp_path: Path) -> None:
    def fault(path: Path) -> str:
        with pytest.raises(InputError) as raised:
            read_tasks(path, ABSTRACTS)
        return str(raised.value)

    half = {key: value for key, value in FACT_CASE.items() if key != "answer"}
    assert "case a1: title and answer stand together" in fault(_file(tmp_path, "answerable-1.json", half))
    wrong = _file(tmp_path, "answerable-1.json", {**FACT_CASE, "answer": "It fails"})
    assert "case a1, answer: “It fails” stands neither" in fault(wrong)
    twice = _file(tmp_path, "answerable-1.json", FACT_CASE, {**FACT_CASE, "question": "why?"})
    assert "case a1, id: stands 2 times" in fault(twice)
    assert "version: 1, but the name says 2" in fault(_file(tmp_path, "lists-2.json", LIST_CASE))
    assert "version: input should be" in fault(_file(tmp_path, "lists-1.json", LIST_CASE, version=0))
    assert "case number 1, id: field required" in fault(_file(tmp_path, "lists-1.json", {}))
    assert "lists-1.json: case number 1: input should be" in fault(_file(tmp_path, "lists-1.json", 3))
    assert "its name begins with none of lists, answerable" in fault(_file(tmp_path, "others-1.json"))
    (tmp_path / "lists-1.json").write_text("{")
    assert "lists-1.json: cannot be read as JSON" in fault(tmp_path / "lists-1.json")
    (tmp_path / "lists-1.json").write_text("[1]")
    assert "lists-1.json: the file: input should be" in fault(tmp_path / "lists-1.json")
