"""Saved questions: what is found is new once, and feeds are what feed readers take."""

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from service.answer.feeds import to_atom_feed, to_json_feed
from service.answer.watching import Feed, Found, look_after, looked_after, save
from service.answer.workbench import Workbench
from service.errors import InputError
from service.index.stores import Stores
from service.index.watches import Watch, Watches
from service.library import quietly
from service.types import Paper
from tests.answer.conftest import PAPERS, workbench
from tests.answer.editions import paper
from tests.fakes import FakeEmbedder, ScriptedEngine
from tests.index.small_home import opened, put

QUESTION = "which papers reduce activation memory?"
ATOM = "{http://www.w3.org/2005/Atom}"
KNOWN = [Paper(paper_id=title[:5], own_id=True, title=title, abstract=text) for title, text in PAPERS.items()]
LATER = Paper(
    paper_id="delta", own_id=True, title="Delta: Activation Memory", abstract="Delta reduces activation memory by 10%."
)


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    with opened(tmp_path / "home", FakeEmbedder()) as made:
        put(made, *KNOWN)
        made.finish(quietly)
        yield made


@pytest.fixture
def bench(stores: Stores) -> Workbench:
    return workbench(stores, ScriptedEngine())


def new(feed: Feed) -> set[str]:
    return {found.paper.paper_id for found in feed.papers if found.new}


def test_what_a_question_finds_is_new_once_and_what_comes_later_is_new_then(bench: Workbench, stores: Stores) -> None:
    save(bench, QUESTION)
    (first,) = looked_after(bench)
    assert {"Alpha", "Gamma"} <= new(first)
    (second,) = looked_after(bench)
    assert new(second) == set()
    assert {found.paper.paper_id for found in second.papers} == {found.paper.paper_id for found in first.papers}
    put(stores, LATER)
    stores.finish(quietly)
    assert new(look_after(bench, second.watch)) == {"delta"}, "a feed of the service tells the command line nothing"
    (third,) = looked_after(bench)
    assert new(third) == {"delta"}
    (delta,) = (found for found in third.papers if found.new)
    assert delta.quote in LATER.abstract


def test_a_question_is_saved_once_and_forgotten_with_what_it_found(bench: Workbench, stores: Stores) -> None:
    watches = Watches(stores.database)
    watch = save(bench, QUESTION)
    assert save(bench, QUESTION) == watch
    looked_after(bench)
    assert watches.matches(watch.number)
    assert watches.remove(watch.number)
    assert not watches.remove(watch.number)
    assert watches.all() == []
    assert watches.matches(watch.number) == []


def test_a_question_that_nothing_answers_has_an_empty_feed(bench: Workbench) -> None:
    save(bench, "which papers are about bees in winter?")
    (feed,) = looked_after(bench)
    assert feed.papers == ()
    assert ElementTree.fromstring(to_atom_feed(feed)).findtext(f"{ATOM}updated") == feed.watch.saved  # noqa: S314


@pytest.mark.parametrize(
    "question", ["", "the of and", "how many papers are there?", "what is the newest paper?", "x" * 3_000]
)
def test_what_asks_for_no_papers_on_a_subject_is_not_saved(bench: Workbench, question: str) -> None:
    with pytest.raises(InputError):
        save(bench, question)
    assert Watches(bench.stores.database).all() == []


HOSTILE = ["<script>alert(1)</script>", "]]>&amp;<x", "a\x00\x0bb\ufffe", "\u202eevil", '","x":"']


@pytest.mark.parametrize("text", HOSTILE)
def test_feeds_are_documents_with_the_text_as_it_is(text: str) -> None:
    one = paper(text or "t", "https://x.org/?a=1&b=2")
    feed = Feed(
        Watch(3, text, "2026-01-01T00:00:00+00:00"), (Found(one, text, 0.5, "2026-01-02T00:00:00+00:00", True),)
    )
    root = ElementTree.fromstring(to_atom_feed(feed))  # noqa: S314 - what it reads was written here
    (entry,) = root.findall(f"{ATOM}entry")
    assert {element.tag.removeprefix(ATOM) for element in entry} == {"id", "title", "updated", "summary", "link"}
    assert root.findtext(f"{ATOM}id") == "urn:paperboy:watch-3"
    if text.isprintable():
        assert root.findtext(f"{ATOM}title") == entry.findtext(f"{ATOM}title") == text
    document = json.loads(to_json_feed(feed))
    assert (document["version"], document["title"]) == ("https://jsonfeed.org/version/1.1", text)
    (item,) = document["items"]
    assert (item["title"], item["url"], item["date_published"]) == (text, one.url, "2026-01-02T00:00:00+00:00")


def test_a_feed_quotes_from_where_a_sentence_says_something() -> None:
    found = Found(paper("t"), "To this end, we propose Quick, a method.", 0.5, "2026-01-02T00:00:00+00:00", True)
    feed = Feed(Watch(3, QUESTION, "2026-01-01T00:00:00+00:00"), (found,))
    for document in (to_atom_feed(feed), to_json_feed(feed)):
        assert "“we propose Quick, a method.”" in document
