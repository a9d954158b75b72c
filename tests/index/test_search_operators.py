"""Search with operators over the sample pages: what it narrows to, what it orders by, what it refuses."""

from datetime import date

import pytest

from service.errors import InputError
from service.library import Library
from service.types import Filter


def texts(library: Library, query: str, k: int = 50) -> list[str]:
    return [f"{hit.paper.title} {hit.paper.abstract}".lower() for hit in library.search(query, k)]


def test_a_phrase_is_in_every_paper_that_is_found(sample: Library) -> None:
    found = texts(sample, '"activation memory"')
    assert found
    assert all("activation memory" in text or "activation memories" in text for text in found)
    assert 0 < len(texts(sample, '"activation memory" adapters')) == len(found)


def test_a_word_of_the_title_is_in_the_title_of_every_paper_that_is_found(sample: Library) -> None:
    found = sample.search("title:distillation language models", 20)
    assert found
    assert all("distill" in hit.paper.title.lower() for hit in found)


def test_what_no_paper_has_finds_nothing(sample: Library) -> None:
    assert sample.search('"colourless green ideas sleep furiously"') == []
    assert sample.search("memory author:nobodyofthisname") == []


def test_the_beginning_of_a_word_is_in_every_paper_that_is_found(sample: Library) -> None:
    found = texts(sample, "quantiz* memory")
    assert found
    assert all("quantiz" in text for text in found)


def test_days_of_the_query_mean_what_the_options_mean(sample: Library) -> None:
    newest = sample.search("models", 1)[0].paper.day or date(2024, 1, 1)
    since, until = date(newest.year, 1, 1), newest
    by_option = sample.search("models", 20, Filter(since=since, until=until))
    assert [hit.paper for hit in by_option] == [
        hit.paper for hit in sample.search(f"models since:{newest.year} until:{until}", 20)
    ]
    assert all(hit.paper.day and since <= hit.paper.day <= until for hit in by_option)


def test_a_query_that_only_narrows_gives_the_newest_papers(sample: Library) -> None:
    found = sample.search("since:2000", 30)
    days = [hit.paper.day for hit in found if hit.paper.day]
    assert len(days) == len(found) == 30
    assert days == sorted(days, reverse=True)
    assert all(hit.paper.abstract[hit.quote.start : hit.quote.end] == hit.quote.text for hit in found)


@pytest.mark.parametrize("query", ["memory since:2024-02-30", "until:soon"])
def test_a_date_that_is_none_is_refused(sample: Library, query: str) -> None:
    with pytest.raises(InputError, match=":"):
        sample.search(query)


@pytest.mark.parametrize("query", ['""', "the", "?"])
def test_a_query_that_says_nothing_is_refused(sample: Library, query: str) -> None:
    with pytest.raises(InputError, match="no word to search for"):
        sample.search(query)


def test_titles_are_suggested_for_what_has_been_typed_so_far(sample: Library) -> None:
    title = sample.search("activation memory", 1)[0].paper.title
    assert title in sample.suggest(title[: len(title) * 2 // 3])
    assert sample.suggest(title[:-1], 1) == [title]
    assert sample.suggest("xqzw") == sample.suggest("") == []


def test_a_typing_error_finds_what_was_meant(sample: Library) -> None:
    meant, typed = (sample.search(query, 5) for query in ("quantization", "quantizatoin"))
    assert {hit.paper.paper_id for hit in meant} & {hit.paper.paper_id for hit in typed}
