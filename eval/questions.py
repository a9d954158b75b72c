"""The questions: the development set, where it is there, and the project's own."""

import json
from typing import NamedTuple

from eval.data import data_folder
from eval.task_files import SAMPLE_PAGES, fact_cases, list_cases
from service.sources import read_path
from service.types import Paper

__all__ = ["SAMPLE_PAGES", "Question", "development_questions", "own_lists", "own_questions", "sample_papers"]


def sample_papers() -> list[Paper]:
    """The papers of the sample pages, as often as they stand there."""
    return [paper for page in sorted(SAMPLE_PAGES.iterdir()) for paper in read_path(page) if isinstance(paper, Paper)]


class Question(NamedTuple):
    """A question over the sample pages with what is known of its answer."""

    id: str
    kind: str
    """list, factoid, comparison, metadata or unanswerable."""
    text: str
    grades: dict[str, int]
    """Relevance by title."""
    support: tuple[str, ...]
    """Verbatim spans that answer it."""


def development_questions() -> list[Question]:
    """The 29 judged questions; empty where the data folder is absent."""
    folder = data_folder()
    path = folder / "questions-dev.json" if folder else None
    if path is None or not path.exists():
        return []
    return [
        Question(
            record["qid"],
            record["type"],
            record["question"],
            {paper["title"]: paper["grade"] for paper in record["relevant"]},
            tuple(span["quote"] for span in record["support"]),
        )
        for record in json.loads(path.read_text(encoding="utf-8"))
    ]


def own_questions() -> list[Question]:
    """The project's own questions with and without an answer."""
    return [
        Question(case.id, "factoid", case.question, {case.title: 2}, (case.answer,))
        if case.title and case.answer
        else Question(case.id, "unanswerable", case.question, {}, ())
        for case in fact_cases("answerable-1")
    ]


def own_lists() -> list[Question]:
    """The project's own list questions, judged by full reading of the sample pages."""
    return [
        Question(case.id, "own list", case.question, {paper.title: paper.grade for paper in case.relevant}, ())
        for case in list_cases("lists-1")
    ]
