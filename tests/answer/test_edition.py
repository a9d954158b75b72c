"""A digest as its reader gets it: topics, order, reasons, what is new, and an opening that quotes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.answer.digest import make_digest, papers_of
from service.answer.edition import Edition, make_edition
from service.index.reader import Looks, Opinions
from service.index.stores import Stores
from service.library import quietly
from service.types import Filter, Paper
from tests.answer.conftest import workbench
from tests.answer.test_digest import TUESDAY
from tests.fakes import FakeEmbedder, ScriptedEngine
from tests.index.small_home import opened, put

SUBJECTS = {
    "memory": "adapters reversible activation memory gradients checkpoint",
    "speech": "speech phoneme acoustic microphone prosody voices",
    "proteins": "proteins folding residues enzymes amino ligands",
}


def papers(each: int = 5) -> list[Paper]:
    return [
        Paper(
            paper_id=f"{subject}{number}",
            own_id=True,
            title=f"Study {number} of {words}",
            abstract=f"Hard. We propose {subject.title()}{number}, of {words}. It cuts {words} by {number + 11}%.",
            listed=TUESDAY,
        )
        for subject, words in SUBJECTS.items()
        for number in range(each)
    ]


def others(count: int = 200) -> list[Paper]:
    """Papers on all sorts of things, of no day: what interests are told apart from."""
    return [
        Paper(
            paper_id=f"other{number}", own_id=True, title=f"Thing {number}", abstract=f"A{number} b{number} c{number}."
        )
        for number in range(count)
    ]


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    with opened(tmp_path / "home", FakeEmbedder()) as made:
        yield made


def of_day(stores: Stores, *interests: str) -> Edition:
    stores.finish(quietly)
    bench = workbench(stores, ScriptedEngine())
    name, found = papers_of(bench, "latest", Filter())
    digest = make_digest(bench, name, found, "extractive", quietly)
    return make_edition(bench, digest, {paper.paper_id: paper for paper in found}, interests)


def subject_of(paper_id: str) -> str:
    return paper_id.rstrip("0123456789")


def test_papers_are_grouped_by_what_they_are_about_and_each_is_there_once(stores: Stores) -> None:
    put(stores, *papers())
    made = of_day(stores)
    assert sorted(entry.paper.paper_id for entry in made.entries) == sorted(paper.paper_id for paper in papers())
    for section in made.sections:
        assert len({subject_of(entry.paper.paper_id) for entry in section.entries}) == 1
        assert section.terms


def test_a_topic_of_interest_comes_first_and_says_so(stores: Stores) -> None:
    put(stores, *papers(), *others())
    made = of_day(stores, "speech phoneme acoustic")
    assert subject_of(made.entries[0].paper.paper_id) == "speech"
    assert made.entries[0].reason == "on your topic “speech phoneme acoustic”"
    assert {entry.reason for entry in made.entries if subject_of(entry.paper.paper_id) != "speech"} == {""}


def test_papers_like_a_liked_one_come_first_and_like_a_disliked_one_last(stores: Stores) -> None:
    rows = put(stores, *papers(), *others())
    opinions = Opinions(stores.database)
    opinions.put(rows[11], liked=True)
    opinions.put(rows[0], liked=False)
    made = of_day(stores)
    order = list(dict.fromkeys(subject_of(entry.paper.paper_id) for entry in made.entries))
    assert (order[0], order[-1]) == ("proteins", "memory")
    assert any(entry.reason.startswith("like “Study 1 of proteins") for entry in made.sections[0].entries)
    assert opinions.forget(rows[11])
    assert not opinions.forget(rows[11])
    assert {entry.reason for entry in of_day(stores).entries} == {""}


def test_without_interests_the_votes_of_the_source_decide(stores: Stores) -> None:
    voted = [paper.model_copy(update={"upvotes": 40 if paper.paper_id == "proteins3" else 2}) for paper in papers()]
    put(stores, *voted)
    made = of_day(stores)
    assert (made.entries[0].paper.paper_id, made.entries[0].reason) == ("proteins3", "40 upvotes")


def test_few_papers_are_not_grouped(stores: Stores) -> None:
    put(stores, *papers(2))
    made = of_day(stores)
    assert [section.terms for section in made.sections] == [()]
    assert made.opening == ()


def test_the_opening_quotes_a_paper_of_each_large_group_word_for_word(stores: Stores) -> None:
    put(stores, *papers())
    made = of_day(stores)
    assert len(made.opening) == len(made.cited) >= 2
    for number, (said, paper) in enumerate(zip(made.opening, made.cited, strict=True), start=1):
        assert said.claim.citations == (number,)
        assert said.claim.verdict == "supported"
        assert said.claim.text in paper.abstract
        of_section = [[entry.paper.paper_id for entry in section.entries] for section in made.sections]
        (its_own,) = [ids for ids in of_section if paper.paper_id in ids]
        assert said.papers == len(its_own)


def test_the_opening_quotes_from_where_a_sentence_says_something(stores: Stores) -> None:
    leading = [paper.model_copy(update={"abstract": f"To this end, {paper.abstract[6:]}"}) for paper in papers()]
    put(stores, *leading)
    made = of_day(stores)
    assert made.opening
    for said, paper in zip(made.opening, made.cited, strict=True):
        assert said.claim.text in paper.abstract
        assert not said.claim.text.startswith("To this end")


def test_a_summary_that_does_not_stand_in_the_abstract_is_not_quoted(stores: Stores) -> None:
    put(stores, *papers())
    stores.finish(quietly)
    bench = workbench(stores, ScriptedEngine())
    name, found = papers_of(bench, "latest", Filter())
    digest = make_digest(bench, name, found, "extractive", quietly)
    changed = {paper.paper_id: paper.model_copy(update={"abstract": f"It is new. {paper.abstract}"}) for paper in found}
    assert make_edition(bench, digest, changed).opening == ()


def test_what_came_after_the_last_look_of_a_reader_is_new_to_that_reader(stores: Stores) -> None:
    first, *rest = papers()
    put(stores, first)
    looks = Looks(stores.database)
    looks.put("ann", of_day(stores).newest_row)
    put(stores, *rest)
    made = of_day(stores)
    assert made._replace(seen_until=looks.newest_row("ann")).new == {paper.paper_id for paper in rest}
    assert made._replace(seen_until=looks.newest_row("bob")).new == frozenset()
    looks.put("ann", made.newest_row)
    assert made._replace(seen_until=looks.newest_row("ann")).new == frozenset()


def test_a_paper_that_is_not_in_the_catalog_any_more_is_told_all_the_same(stores: Stores) -> None:
    put(stores, *papers())
    stores.finish(quietly)
    bench = workbench(stores, ScriptedEngine())
    name, found = papers_of(bench, "latest", Filter())
    digest = make_digest(bench, name, found, "extractive", quietly)
    known: dict[str, Paper] = {paper.paper_id: paper for paper in found}
    known["memory0"] = Paper(paper_id="memory0", title="Gone", abstract="Gone.")
    made = make_edition(bench, digest, known, ["speech"])
    assert [entry.paper.paper_id for entry in made.sections[-1].entries] == ["memory0"] or len(made.entries) == 15
    assert len(made.entries) == 15
