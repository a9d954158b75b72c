"""Versions, DOIs and ids of several sources: which text stays, and what is one paper."""

import itertools
from pathlib import Path

from service.index.catalog import Catalog, Outcome
from service.index.database import Database
from service.index.merge import merge, same_paper
from service.types import Filter
from tests.index.test_merge_and_catalog import DRIVING, IMAGES, paper, put, titles


def test_a_newer_version_replaces_the_text_and_an_older_one_only_adds_what_was_unknown() -> None:
    second = paper("Second", IMAGES, "2404.12345", version=2, categories=("cs.CL",))
    first = paper("First", DRIVING, "2404.12345", version=1, categories=("cs.LG",), n_authors=3)
    for known, new in ((second, first), (first, second)):
        merged = merge(known, new)
        assert (merged.title, merged.abstract, merged.version) == ("Second", IMAGES, 2)
        assert merged.categories == ("cs.CL",)
        assert merged.n_authors == 3
        assert merge(merged, new) == merged


def test_a_text_without_a_version_does_not_replace_a_numbered_one_and_its_upvotes_count() -> None:
    numbered = paper("A Title", DRIVING, "2404.12345", version=2, upvotes=1)
    listed = paper("A Title", IMAGES, "2404.12345", upvotes=9)
    assert (merge(numbered, listed).abstract, merge(numbered, listed).upvotes) == (DRIVING, 9)
    assert merge(listed, numbered).abstract == DRIVING


def test_the_original_is_replaced_with_the_text_that_was_made_of_it() -> None:
    first = paper("α", DRIVING, "1", version=1, original_title=r"$\alpha$", original_abstract="old")  # noqa: RUF001
    assert merge(first, paper("beta", IMAGES, "1", version=2)).original_abstract is None


def test_a_doi_joins_records_of_different_schemes_whatever_their_titles() -> None:
    arxiv = paper("A Title", DRIVING, "2404.12345", doi="10.1000/abc", version=1)
    journal = paper("A Title, Extended", IMAGES, "10.1000/abc", doi="10.1000/abc")
    assert same_paper(arxiv, journal)
    assert same_paper(journal, arxiv)
    for known, new in ((arxiv, journal), (journal, arxiv)):
        merged = merge(known, new)
        assert (merged.paper_id, merged.abstract, merged.doi) == ("2404.12345", DRIVING, "10.1000/abc")


def test_different_dois_are_different_papers_and_without_them_title_and_abstract_decide() -> None:
    assert not same_paper(paper(paper_id="2404.1", doi="10.1000/a"), paper(paper_id="10.1000/b", doi="10.1000/b"))
    assert same_paper(paper(paper_id="2404.12345"), paper(paper_id="10.1000/b", doi="10.1000/b"))
    assert not same_paper(paper(paper_id="2404.12345"), paper("Other", paper_id="10.1000/b", doi="10.1000/b"))


def test_a_paper_of_three_sources_is_one_row_in_any_order() -> None:
    records = [
        paper("A Title", DRIVING, "2404.12345", version=2, doi="10.1000/abc"),
        paper("A Title: Extended", IMAGES, "10.1000/abc", doi="10.1000/abc", n_authors=4),
        paper("A Title", DRIVING, upvotes=7),
    ]
    stored = set()
    for order in itertools.permutations(records):
        database = Database(Path(":memory:"))
        found = Catalog(database)
        put(found, *order)
        if found.count() == 1:
            (row,) = found.select(Filter())
            stored.add((row.paper_id, row.title, row.abstract, row.version, row.doi, row.n_authors, row.upvotes))
        else:
            # The journal's text came first, and a list without ids has nothing in common with it but later rows have.
            assert order[0].doi != records[0].doi or order.index(records[2]) < order.index(records[0])
        assert Outcome.ADDED not in put(found, *order)
        database.close()
    assert stored == {("2404.12345", "A Title", DRIVING, 2, "10.1000/abc", 4, 7)}


def test_storing_an_arxiv_paper_in_the_order_of_its_versions_or_against_it_is_the_same(catalog: Catalog) -> None:
    versions = [paper(f"Title {n}", f"{DRIVING} {n}", "2404.12345", version=n) for n in (3, 1, 2)]
    assert put(catalog, *versions) == [Outcome.ADDED, Outcome.UNCHANGED, Outcome.UNCHANGED]
    assert titles(catalog) == ["Title 3"]
