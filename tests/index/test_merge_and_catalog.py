"""When two records are one paper, what becomes of them, and how the catalog finds papers again."""

import itertools
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.index.catalog import Catalog, Order, Outcome
from service.index.database import Database
from service.index.merge import merge, same_paper, same_text, separate_id
from service.text import derived_paper_id
from service.types import Filter, Paper
from tests.sources.test_page import every_sample

DRIVING = "We drive cars with one large model of roads, signs and other drivers, end to end, without maps."
IMAGES = "Images are generated from prompts of several kinds at once, which no earlier diffusion model allows."


def paper(title: str = "A Title", abstract: str = DRIVING, paper_id: str = "", **values: Any) -> Paper:
    return Paper(
        paper_id=paper_id or derived_paper_id(title), own_id=bool(paper_id), title=title, abstract=abstract, **values
    )


def put(catalog: Catalog, *papers: Paper) -> list[Outcome]:
    return [catalog.put(record)[1] for record in papers]


def titles(catalog: Catalog, condition: Filter | None = None, order: Order = "stored", limit: int = -1) -> list[str]:
    return [found.title for found in catalog.select(condition or Filter(), order, limit)]


# The same paper or another


def test_a_copy_and_a_revision_are_the_same_text_and_another_abstract_is_not() -> None:
    assert same_text(DRIVING, DRIVING)
    assert same_text(DRIVING, DRIVING.replace("without maps", "and without any maps at all"))
    assert not same_text(DRIVING, IMAGES)
    assert same_text("one", "one")
    assert not same_text("one", "two")


def test_ids_of_the_sources_decide_where_both_have_one() -> None:
    assert same_paper(paper("Old title", DRIVING, "1"), paper("New title", IMAGES, "1"))
    assert not same_paper(paper("A Title", DRIVING, "1"), paper("A Title", DRIVING, "2"))


def test_without_two_ids_title_and_abstract_must_agree() -> None:
    assert same_paper(paper("A Title"), paper("a title!"))
    assert same_paper(paper("A Title"), paper("A Title", paper_id="1"))
    assert not same_paper(paper("EMMA"), paper("EMMA", IMAGES))
    assert not same_paper(paper("MMRL"), paper("MMRL++"))


DATES = st.none() | st.dates(date(2019, 1, 1), date(2025, 12, 31))
PAPERS = st.builds(
    # A source gives an id to one paper only.
    lambda title, abstract, has_id, values: paper(title, abstract, (title[0] + abstract[0]) * has_id, **values),
    st.sampled_from(["EMMA", "Emma!", "PRE"]),
    st.sampled_from([DRIVING, DRIVING + " It is fast.", IMAGES]),
    st.booleans(),
    st.fixed_dictionaries(
        {
            "n_authors": st.none() | st.integers(1, 200),
            "published": DATES,
            "listed": DATES,
            "comments": st.none() | st.integers(0, 9),
            "categories": st.sampled_from([(), ("cs.CL",)]),
            "url": st.sampled_from([None, "https://x.org"]),
        }
    ),
).flatmap(lambda made: st.just(made) | st.just(made.model_copy(update={"published_inferred": bool(made.published)})))


@given(PAPERS, PAPERS)
def test_a_text_is_the_same_in_both_directions(first: Paper, second: Paper) -> None:
    assert same_text(first.abstract, second.abstract) == same_text(second.abstract, first.abstract)
    assert same_paper(first, second) == same_paper(second, first)
    assert same_paper(first, first)


@given(PAPERS, PAPERS)
def test_merging_twice_is_merging_once_and_nothing_known_is_forgotten(known: Paper, new: Paper) -> None:
    merged = merge(known, new)
    assert merge(merged, new) == merged
    assert merge(known, known) == known
    for field in ("n_authors", "published", "listed", "categories", "url", "comments"):
        if getattr(known, field) not in (None, ()):
            assert getattr(merged, field) not in (None, ())


def test_metadata_are_gained_whichever_copy_comes_first() -> None:
    plain = paper()
    dated = paper(published=date(2023, 7, 27), n_authors=4, comments=2)
    for known, new in ((plain, dated), (dated, plain)):
        merged = merge(known, new)
        assert (merged.published, merged.n_authors, merged.comments) == (date(2023, 7, 27), 4, 2)


def test_a_printed_date_is_kept_against_an_inferred_one_and_replaces_it() -> None:
    printed = paper(published=date(2023, 7, 27))
    inferred = paper(published=date(2025, 7, 27), published_inferred=True)
    for known, new in ((printed, inferred), (inferred, printed)):
        assert (merge(known, new).published, merge(known, new).published_inferred) == (date(2023, 7, 27), False)


def test_zero_comments_are_a_value() -> None:
    assert merge(paper(comments=3), paper(comments=0)).comments == 0
    assert merge(paper(comments=0), paper()).comments == 0


def test_the_newer_text_is_taken_but_not_that_of_a_list_without_ids_over_the_source_itself() -> None:
    revised = DRIVING + " It is fast."
    assert merge(paper(), paper(abstract=revised)).abstract == revised
    assert merge(paper(paper_id="1"), paper(abstract=revised, paper_id="1")).abstract == revised
    assert merge(paper(paper_id="1"), paper(abstract=revised)).abstract == DRIVING


def test_papers_of_one_title_have_ids_of_their_own() -> None:
    first, second = separate_id(paper("EMMA")), separate_id(paper("EMMA", IMAGES))
    assert len({paper("EMMA").paper_id, first.paper_id, second.paper_id}) == 3
    assert separate_id(paper("EMMA", IMAGES)).paper_id == second.paper_id


# Storing


def test_a_paper_comes_back_as_it_was_stored(catalog: Catalog) -> None:
    made = paper(
        "Ünïcode $\N{GREEK SMALL LETTER ALPHA}$ 'quoted\"", "漢字 \\ % {} 😀", "math.GT/0309136",
        authors=("Émilie", "O'Neil"), n_authors=2, published=date(2024, 1, 2), published_inferred=True,
        listed=date(2024, 1, 3), categories=("cs.LG", "68T45, 62H30"), url="https://x.org/?a='b", comments=0,
        upvotes=7, source="file:1",
    )  # fmt: skip
    catalog.put(made)
    found = catalog.get("math.GT/0309136")
    assert found is not None
    assert found.model_dump(exclude={"row", "stale"}) == made.model_dump()


@given(st.lists(PAPERS, max_size=8))
@settings(max_examples=30, deadline=None)
def test_storing_a_list_again_adds_nothing_and_leaves_the_same_papers(papers: list[Paper]) -> None:
    database = Database(Path(":memory:"))
    catalog = Catalog(database)
    put(catalog, *papers)
    once = catalog.select(Filter())
    assert Outcome.ADDED not in put(catalog, *papers)
    assert catalog.select(Filter()) == once
    database.close()


def test_the_samples_are_426_papers_in_any_order_and_gain_their_metadata(catalog: Catalog) -> None:
    papers = every_sample()
    put(catalog, *papers)
    other = Catalog(Database(Path(":memory:")))
    put(other, *reversed(papers))
    for found in (catalog, other):
        stored = found.select(Filter())
        assert (len(stored), sum(bool(p.published) for p in stored)) == (426, 172)
    assert {p.paper_id for p in catalog.select(Filter())} == {p.paper_id for p in other.select(Filter())}
    assert set(put(catalog, *papers)) == {Outcome.UNCHANGED}


def test_what_storing_did_is_told(catalog: Catalog) -> None:
    assert put(catalog, paper(), paper(), paper(n_authors=3), paper(n_authors=3)) == [
        Outcome.ADDED,
        Outcome.UNCHANGED,
        Outcome.UPDATED,
        Outcome.UNCHANGED,
    ]


def test_two_papers_of_one_title_are_both_kept_and_said_to_be_namesakes(catalog: Catalog) -> None:
    assert catalog.put(paper("EMMA"))[1:] == (Outcome.ADDED, False)
    assert catalog.put(paper("EMMA", IMAGES))[1:] == (Outcome.ADDED, True)
    assert [catalog.put(paper("EMMA", text))[1:] for text in (DRIVING, IMAGES)] == [(Outcome.UNCHANGED, False)] * 2
    assert len({found.paper_id for found in catalog.select(Filter())}) == catalog.count() == 2


def test_two_papers_of_one_title_with_ids_need_no_remark(catalog: Catalog) -> None:
    catalog.put(paper("EMMA", DRIVING, "1"))
    assert catalog.put(paper("EMMA", IMAGES, "2"))[1:] == (Outcome.ADDED, False)
    assert catalog.count() == 2


def test_a_new_version_replaces_title_and_text_of_the_same_id(catalog: Catalog) -> None:
    put(catalog, paper("Old", DRIVING, "1"), paper("New", IMAGES, "1"))
    assert [(found.title, found.abstract) for found in catalog.select(Filter())] == [("New", IMAGES)]


def test_a_paper_that_gains_an_id_from_a_second_source_is_found_by_it(catalog: Catalog) -> None:
    put(catalog, paper("A Title"), paper("A Title", paper_id="2401.00001"))
    assert catalog.count() == 1
    found = catalog.get("2401.00001")
    assert found is not None
    put(catalog, paper("A Better Title", paper_id="2401.00001"))
    assert titles(catalog) == ["A Better Title"]


def test_of_two_papers_with_ids_none_is_lost_in_one_that_had_none(catalog: Catalog) -> None:
    put(catalog, paper("A Title"), paper("A Title", paper_id="1"), paper("A Title", paper_id="2"))
    assert {found.paper_id for found in catalog.select(Filter())} == {"1", "2"}


def test_a_paper_with_an_id_updates_its_own_record_although_one_without_id_has_the_same_title(catalog: Catalog) -> None:
    put(catalog, paper("A Title"), paper("Draft", IMAGES, "1"), paper("A Title", paper_id="1"))
    assert sorted((found.paper_id, found.title) for found in catalog.select(Filter())) == sorted(
        [("1", "A Title"), (derived_paper_id("A Title"), "A Title")]
    )


def test_what_names_a_paper_by_its_old_id_is_made_anew(catalog: Catalog, database: Database) -> None:
    stored = catalog.put(paper())[0]
    with database.transaction() as connection:
        for column in ("vectors_fingerprint", "indexed_fingerprint"):
            catalog.mark(column, [stored.row], "f")
        connection.execute("INSERT INTO summaries (key, paper_id, document) VALUES ('k', ?, '{}')", (stored.paper_id,))
    put(catalog, paper(paper_id="1"))
    assert (catalog.pending("vectors_fingerprint", "f"), catalog.pending("indexed_fingerprint", "f")) == (0, 1)
    assert database.connection.execute("SELECT count(*) FROM summaries").fetchone()[0] == 0


def test_a_changed_text_must_be_embedded_anew_and_changed_metadata_need_not(
    catalog: Catalog, database: Database
) -> None:
    row = catalog.put(paper(paper_id="1"))[0].row
    with database.transaction():
        catalog.mark("vectors_fingerprint", [row], "f")
        catalog.mark("indexed_fingerprint", [row], "f")
    put(catalog, paper(paper_id="1", comments=3))
    assert (catalog.pending("vectors_fingerprint", "f"), catalog.pending("indexed_fingerprint", "f")) == (0, 0)
    assert not catalog.at_rows([row])[row].stale
    put(catalog, paper(paper_id="1", abstract=IMAGES))
    assert (catalog.pending("vectors_fingerprint", "f"), catalog.pending("indexed_fingerprint", "f")) == (1, 1)
    assert catalog.at_rows([row])[row].stale
    assert catalog.indexed_rows("f") == []


def test_papers_of_another_fingerprint_are_pending_and_come_in_batches(catalog: Catalog, database: Database) -> None:
    rows = [catalog.put(paper(f"Title {n}"))[0].row for n in range(7)]
    with database.transaction():
        catalog.mark("vectors_fingerprint", rows[:3], "now")
        catalog.mark("vectors_fingerprint", rows[3:5], "before")
    assert catalog.pending("vectors_fingerprint", "now") == 4
    batches = [[found.row for found in batch] for batch in catalog.batches("vectors_fingerprint", "now", 3)]
    assert batches == [rows[3:6], rows[6:]]
    catalog.unmark_all()
    assert catalog.marked() == 0
    assert catalog.pending("vectors_fingerprint", "now") == 4


# Finding


@pytest.fixture
def filled(catalog: Catalog) -> Catalog:
    put(
        catalog,
        paper("published 2023", published=date(2023, 7, 27), n_authors=5, categories=("cs.CL", "cs.LG")),
        paper("listed 2024", published=date(2020, 1, 1), listed=date(2024, 2, 29), comments=7, categories=("cs.LG",)),
        paper("undated", n_authors=2, comments=0),
        paper("published 2025", published=date(2025, 9, 20), n_authors=175, comments=2, categories=("cs.C",)),
        paper("also 2023", published=date(2023, 7, 27), n_authors=2),
    )
    return catalog


FILTERS = [
    (Filter(), ["published 2023", "listed 2024", "undated", "published 2025", "also 2023"]),
    (Filter(day=date(2023, 7, 27)), ["published 2023", "also 2023"]),
    (Filter(day=date(2020, 1, 1)), []),
    (Filter(day=date(2024, 2, 29)), ["listed 2024"]),
    (Filter(since=date(2024, 2, 29)), ["listed 2024", "published 2025"]),
    (Filter(until=date(2023, 7, 27)), ["published 2023", "also 2023"]),
    (Filter(since=date(2023, 7, 28), until=date(2025, 9, 19)), ["listed 2024"]),
    (Filter(since=date(2025, 1, 1), until=date(2024, 1, 1)), []),
    (Filter(categories=("cs.LG",)), ["published 2023", "listed 2024"]),
    (Filter(categories=("cs.CL", "cs.C")), ["published 2023", "published 2025"]),
    (Filter(categories=("cs",)), []),
    (Filter(categories=("cs.LG",), since=date(2024, 1, 1)), ["listed 2024"]),
    (Filter(paper_ids=()), []),
    (Filter(paper_ids=(derived_paper_id("undated"), "no such id")), ["undated"]),
]


@pytest.mark.parametrize(("condition", "expected"), FILTERS)
def test_a_filter_lets_pass_what_fits_and_its_rows_are_the_same(
    filled: Catalog, condition: Filter, expected: list[str]
) -> None:
    assert titles(filled, condition) == expected
    assert [filled.at_rows([row])[row].title for row in filled.rows(condition)] == expected


ORDERS: list[tuple[Order, list[str]]] = [
    ("stored", ["published 2023", "listed 2024", "undated", "published 2025", "also 2023"]),
    ("newest", ["published 2025", "listed 2024", "published 2023", "also 2023", "undated"]),
    ("oldest", ["published 2023", "also 2023", "listed 2024", "published 2025", "undated"]),
    ("most_authors", ["published 2025", "published 2023", "undated", "also 2023", "listed 2024"]),
    ("fewest_authors", ["undated", "also 2023", "published 2023", "published 2025", "listed 2024"]),
    ("most_comments", ["listed 2024", "published 2025", "undated", "published 2023", "also 2023"]),
]


@pytest.mark.parametrize(("order", "expected"), ORDERS)
def test_papers_are_ordered_and_those_without_the_value_come_last(
    filled: Catalog, order: Order, expected: list[str]
) -> None:
    assert titles(filled, order=order) == expected
    assert titles(filled, order=order, limit=2) == expected[:2]


def test_the_latest_day_is_the_newest_that_has_papers(catalog: Catalog) -> None:
    assert catalog.latest_day() is None
    put(catalog, paper("undated"))
    assert catalog.latest_day() is None
    put(
        catalog, paper("a", listed=date(2024, 1, 1), published=date(2025, 1, 1)), paper("b", published=date(2023, 1, 1))
    )
    assert catalog.latest_day() == date(2024, 1, 1)


def test_more_rows_than_one_query_takes_are_found_at_once(catalog: Catalog) -> None:
    rows = [catalog.put(paper(f"Title {n}"))[0].row for n in range(600)]
    found = catalog.at_rows([*rows, 10**9])
    assert [found[row].title for row in rows] == [f"Title {n}" for n in range(600)]
    assert len(found) == 600
    many = Filter(paper_ids=tuple(derived_paper_id(f"Title {n}") for n in range(0, 600, 6)))
    assert len(catalog.rows(many)) == 100


INJECTIONS = [
    "'; DROP TABLE papers; --", '" OR ""="', "1' OR '1'='1", "%", "_", "\\", "x') --", "robert'); DELETE FROM papers;",
    "json('[]')", "?", ":name",
]  # fmt: skip


@pytest.mark.parametrize("text", INJECTIONS)
def test_text_in_the_form_of_sql_is_text(filled: Catalog, text: str) -> None:
    before = filled.count()
    made = Paper(paper_id=text, own_id=True, title=text, abstract=text, categories=(text,), url=text, authors=(text,))
    assert filled.get(text) is None
    assert titles(filled, Filter(categories=(text,))) == titles(filled, Filter(paper_ids=(text,))) == []
    filled.put(made)
    assert titles(filled, Filter(categories=(text,))) == titles(filled, Filter(paper_ids=(text,))) == [text]
    found = filled.get(text)
    assert found is not None
    assert found.abstract == text
    assert filled.count() == before + 1
    assert filled.put(made)[1] is Outcome.UNCHANGED


def test_ids_and_titles_are_given_in_the_order_stored(filled: Catalog) -> None:
    assert [title for _, title in itertools.islice(filled.titles(), 2)] == ["published 2023", "listed 2024"]
    assert dict(filled.titles())[derived_paper_id("undated")] == "undated"


# Ids, DOIs and versions
