"""Which of a question's terms each of a few papers has: what the index says is what their texts say."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.index.lexical import Analyzer, Entry, LexicalIndex

ANALYZER = Analyzer()
WORDS = [f"word{letter}{other}" for letter in "abcdefgh" for other in "abcdefgh"]
SPELLINGS = ["pre-trained", "GPT-4", "β", "$\\alpha$", "k-means", "Naïve", "B-PROP", "fine tuning", "the"]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> LexicalIndex:
    return LexicalIndex(tmp_path_factory.mktemp("lexical"))


TEXT = st.lists(st.sampled_from([*WORDS, *SPELLINGS]), max_size=40).map(" ".join)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6), TEXT)
def test_the_index_knows_of_each_paper_the_terms_that_its_text_has(
    index: LexicalIndex, papers: list[tuple[str, str]], question: str
) -> None:
    index.clear()
    index.put(Entry(row, abstract, title) for row, (title, abstract) in enumerate(papers))
    asked = ANALYZER.terms(question)
    having = index.having(asked, range(len(papers)))
    for row, (title, abstract) in enumerate(papers):
        assert having[row] == set(asked) & ANALYZER.term_set(f"{title} {abstract}")


def test_many_terms_are_told_apart(index: LexicalIndex) -> None:
    index.clear()
    index.put([Entry(1, " ".join(WORDS[::2])), Entry(2, " ".join(WORDS[1::2])), Entry(3, " ".join(WORDS))])
    terms = [term for word in WORDS for term in ANALYZER.terms(word)]
    assert len(set(terms)) == len(WORDS) == 64
    having = index.having(terms, [1, 2, 3])
    assert (having[1] | having[2], having[1] & having[2]) == (having[3], set())
    assert len(having[1]) == len(having[2]) == 32


def test_only_the_papers_asked_for_are_told_and_one_without_a_term_has_none(index: LexicalIndex) -> None:
    index.clear()
    index.put([Entry(1, "kernel"), Entry(2, "kernel"), Entry(3, "lattice")])
    assert index.having(["kernel"], [2, 3]) == {2: {"kernel"}, 3: set()}
    assert index.having([], [2]) == {2: set()}
    assert index.having(["kernel"], []) == {}
    assert index.having(["kernel"], [9]) == {9: set()}


def test_an_empty_index_has_nothing(tmp_path: Path) -> None:
    assert LexicalIndex(tmp_path / "none").having(["kernel"], [1]) == {1: set()}
