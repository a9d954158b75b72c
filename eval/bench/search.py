"""How long a search takes in a process that is running: `python -m eval.bench search`.

On the sample pages, and among 91,000 abstracts of arXiv (real words, random vectors; the question is embedded as ever).
All questions of the project's own files in turn; the first, with which everything is read, counts only when it comes
again.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from eval.bench.abstracts import abstracts_catalog
from eval.data import EMBEDDER, data_folder
from eval.questions import SAMPLE_PAGES, own_lists, own_questions
from service.index.background import FILE, read_background
from service.index.relevance import judge
from service.index.retrieval import Retriever
from service.library import Library
from service.llm.embedder import LlamaEmbedder
from service.settings import Settings

_SAMPLE_BOUND, _ARXIV_BOUND = 60.0, 120.0
_ROUNDS = 3


def main() -> None:
    """Print median, 95th percentile and worst in milliseconds."""
    questions = [question.text for question in (*own_questions(), *own_lists())]
    with tempfile.TemporaryDirectory() as folder, Library.open(Settings(home=Path(folder))) as library:
        library.ingest([SAMPLE_PAGES])
        _report("the sample pages", library.search, questions, _SAMPLE_BOUND)
    if data_folder() is None:
        Console().print("no abstracts: set PAPERS_DATA, see training/README.md; the sample only")
        return
    embedder = LlamaEmbedder(EMBEDDER)
    background = read_background(EMBEDDER.with_name(FILE), embedder.fingerprint)
    with abstracts_catalog() as (catalog, chunks, lexical):
        retriever = Retriever(catalog, chunks, lexical, embedder, lambda: None, lambda: background)
        _report(
            f"{catalog.count():,} papers",
            lambda question: judge(retriever.rank(question), catalog, lexical),
            questions,
            _ARXIV_BOUND,
        )
    embedder.close()


def milliseconds(search: Callable[[str], object], questions: Sequence[str]) -> list[float]:
    """How long each question takes, asked for the first time or again, once everything has been read."""
    search(questions[0])
    return [1000 * _seconds(search, question) for _ in range(_ROUNDS) for question in questions]


def _report(where: str, search: Callable[[str], object], questions: Sequence[str], bound: float) -> None:
    times = milliseconds(search, questions)
    Console(width=120).print(
        f"{where}, {len(questions)} questions, {_ROUNDS} rounds: median {statistics.median(times):.1f} ms, "
        f"p95 {statistics.quantiles(times, n=20)[-1]:.1f} ms (bound {bound:.0f}), worst {max(times):.1f} ms"
    )


def _seconds(search: Callable[[str], object], question: str) -> float:
    begun = time.perf_counter()
    search(question)
    return time.perf_counter() - begun
