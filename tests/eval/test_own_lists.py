"""The project's own list questions say what they claim: real papers, verbatim quotes, no development question."""

from collections import Counter

import pytest

from eval.questions import SAMPLE_PAGES, development_questions, own_lists, task_cases
from service.sources import read_path
from service.types import Paper

CASES = task_cases("lists-1")


@pytest.fixture(scope="module")
def abstracts() -> dict[str, str]:
    return {record.title: record.abstract for record in read_path(SAMPLE_PAGES) if isinstance(record, Paper)}


def test_every_judged_paper_is_in_the_sample_and_its_quote_in_the_paper(abstracts: dict[str, str]) -> None:
    for case in CASES:
        for judged in case["relevant"]:
            assert judged["grade"] in (1, 2)
            assert judged["quote"] in f"{judged['title']}\n{abstracts[judged['title']]}", case["id"]


def test_each_question_is_asked_once_and_each_of_its_papers_named_once() -> None:
    assert max(Counter(case["id"] for case in CASES).values()) == 1
    assert max(Counter(case["question"] for case in CASES).values()) == 1
    for case in CASES:
        assert max(Counter(judged["title"] for judged in case["relevant"]).values()) == 1
        assert 3 <= len(case["relevant"]) <= 15
        assert any(judged["grade"] == 2 for judged in case["relevant"])


def test_no_development_question_is_among_them() -> None:
    development = {question.text for question in development_questions()}
    if not development:
        pytest.skip("the development questions are not here")
    assert not development & {question.text for question in own_lists()}
