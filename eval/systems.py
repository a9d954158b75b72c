"""What is compared: Paperboy's ranking and the baselines, for one question, from one search.

This is the only module of the evaluation that looks into the service's retrieval.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from eval.bm25 import WordIndex
from eval.data import STOCK_EMBEDDER
from service.answer.find import Findings, fact_passages, find, list_passages
from service.errors import InputError
from service.index.chunk_store import cosines
from service.index.relevance import scored_rows
from service.library import Library, quietly
from service.settings import Settings
from service.types import Filter

Progress = Callable[[str, int, int], None]
Cut = Literal["list", "factoid", "comparison"]
"""The kind of answer whose papers are counted as listed."""

OURS = "Paperboy"
BASELINES = ("BM25", "chunks", "BM25 + chunks")
SYSTEMS = (*BASELINES, "not judged", OURS)
EXPLAINED = {
    "BM25": "the words of the question alone, by textbook BM25",
    "chunks": "the nearest chunk of each paper by the unchanged all-MiniLM-L6-v2",
    "BM25 + chunks": "these two fused by reciprocal rank",
    "not judged": "Paperboy's candidates before the first of them are judged one by one",
    OURS: "the order of paperboy search and paperboy ask",
}
_FUSION_K = 20
"""Of reciprocal rank fusion; 20 is better than the usual 60 on CACM, CISI and SciFact."""


class Bench(NamedTuple):
    """A catalog to ask, indexed as Paperboy does it and with the stock embedder; often one library is both."""

    library: Library
    stock: Library
    words: WordIndex
    most: int
    """Papers that a list may have."""


class Found(NamedTuple):
    """What each system finds for a question; papers are row numbers of the catalog."""

    rankings: dict[str, list[int]]
    """By system, best first."""
    listed: list[int]
    """The papers that an answer rests on, best first; empty where none was asked for."""
    relevance: dict[int, float]
    """Predicted probability that a judged paper belongs to the answer."""
    refused: bool
    """Whether Paperboy abstains from a list answer."""


NOTHING = Found({system: [] for system in SYSTEMS}, [], {}, refused=True)


@contextmanager
def open_bench(settings: Settings, sources: Sequence[Path], progress: Progress = quietly) -> Iterator[Bench]:
    """A bench over papers in files, ingested at the first call; with another embedder, a stock home beside the home."""
    with ExitStack() as stack:
        library = stack.enter_context(Library.open(settings))
        library.ingest(sources, progress=progress)
        stock = library
        if Path(settings.embedder).name != STOCK_EMBEDDER.name:
            home = settings.home.with_name(f"{settings.home.name}-stock")
            stock = stack.enter_context(
                Library.open(settings.model_copy(update={"home": home, "embedder": STOCK_EMBEDDER.name}))
            )
            stock.ingest(sources, progress=progress)
        yield bench_of(library, stock, settings.max_papers)


def bench_of(library: Library, stock: Library, most: int) -> Bench:
    """A bench over libraries of the same papers."""
    papers = library.workbench().stores.catalog.select(Filter())
    return Bench(library, stock, WordIndex({paper.row: f"{paper.title} {paper.abstract}" for paper in papers}), most)


def ask_systems(bench: Bench, question: str, cut: Cut | None) -> Found:
    """Rank the papers by every system; a question without a word to search for finds nothing.

    Every ranking takes exact cosines of all papers, as list questions do, so that no baseline suffers from the
    approximation of a vector store.
    """
    work = bench.library.workbench()
    try:
        found = find(work, question, Filter(), "list")
        stock = found if bench.stock is bench.library else find(bench.stock.workbench(), question, Filter(), "list")
    except InputError:
        return NOTHING
    # Two homes of the same papers number them alike only where both took them in together: ids decide.
    rows = None if bench.stock is bench.library else _rows_in(bench)
    lexical, chunks = bench.words.scores(question), _translated(_chunk_cosines(bench.stock, stock), rows)
    orders = (
        _ordered(lexical),
        _ordered(chunks),
        _ordered(_fused([lexical, chunks])),
        found.ranking.fused.rows.tolist(),
        [row for row, _ in scored_rows(found.ranking, found.judged)],
    )
    passages = []
    if cut == "list":
        passages = list_passages(work, found, bench.most)
    elif cut is not None:
        passages = fact_passages(work, found, question, cut)
    row_of = {judged.paper.paper_id: judged.candidate.row for judged in found.judged}
    return Found(
        dict(zip(SYSTEMS, orders, strict=True)),
        [row_of[passage.passage.hit.paper.paper_id] for passage in passages],
        {judged.candidate.row: judged.relevance for judged in found.judged},
        found.answerable.refuse,
    )


def _rows_in(bench: Bench) -> dict[int, int]:
    """Row numbers of the library by those of the stock one."""
    ours = {paper.paper_id: paper.row for paper in bench.library.workbench().stores.catalog.select(Filter())}
    theirs = bench.stock.workbench().stores.catalog.select(Filter())
    return {paper.row: ours[paper.paper_id] for paper in theirs}


def _chunk_cosines(library: Library, found: Findings) -> dict[int, float]:
    """The cosine of each paper's nearest chunk."""
    matrix = library.workbench().stores.chunks.matrix()
    best = np.maximum.reduceat(cosines(matrix, found.ranking.question_vector), matrix.starts)
    return dict(zip(matrix.owners[matrix.starts].tolist(), best.tolist(), strict=True))


def _translated(scores: dict[int, float], rows: Mapping[int, int] | None) -> dict[int, float]:
    return scores if rows is None else {rows[row]: score for row, score in scores.items()}


def _ordered(scores: Mapping[int, float]) -> list[int]:
    return sorted(scores, key=lambda row: (-scores[row], row))


def _fused(rankings: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """Reciprocal rank fusion (Cormack et al. 2009)."""
    fused: dict[int, float] = {}
    for ranking in rankings:
        for rank, row in enumerate(_ordered(ranking), start=1):
            fused[row] = fused.get(row, 0.0) + 1 / (_FUSION_K + rank)
    return fused
