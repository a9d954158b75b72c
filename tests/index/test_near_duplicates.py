"""Papers of nearly one abstract: found when they come in and by the doctor, kept, and never merged."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.index.catalog import Catalog
from service.index.database import Database
from service.index.merge import resemblance, word_triples
from service.index.near_duplicates import NearDuplicates
from service.text import derived_paper_id
from service.types import Filter, Paper
from tests.command_line import paperboy
from tests.sources.test_page import every_sample

WORDS = [f"word{number}" for number in range(200)]
TEXT = " ".join(WORDS)


def paper(title: str, abstract: str, paper_id: str = "") -> Paper:
    return Paper(paper_id=paper_id or derived_paper_id(title), own_id=bool(paper_id), title=title, abstract=abstract)


@pytest.fixture
def catalog() -> Iterator[Catalog]:
    database = Database(Path(":memory:"))
    yield Catalog(database)
    database.close()


def near(catalog: Catalog) -> NearDuplicates:
    return NearDuplicates(catalog._database, catalog)


def test_the_same_paper_under_an_edited_title_is_found_once_and_both_are_kept(catalog: Catalog) -> None:
    catalog.put(paper("Sparse Adapters", TEXT, "1"))
    assert near(catalog).of_new() == ()
    catalog.put(paper("Sparse Adapters Revisited", TEXT.replace("word90 word91", "something else"), "2"))
    (pair,) = near(catalog).of_new()
    assert (pair.first, pair.second, pair.second_title) == ("1", "2", "Sparse Adapters Revisited")
    assert 0.9 < pair.resemblance < 1
    assert near(catalog).of_new() == ()
    assert near(catalog).all_pairs() == (pair,)
    assert catalog.count() == 2


def test_a_changed_abstract_is_looked_at_again(catalog: Catalog) -> None:
    catalog.put(paper("One", TEXT, "1"))
    catalog.put(paper("Two", "another text altogether, with other words in it", "2"))
    assert near(catalog).of_new() == ()
    catalog.put(paper("Two", TEXT, "2"))
    assert [pair.resemblance for pair in near(catalog).of_new()] == [1.0]
    catalog.put(paper("Two", "again another text", "2"))
    assert near(catalog).of_new() == ()
    assert near(catalog).all_pairs() == ()


def test_a_phrase_that_many_abstracts_have_makes_no_pairs(catalog: Catalog) -> None:
    for number in range(200):
        own = " ".join(f"own{number}x{place}" for place in range(40))
        catalog.put(paper(f"Paper {number}", f"in this paper we propose a new method {own}"))
    assert near(catalog).of_new() == ()


def test_the_papers_of_one_short_name_are_no_near_duplicates(catalog: Catalog) -> None:
    for made in every_sample():
        catalog.put(made)
    assert near(catalog).all_pairs() == ()
    titles = [stored.title for stored in catalog.select(Filter())]
    for name in ("EMMA:", "MMRL:", "MMRL++:", "PRE:"):
        assert sum(title.startswith(name) for title in titles) == (2 if name in ("EMMA:", "PRE:") else 1), name


@given(st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_what_resembles_is_found(changed: int) -> None:
    words = list(WORDS)
    for place in range(changed):
        words[place] = f"changed{place}"
    other = " ".join(words)
    database = Database(Path(":memory:"))
    stored = Catalog(database)
    stored.put(paper("One", TEXT, "1"))
    stored.put(paper("Two", other, "2"))
    found = near(stored).of_new()
    database.close()
    exact = resemblance(word_triples(TEXT), word_triples(other))
    assert len(found) == (exact >= 0.6)


def test_an_ingest_and_the_doctor_show_them_and_the_json_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "papers.jsonl"
    file.write_text(
        "".join(
            json.dumps({"id": number, "title": title, "abstract": f"We study it. {TEXT}."}) + "\n"
            for number, title in (("1", "Sparse Adapters"), ("2", "Sparse Adapters Revisited"))
        )
    )
    home = tmp_path / "home"
    done = paperboy(home, "ingest", file)
    assert done.status == 0, done
    assert "nearly the same abstract (100%): 1 “Sparse Adapters” and 2" in " ".join(done.err.split())
    assert "near_duplicates" not in paperboy(home, "ingest", file, "--json").document
    assert "1 and 2 (100%)" in paperboy(home, "doctor", "--json").document["facts"]["near copies"]
