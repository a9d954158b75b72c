"""Questions about metadata over the sample pages, against a plain loop over what the pages say.

The expectations know nothing of plans, patterns or the catalog: they are read off the parsed pages.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple

import pytest

from eval.questions import sample_papers
from service.library import Library
from service.types import Answer

TODAY = date(2025, 9, 22)
"""A Monday, two days after the newest paper of the pages."""


class Known(NamedTuple):
    """What all pages together say of one paper."""

    title: str
    day: date | None
    authors: int | None
    comments: int | None


def _known() -> list[Known]:
    by_title: dict[str, Known] = {}
    for paper in sample_papers():
        key = re.sub(r"\W+", " ", paper.title.replace("+", " plus ")).strip().lower()
        old = by_title.get(key, Known(paper.title, None, None, None))
        by_title[key] = Known(
            old.title,
            old.day or paper.published,
            old.authors or paper.n_authors,
            paper.comments if old.comments is None else old.comments,
        )
    return list(by_title.values())


PAPERS = _known()


def titles(wanted: Callable[[Known], bool]) -> set[str]:
    return {paper.title for paper in PAPERS if wanted(paper)}


def dated(first: str, last: str) -> set[str]:
    since, until = date.fromisoformat(first), date.fromisoformat(last)
    return titles(lambda paper: paper.day is not None and since <= paper.day <= until)


def with_authors(low: int, high: int = 10**6) -> set[str]:
    return titles(lambda paper: paper.authors is not None and low <= paper.authors <= high)


def best(count: int, key: Callable[[Known], int], among: set[str] | None = None) -> set[str]:
    """The titles of the first papers by a key; papers that tie with the last one are among them."""
    papers = sorted((paper for paper in PAPERS if among is None or paper.title in among), key=key)
    return {paper.title for paper in papers if key(paper) <= key(papers[count - 1])}


def newest(paper: Known) -> int:
    return -paper.day.toordinal() if paper.day else 10**9


def oldest(paper: Known) -> int:
    return paper.day.toordinal() if paper.day else 10**9


def most_authors(paper: Known) -> int:
    return -(paper.authors or 0)


def ask(library: Library, question: str) -> Answer:
    found = library.ask(question, most=100, today=TODAY)
    assert found.kind == "metadata"
    return found


def found_titles(answer: Answer) -> set[str]:
    return {passage.hit.paper.title for passage in answer.passages}


ALL_OF: list[tuple[str, set[str]]] = [
    ("what was published on 27 July 2023?", dated("2023-07-27", "2023-07-27")),
    ("which papers came out in October 2022?", dated("2022-10-01", "2022-10-31")),
    ("papers of 2021", dated("2021-01-01", "2021-12-31")),
    ("list the papers published in Q3 2023", dated("2023-07-01", "2023-09-30")),
    ("papers since June 2025", dated("2025-06-01", "2100-01-01")),
    ("which papers appeared before 2021?", dated("1900-01-01", "2020-12-31")),
    ("papers between March and May 2024", dated("2024-03-01", "2024-05-31")),
    ("everything from the second half of 2022", dated("2022-07-01", "2022-12-31")),
    ("what came out in August?", dated("2025-08-01", "2025-08-31")),
    ("what was published last week?", dated("2025-09-15", "2025-09-21")),
    ("anything from the last three months?", dated((TODAY - timedelta(days=89)).isoformat(), TODAY.isoformat())),
    ("papers from 2020 or earlier", dated("1900-01-01", "2020-12-31")),
    ("which papers have more than 20 authors?", with_authors(21)),
    ("papers with exactly 12 authors", with_authors(12, 12)),
    ("papers by two authors", with_authors(2, 2)),
    ("papers with 15 or more authors", with_authors(15)),
    ("papers with 10 to 12 authors", with_authors(10, 12)),
    ("which papers of 2023 have more than ten authors?", with_authors(11) & dated("2023-01-01", "2023-12-31")),
]

FIRST_OF: list[tuple[str, set[str], int]] = [
    ("what is the newest paper?", best(1, newest), 1),
    ("the three newest papers", best(3, newest), 3),
    ("what is the oldest paper?", best(1, oldest), 1),
    ("oldest paper of 2024", best(1, oldest, dated("2024-01-01", "2024-12-31")), 1),
    ("which paper has the most authors?", best(1, most_authors), 1),
    ("top 5 papers with the most authors", best(5, most_authors), 5),
    ("which paper of 2023 has the most authors?", best(1, most_authors, dated("2023-01-01", "2023-12-31")), 1),
    ("which paper has the most comments?", best(1, lambda paper: -(paper.comments or 0)), 1),
]

NUMBERS: list[tuple[str, int]] = [
    ("how many papers are there?", len(PAPERS)),
    ("how many papers were published in 2023?", len(dated("2023-01-01", "2023-12-31"))),
    ("how many papers since 2024?", len(dated("2024-01-01", "2100-01-01"))),
    ("how many papers have exactly 4 authors?", len(with_authors(4, 4))),
    ("how many papers of 2024 have at least 8 authors?", len(with_authors(8) & dated("2024-01-01", "2024-12-31"))),
]

SAID: list[tuple[str, str]] = [
    ("when was Intern-S1 published?", "published 2025-08-21"),
    ("how many authors does GLM-130B have?", "has 18 authors"),
    ("how many comments does GPTQ have?", "The catalog has no number of comments"),
    ("which of MiniLM and LXMERT is older?", "came after “LXMERT"),
    ("was the original RAG paper listed before or after InstructRetro?", "came before “InstructRetro"),
]


def test_the_pages_say_enough_for_these_questions() -> None:
    assert len(PAPERS) == 426
    assert all(expected for _, expected in ALL_OF)
    assert sum(paper.day is not None for paper in PAPERS) > 150


@pytest.mark.parametrize(("question", "expected"), ALL_OF, ids=[question for question, _ in ALL_OF])
def test_exactly_the_papers_that_fit_are_given(sample: Library, question: str, expected: set[str]) -> None:
    assert found_titles(ask(sample, question)) == expected


@pytest.mark.parametrize(("question", "expected", "count"), FIRST_OF, ids=[row[0] for row in FIRST_OF])
def test_the_first_papers_of_an_order_are_given(
    sample: Library, question: str, expected: set[str], count: int
) -> None:  # fmt: skip
    found = found_titles(ask(sample, question))
    assert len(found) == count
    assert found <= expected


@pytest.mark.parametrize(("question", "number"), NUMBERS, ids=[question for question, _ in NUMBERS])
def test_numbers_of_papers_are_counted(sample: Library, question: str, number: int) -> None:
    assert ask(sample, question).text.startswith(f"{number:,} papers fit")


@pytest.mark.parametrize(("question", "said"), SAID, ids=[question for question, _ in SAID])
def test_what_is_known_of_a_named_paper_is_said(sample: Library, question: str, said: str) -> None:
    assert said in ask(sample, question).text


def test_a_longer_list_says_how_many_papers_there_are(sample: Library) -> None:
    found = sample.ask("papers since 2024", most=20, today=TODAY)
    number = len(dated("2024-01-01", "2100-01-01"))
    assert found.text.startswith(f"{number} papers fit, the first 20 are [1]")
    assert len(found.passages) == 20


def test_a_topic_within_a_time_is_counted_and_each_paper_counted_is_shown(sample: Library) -> None:
    found = ask(sample, "how many papers on pruning since 2024?")
    number = re.match(r"(\d+) papers found on “pruning”", found.text)
    assert number
    assert len(found.passages) == int(number[1]) >= 1
    assert found_titles(found) <= dated("2024-01-01", "2100-01-01")
    assert any("pruning" in passage.hit.paper.abstract.lower() for passage in found.passages)


def test_the_newest_paper_on_what_no_paper_is_about_is_none(sample: Library) -> None:
    found = ask(sample, "what is the newest paper on quantum machine learning?")
    assert found.abstained
    assert "quantum machine learning" in found.text


def test_a_category_that_no_paper_has_is_named(sample: Library) -> None:
    assert ask(sample, "papers in cs.CL").text == "No paper of the catalog is in cs.CL."
    within = sample.ask("cs.CL papers about pruning", mode="extractive", today=TODAY)
    assert within.abstained
    assert within.text.startswith("No paper of the catalog is in cs.CL")
