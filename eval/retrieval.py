"""Retrieval on the judged questions, against its own parts: BM25, chunks, both fused, all four before judging."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from eval import metrics
from eval.collections import COLLECTIONS, open_collection, read_queries
from eval.questions import Question
from service.answer.find import Findings, find
from service.index.relevance import scored_rows
from service.index.retrieval import fuse
from service.library import Library
from service.types import Filter


class Scores(NamedTuple):
    """Means over the questions of one kind."""

    system: str
    kind: str
    questions: int
    ndcg_10: float
    recall_5: float
    recall_10: float
    recall_20: float
    recall_50: float


def evaluate(library: Library, questions: Sequence[Question]) -> list[Scores]:
    """Scores by system and kind of question; papers are compared by title."""
    papers = {paper.row: paper.title for paper in library.workbench().stores.catalog.select(Filter())}
    return _score(library, [(q.kind, q.text, q.grades) for q in questions if q.grades and q.kind != "metadata"], papers)


def evaluate_collection(name: str, work: Path) -> list[Scores]:
    """The same on CACM, CISI or SciFact (every fourth claim)."""
    queries = read_queries(name)
    with open_collection(name, work) as library:
        papers = {paper.row: paper.paper_id for paper in library.workbench().stores.catalog.select(Filter())}
        return _score(library, [(name, q.text, q.relevant) for q in queries], papers)


def _score(
    library: Library, questions: Sequence[tuple[str, str, dict[str, int]]], papers: dict[int, str]
) -> list[Scores]:  # fmt: skip
    rows: dict[tuple[str, str], list[tuple[float, ...]]] = defaultdict(list)
    for kind, text, grades in questions:
        found = find(library.workbench(), text, Filter(), "list")
        relevant = {paper for paper, grade in grades.items() if grade > 0}
        for system, order in SYSTEMS.items():
            listed = [papers[row] for row in order(found)]
            values = (
                metrics.ndcg(listed, grades, 10),
                *(metrics.recall(listed, relevant, k) for k in (5, 10, 20, 50)),
            )
            rows[system, kind].append(values)
    return [
        Scores(
            system,
            kind,
            len(values),
            *(round(metrics.mean(column), 3) for column in zip(*values, strict=True)),
        )
        for (system, kind), values in rows.items()
    ]


def _by(value: Callable[[int], float], rows: Sequence[int]) -> list[int]:
    return sorted(rows, key=lambda row: (-value(row), row))


def _part(found: Findings, field: str) -> list[int]:
    values = {candidate.row: float(getattr(candidate, field)) for candidate in found.ranking.candidates}
    return _by(lambda row: values[row], list(values))


def _two_way(found: Findings) -> list[int]:
    dense = {candidate.row: candidate.chunk_cosine for candidate in found.ranking.candidates}
    lexical = {candidate.row: candidate.lexical for candidate in found.ranking.candidates if candidate.lexical}
    fused = fuse([dense, lexical])
    return _by(lambda row: fused[row], list(fused))


SYSTEMS: dict[str, Callable[[Findings], list[int]]] = {
    "BM25": lambda found: _part(found, "lexical"),
    "chunks": lambda found: _part(found, "chunk_cosine"),
    "BM25 + chunks": _two_way,
    "four fused": lambda found: [candidate.row for candidate in found.ranking.candidates],
    "Paperboy": lambda found: [row for row, _ in scored_rows(found.ranking, found.judged)],
}

__all__ = ["COLLECTIONS", "SYSTEMS", "Scores", "evaluate", "evaluate_collection"]
