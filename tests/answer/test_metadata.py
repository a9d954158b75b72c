"""Questions about dates, authors and order are answered from the catalog, or it is said what the catalog lacks."""

import json
from collections.abc import Iterator
from datetime import date

import pytest

from service.library import Library
from service.settings import Settings
from service.types import Answer

RECORDS = (
    {
        "id": "2301.00001", "title": "Alpha: a first method", "abstract": "We propose Alpha. It is the first method.",
        "authors": ["Ada Lovelace"], "published": "2023-01-01",
    },
    {
        "id": "2303.00002", "title": "Beta: a second method", "abstract": "We propose Beta. It is the second method.",
        "authors": ["Grace Hopper", "Alan Turing", "Kurt Gödel"], "published": "2023-03-05",
    },
    {
        "id": "2303.00003", "title": "Gamma: a third method", "abstract": "We propose Gamma. It is the third method.",
        "listed": "2023-03-05",
    },
    {"id": "4", "title": "Delta: an undated method", "abstract": "We propose Delta. Nobody knows when."},
)  # fmt: skip


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("metadata")
    (folder / "papers.jsonl").write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    with Library.open(Settings(home=folder / "home")) as opened:
        assert opened.ingest([folder / "papers.jsonl"]).papers == len(RECORDS)
        yield opened


def answer(library: Library, question: str) -> Answer:
    """The answer to a question that needs no model."""
    found = library.ask(question, today=date(2023, 4, 1))
    assert found.kind == "metadata"
    return found


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("when was Alpha published?", "“Alpha: a first method” (published 2023-01-01) [1]"),
        ("when was Gamma published?", "“Gamma: a third method” (listed 2023-03-05) [1]"),
        ("how many authors does Alpha have?", "“Alpha: a first method” has 1 author [1]"),
        ("how many authors does Beta have?", "“Beta: a second method” has 3 authors [1]"),
        ("who wrote Beta?", "“Beta: a second method” is by Grace Hopper, Alan Turing, Kurt Gödel [1]"),
        (
            "was Beta published before or after Alpha?",
            "“Beta: a second method” (published 2023-03-05) came after “Alpha: a first method” (published 2023-01-01) "
            "[1] [2]",
        ),
        (
            "was Beta published before or after Gamma?",
            "“Beta: a second method” (published 2023-03-05) came on the same day as “Gamma: a third method” "
            "(listed 2023-03-05) [1] [2]",
        ),
        (
            "which paper has the most authors?",
            "“Beta: a second method” (published 2023-03-05, by Grace Hopper, Alan Turing, Kurt Gödel) [1]",
        ),
        ("who wrote the oldest paper?", "“Alpha: a first method” (published 2023-01-01, by Ada Lovelace) [1]"),
        ("how many papers are there?", "4 papers fit [1] [2] [3] [4]"),
        ("how many papers have more than 2 authors?", "1 paper fits [1]"),
        ("how many papers were published in January 2023?", "1 paper fits [1]"),
    ],
)
def test_what_the_catalog_knows_is_said_with_the_paper_it_is_about(library: Library, question: str, text: str) -> None:
    assert answer(library, question).text == text


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("when was Delta published?", "The catalog has no date for “Delta: an undated method”."),
        ("how many authors does Gamma have?", "The catalog has no number of authors for “Gamma: a third method”."),
        ("who wrote Delta?", "The catalog has no names of authors for “Delta: an undated method”."),
        (
            "was Delta published before or after Alpha?",
            "The catalog has no date for “Delta: an undated method”.",
        ),
        (
            "what was published on 2 February 2023?",
            "No paper of the catalog fits; the dated papers are from 2023-01-01 to 2023-03-05.",
        ),
    ],
)
def test_what_the_catalog_does_not_know_is_said_and_nothing_is_guessed(
    library: Library, question: str, reason: str
) -> None:
    found = answer(library, question)
    assert found.abstained
    assert (found.text, found.claims, found.passages) == (reason, (), ())


def test_the_papers_of_a_day_are_all_listed_also_those_that_were_listed_then(library: Library) -> None:
    found = answer(library, "what was published on 5 March 2023?")
    assert {passage.hit.paper.paper_id for passage in found.passages} == {"2303.00002", "2303.00003"}


def test_every_claim_from_the_catalog_has_a_verbatim_quote_of_its_paper(library: Library) -> None:
    for question in ("which paper is the newest?", "which papers are the oldest?", "who wrote Alpha?"):
        found = answer(library, question)
        assert found.claims
        abstracts = {passage.hit.paper.paper_id: passage.hit.paper.abstract for passage in found.passages}
        for claim in found.claims:
            assert claim.quotes
            assert all(quote.text in abstracts[quote.paper_id] for quote in claim.quotes)
