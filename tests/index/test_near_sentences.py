"""Which sentence of a paper says why it answers a question."""

import json
from collections.abc import Iterator

import pytest

from service.library import Library
from service.settings import Settings
from service.types import Filter

LINK = "Code, pre-trained models and videos are available at https://example.org/page."
ABSTRACT = f"Robots are clumsy. They learn to move their arms from films of people. {LINK}"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("near")
    (folder / "papers.jsonl").write_text(json.dumps({"id": "1", "title": "Robots that watch", "abstract": ABSTRACT}))
    with Library.open(Settings(home=folder / "home")) as opened:
        opened.ingest([folder / "papers.jsonl"])
        yield opened


def nearest(library: Library, question: str) -> str:
    """The sentence of the only paper that is nearest to a question."""
    bench = library.workbench()
    ranking = bench.stores.retriever.rank(question)
    papers = bench.stores.catalog.select(Filter())
    return bench.stores.retriever.near_sentences(ranking, papers)["1"][0].quote.text


def test_a_sentence_that_says_where_the_code_is_answers_only_that(library: Library) -> None:
    assert nearest(library, "robots that learn from videos") != LINK
    assert nearest(library, "where are the code and the videos?") == LINK


def test_the_sentence_nearest_in_meaning_is_first(library: Library) -> None:
    assert nearest(library, "imitating how humans move") == "They learn to move their arms from films of people."
