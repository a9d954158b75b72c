"""What a filter costs: the time of a search among some of the papers over that of the same search among all.

A question is embedded in no time, so all of the time is the search's own. The share of papers that pass is set by a
range of days.
"""

import statistics
import time
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from rich.console import Console
from rich.table import Table

from eval.bench.abstracts import DAYS, DIMENSIONS, FIRST_DAY, abstracts_catalog, unit_vectors
from eval.bench.measure import alternate, ratios, spread
from eval.data import data_folder
from service.index.retrieval import Retriever
from service.ports import Matrix, PassageVectors, QuestionVectors, Vector
from service.types import Filter

_SHARES = (0.001, 0.01, 0.1, 0.5, 1.0)
_EACH = 5_000
"""The title of one paper in so many is a question."""
_BOUND = 2.0


class RandomEmbedder:
    """The same random unit vector for the same text."""

    fingerprint = "random"
    dimensions = DIMENSIONS
    max_tokens = 256

    def count_tokens(self, text: str) -> int:
        """Words."""
        return len(text.split())

    def count_each(self, texts: Sequence[str]) -> list[int]:
        """Words of each."""
        return [self.count_tokens(text) for text in texts]

    def embed_query(self, text: str) -> Vector:
        """A vector that depends on the length of the text only."""
        vector: Vector = unit_vectors(np.random.default_rng(len(text)), 1)[0]
        return vector

    def embed_question(self, parts: Sequence[str]) -> QuestionVectors:
        """The same vector for all."""
        vector = self.embed_query("".join(parts))
        return QuestionVectors(vector, np.tile(vector, (len(parts) // 2, 1)))

    def embed_words(self, words: Sequence[str]) -> Matrix:
        """One for each."""
        return unit_vectors(np.random.default_rng(0), len(words))

    def embed_passages(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        """Not needed here."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""


def main() -> None:
    """Print the table."""
    if data_folder() is None:
        Console().print("no abstracts: set PAPERS_DATA, see training/README.md; skipped")
        return
    with abstracts_catalog() as (catalog, chunks, lexical):
        retriever = Retriever(catalog, chunks, lexical, RandomEmbedder(), lambda: None)
        questions = [title for _, title in catalog.titles()[::_EACH]]
        table = Table(title=f"Filtered over unfiltered search, {catalog.count():,} papers", title_justify="left")
        for heading in ("papers that pass", "unfiltered ms", "filtered ms", "ratio of pairs", "bound"):
            table.add_column(heading)
        retriever.rank(questions[0])
        for share in _SHARES:
            table.add_row(f"{share:.1%}", *_row(retriever, questions, share), f"{_BOUND:.0f}")
        Console(width=120).print(table)


def _row(retriever: Retriever, questions: list[str], share: float) -> tuple[str, str, str]:
    # The whole range is a filter too, though all pass.
    condition = Filter(since=FIRST_DAY, until=FIRST_DAY + timedelta(days=max(0, round(share * DAYS) - 1)))
    pairs = alternate(
        len(questions),
        lambda number: _seconds(retriever, questions[number], condition),
        lambda number: _seconds(retriever, questions[number], None),
    )
    filtered, unfiltered = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
    return f"{unfiltered:.1f}", f"{filtered:.1f}", spread(ratios(pairs))


def _seconds(retriever: Retriever, question: str, condition: Filter | None) -> float:
    begun = time.perf_counter()
    retriever.rank(question, condition)
    return time.perf_counter() - begun
