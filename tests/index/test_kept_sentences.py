"""Sentence vectors that stay in memory: the same ranking, and what was added since is found too."""

from pathlib import Path

import pytest

from service.index import retrieval
from service.library import Library
from service.ports import Embedder
from tests.index.small_home import Watcher, opened, paper, put

QUESTIONS = ["which papers reduce activation memory?", "what is there on point clouds?", "by how much does MEFT help?"]


@pytest.mark.parametrize("question", QUESTIONS)
def test_kept_vectors_rank_as_vectors_read_anew_do(
    sample: Library, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    retriever = sample.workbench().stores.retriever
    retriever.refresh()
    kept = retriever.rank(question, every_paper=True)
    retriever.refresh()
    monkeypatch.setattr(retrieval, "_KEPT_PAPERS", 0)
    read = retriever.rank(question, every_paper=True)
    # The last bits of a product depend on how many are computed together, and decide between equals.
    cosines = {candidate.row: candidate.sentence_cosine for candidate in kept.candidates}
    others = {candidate.row: candidate.sentence_cosine for candidate in read.candidates}
    assert len(cosines.keys() & others.keys()) >= len(cosines) - 1
    for row in cosines.keys() & others.keys():
        assert cosines[row] == pytest.approx(others[row], abs=1e-5)
    retriever.refresh()


def test_the_sentences_of_a_paper_that_comes_later_are_looked_at(tmp_path: Path, embedder: Embedder) -> None:
    with opened(tmp_path / "home", embedder) as stores:
        put(stores, paper(1), paper(2))
        stores.finish(Watcher())
        question = paper(3).abstract.split(". ")[0]
        assert len(stores.retriever.rank(question).candidates) == 2
        put(stores, paper(3))
        stores.finish(Watcher())
        first = stores.retriever.rank(question).candidates[0]
        assert stores.catalog.at_rows([first.row])[first.row].title == paper(3).title
        assert first.sentence_cosine > 0.8
