"""Summaries over the sample with the real embedder and writer: verbatim, in order, and with the result."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.answer.wording import capitalized
from service.errors import InputError
from service.library import Library
from service.types import Filter, SummaryLength


@pytest.fixture(scope="module")
def abstracts(sample: Library) -> dict[str, str]:
    return {paper.paper_id: paper.abstract for paper in sample.workbench().stores.catalog.select(Filter())[::9]}


@pytest.mark.parametrize("mode", ["quotes", "extractive"])
@pytest.mark.parametrize(("length", "most"), [("sentence", 1), ("paragraph", 4)])
def test_a_summary_is_whole_sentences_of_the_abstract_in_their_order(
    sample: Library, abstracts: dict[str, str], mode: str, length: SummaryLength, most: int
) -> None:
    for paper_id, abstract in abstracts.items():
        summary = sample.summarize(paper_id, length, mode)  # type: ignore[arg-type]
        starts = []
        for claim in summary.claims:
            (quote,) = claim.quotes
            assert claim.text == quote.text == abstract[quote.start : quote.end]
            starts.append(quote.start)
        assert starts == sorted(set(starts))
        assert 1 <= len(summary.claims) <= most
        assert summary.text == capitalized(" ".join(claim.text for claim in summary.claims))


def test_a_paragraph_has_the_result_where_the_abstract_states_one(sample: Library) -> None:
    summary = sample.summarize_text(
        "Quick",
        "Models are slow. Many have tried to speed them up. We propose Quick, a method that skips layers. "
        "It is simple. It needs no training. Quick improves accuracy by 4.2% on GLUE and is faster.",
        "paragraph",
    )
    assert "4.2%" in summary.text
    assert "We propose Quick" in summary.text


@pytest.mark.parametrize("length", ["sentence", "paragraph"])
def test_a_summary_begins_where_it_says_something_by_itself(sample: Library, length: SummaryLength) -> None:
    abstract = "Networks are deep. To bridge this gap, we propose Halyard, a network that pools features twice."
    summary = sample.summarize_text("Halyard: pooling twice", abstract.removeprefix("Networks are deep. "), length)
    assert summary.text == "We propose Halyard, a network that pools features twice."
    (quote,) = summary.claims[0].quotes
    assert quote.text == "we propose Halyard, a network that pools features twice."
    assert quote.start == len("To bridge this gap, ")


def test_a_summary_made_again_is_the_one_that_was_kept(sample: Library, abstracts: dict[str, str]) -> None:
    paper_id = next(iter(abstracts))
    first = sample.summarize(paper_id)
    assert sample.summarize(paper_id) == first


def test_a_sentence_that_stands_twice_is_written_once(sample: Library) -> None:
    text = "We propose a method. It is fast. We propose a method. It is fast."
    summary = sample.summarize_text("", text, "paragraph")
    assert sorted(claim.text for claim in summary.claims) == ["It is fast.", "We propose a method."]


@pytest.mark.parametrize("text", ["", "   ", "\u200b\n"])
def test_nothing_to_summarize_is_said(sample: Library, text: str) -> None:
    with pytest.raises(InputError, match="no abstract"):
        sample.summarize_text("A title", text)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=400), st.text(max_size=80))
def test_any_text_has_a_verbatim_summary_or_is_refused_by_name(sample: Library, text: str, title: str) -> None:
    try:
        summary = sample.summarize_text(title, text, "paragraph")
    except InputError:
        return
    assert summary.claims
    assert all(claim.text == claim.quotes[0].text for claim in summary.claims)
