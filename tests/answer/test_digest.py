"""A day's papers: which they are, that a stopped digest goes on, and that one bad paper never stops it."""

import dataclasses
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from datetime import date
from pathlib import Path

import pytest

from service.answer import digest
from service.answer.digest import make_digest, papers_of
from service.errors import EmptyCatalogError, EngineError, InputError
from service.index.stores import Stores
from service.library import quietly
from service.ports import Generation, GenerationRequest, OnText, PassageVectors
from service.types import Filter, Paper
from tests.answer.conftest import workbench
from tests.fakes import FakeEmbedder, HeldEngine, ScriptedEngine
from tests.index.small_home import opened, put

MONDAY, TUESDAY = date(2024, 5, 6), date(2024, 5, 7)
PAPERS = (
    Paper(paper_id="a", title="Alpha", abstract="It was slow. We propose Alpha, which is fast.", listed=TUESDAY),
    Paper(paper_id="b", title="Beta", abstract="Big. We propose Beta, which is small.", listed=TUESDAY, upvotes=9),
    Paper(paper_id="c", title="Gamma", abstract="It was dear. We propose Gamma, which is cheap.", listed=MONDAY),
    Paper(paper_id="d", title="Delta", abstract="It was old. We propose Delta, which is new."),
)  # fmt: skip
LATEST = Filter(day=TUESDAY)


class WriterThatFailsOn(ScriptedEngine):
    """Fails on papers of a title, and counts what it writes."""

    def __init__(self, title: str = "nothing") -> None:
        super().__init__()
        self.title = title

    def write(self, request: GenerationRequest) -> Generation:
        """Fail or write."""
        if any(self.title in message.content for message in request.messages):
            raise EngineError("the writer stumbled")
        return super().write(request)


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    with opened(tmp_path / "home", FakeEmbedder()) as made:
        yield made


@pytest.fixture
def filled(stores: Stores) -> Stores:
    put(stores, *PAPERS)
    stores.finish(quietly)
    return stores


class CountingEmbedder(FakeEmbedder):
    """Keeps how many passages it was asked for together."""

    def __init__(self) -> None:
        super().__init__()
        self.together: list[int] = []

    def embed_passages(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        self.together.append(len(passages))
        return super().embed_passages(passages)


def test_the_titles_of_papers_without_a_summary_are_embedded_together(
    filled: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest, "_TITLES", 3)
    embedder = CountingEmbedder()
    bench = dataclasses.replace(workbench(filled, ScriptedEngine()), embedder=embedder)
    everything = Filter(since=date(2000, 1, 1))
    more = [Paper(paper_id=f"m{n}", title=f"Title {n}", abstract="We propose it.", listed=MONDAY) for n in range(4)]
    put(filled, *more)
    filled.finish(quietly)
    make_digest(bench, *papers_of(bench, "", Filter(day=TUESDAY)), "extractive", quietly)
    assert embedder.together == [2]
    made = make_digest(bench, *papers_of(bench, "", everything), "extractive", quietly)
    assert embedder.together == [2, 1, 3, 1]
    assert len(made.summaries) == 7
    # The one prepared last, and one that is not prepared any more.
    for title in ("Delta", "Alpha"):
        assert bench.titles.of(title).tolist() == embedder.embed_query(title).tolist()


def test_a_title_longer_than_the_window_does_not_keep_the_others_from_their_summaries(filled: Stores) -> None:
    class Refusing(FakeEmbedder):
        def embed_passages(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
            raise InputError(f"{len(passages)} passages, one of 999 tokens")

    bench = dataclasses.replace(workbench(filled, ScriptedEngine()), embedder=Refusing())
    made = make_digest(bench, *papers_of(bench, "latest", Filter()), "extractive", quietly)
    assert [summary.title for summary in made.summaries] == ["Beta", "Alpha"]


def test_the_latest_day_has_its_papers_the_most_upvoted_first(filled: Stores) -> None:
    name, papers = papers_of(workbench(filled, ScriptedEngine()), "latest", Filter())
    assert (name, [paper.paper_id for paper in papers]) == ("2024-05-07", ["b", "a"])


def test_a_range_has_the_newest_day_first_and_no_undated_paper(filled: Stores) -> None:
    name, papers = papers_of(workbench(filled, ScriptedEngine()), "", Filter(since=MONDAY))
    assert (name, [paper.paper_id for paper in papers]) == ("2024-05-06/", ["b", "a", "c"])


def test_a_day_without_papers_names_the_newest_that_has_some(filled: Stores) -> None:
    with pytest.raises(InputError, match="2024-05-07"):
        papers_of(workbench(filled, ScriptedEngine()), "", Filter(day=date(1999, 1, 1)))


def test_an_empty_catalog_and_one_without_dates_say_so(stores: Stores) -> None:
    with pytest.raises(EmptyCatalogError, match="paperboy ingest"):
        papers_of(workbench(stores, ScriptedEngine()), "latest", Filter())
    put(stores, PAPERS[3])
    with pytest.raises(InputError, match="no paper of the catalog has a date"):
        papers_of(workbench(stores, ScriptedEngine()), "latest", Filter())


def test_one_bad_paper_is_listed_and_the_others_are_summarized(filled: Stores) -> None:
    made = workbench(filled, WriterThatFailsOn("Beta"))
    name, papers = papers_of(made, "latest", Filter())
    seen: list[tuple[str, int, int]] = []
    digest = make_digest(made, name, papers, "quotes", lambda *step: seen.append(step))
    assert [summary.paper_id for summary in digest.summaries] == ["a"]
    assert [(failure.where, failure.reason) for failure in digest.failures] == [("b “Beta”", "the writer stumbled")]
    assert seen == [("summarizing", 1, 2), ("summarizing", 2, 2)]


def test_a_digest_made_again_writes_only_what_is_missing(filled: Stores) -> None:
    first = workbench(filled, WriterThatFailsOn("Beta"))
    name, papers = papers_of(first, "latest", Filter())
    make_digest(first, name, papers, "quotes", quietly)
    writer = WriterThatFailsOn()
    digest = make_digest(workbench(filled, writer), name, papers, "quotes", quietly)
    assert [summary.paper_id for summary in digest.summaries] == ["b", "a"]
    assert len(writer.requests) == 1
    assert digest.failures == ()


def test_a_digest_that_was_stopped_keeps_what_was_written(filled: Stores) -> None:
    writer = WriterThatFailsOn()
    made = workbench(filled, writer)
    name, papers = papers_of(made, "latest", Filter())

    def stop_after_one(_what: str, done: int, _total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_digest(made, name, papers, "quotes", stop_after_one)
    assert len(writer.requests) == 1
    assert len(make_digest(made, name, papers, "quotes", quietly).summaries) == 2
    assert len(writer.requests) == 2


def test_another_mode_is_another_summary(filled: Stores) -> None:
    writer = WriterThatFailsOn()
    made = workbench(filled, writer)
    name, papers = papers_of(made, "latest", LATEST)
    make_digest(made, name, papers, "quotes", quietly)
    digest = make_digest(made, name, papers, "extractive", quietly)
    assert {summary.provenance.mode for summary in digest.summaries} == {"extractive"}
    assert len(writer.requests) == 2


def test_summaries_have_the_order_of_the_papers_in_whatever_order_they_are_written(filled: Stores) -> None:
    class Backwards(HeldEngine):
        def submit(self, request: GenerationRequest, on_text: OnText | None = None) -> Future[Generation]:
            future = super().submit(request, on_text)
            if len(self.futures) == 2:
                self.answer(1)
                self.answer(0)
            return future

    made = workbench(filled, Backwards())
    name, papers = papers_of(made, "latest", Filter())
    seen: list[tuple[str, int, int]] = []
    digest = make_digest(made, name, papers, "free", lambda *step: seen.append(step))
    assert [summary.paper_id for summary in digest.summaries] == ["b", "a"]
    assert seen == [("summarizing", 1, 2), ("summarizing", 2, 2)]


def test_a_paper_that_changed_is_summarized_anew(filled: Stores) -> None:
    writer = WriterThatFailsOn()
    made = workbench(filled, writer)
    name, papers = papers_of(made, "latest", Filter())
    make_digest(made, name, papers, "quotes", quietly)
    changed = [paper.model_copy(update={"abstract": f"{paper.abstract} It is new."}) for paper in papers]
    make_digest(made, name, [papers[0], changed[1]], "quotes", quietly)
    assert len(writer.requests) == 3


def test_papers_that_differ_in_their_id_only_have_summaries_of_their_own(filled: Stores) -> None:
    twin = PAPERS[0].model_copy(update={"paper_id": "a2", "own_id": True})
    put(filled, PAPERS[0].model_copy(update={"own_id": True}), twin)
    filled.finish(quietly)
    made = workbench(filled, WriterThatFailsOn())
    name, papers = papers_of(made, "latest", Filter())
    digest = make_digest(made, name, papers, "quotes", quietly)
    assert [summary.paper_id for summary in digest.summaries] == [paper.paper_id for paper in papers]
