"""Embedders side by side, by the nearest chunk alone: `python -m training.exam FILE.gguf …`.

List questions over the sample pages, and two tasks on abstracts that no attempt was trained on (listed from 2026-05
on): a sentence must find its paper, a title its abstract. Each file is compared with the stock model question by
question.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from eval.data import STOCK_EMBEDDER
from eval.heldout import HELD_OUT_FROM
from eval.intervals import mean_intervals
from eval.metrics import ndcg, recall, reciprocal_rank
from eval.own_papers import Corpus, sentence_corpus, title_corpus
from eval.questions import Question, development_questions, own_lists, sample_papers
from service.index.chunking import cut_papers
from service.llm.embedder import LlamaEmbedder
from service.types import Paper
from training.abstracts import abstracts

_PAPERS, _TASKS = 600, 400
_SEED = 7
_PART = 200
Array = NDArray[np.float64]
Chunks = tuple[list[str], NDArray[np.float32]]
"""Whose each chunk is, and the vectors, shape (chunks, 384)."""
_Item = TypeVar("_Item")


class Exam(NamedTuple):
    """Papers, and questions with the grades of the right ones."""

    name: str
    papers: list[Paper]
    questions: list[tuple[str, dict[str, int]]]


def exams() -> list[Exam]:
    """The four of them; without the data folder only that on the project's own questions."""
    sample = list({paper.title: paper for paper in sample_papers()}.values())
    found = [_lists("own lists", sample, own_lists())]
    lists = [question for question in development_questions() if question.kind == "list"]
    if not lists:
        return found
    later = [
        Paper(paper_id=str(number), own_id=True, title=paper.title, abstract=" ".join(paper.sentences))
        for number, paper in enumerate(abstracts())
        if paper.listed >= HELD_OUT_FROM
    ][:_PAPERS]
    return [
        _lists("development lists", sample, lists),
        *found,
        _held_out("held-out sentences", sentence_corpus(later, _TASKS, _SEED)),
        _held_out("held-out titles", title_corpus(later, _TASKS, _SEED)),
    ]


def figures(exam: Exam, chunks: Chunks, embedder: LlamaEmbedder) -> Array:
    """nDCG@10, recall@20 and reciprocal rank of each question, shape (questions, 3)."""
    owners, vectors = chunks
    rows = []
    for text, grades in exam.questions:
        cosines = vectors @ embedder.embed_query(text)
        order = list(dict.fromkeys(owners[place] for place in np.argsort(-cosines, kind="stable")))
        rows.append((ndcg(order, grades, 10), recall(order, grades, 20), reciprocal_rank(order, grades)))
    return np.array(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each exam and file, with the 95 % interval of its difference to the stock model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    chosen = parser.parse_args(arguments)
    table = Table(title="Nearest chunk alone; in brackets the difference to the stock model", title_justify="left")
    for heading in ("questions", "embedder", "nDCG@10", "recall@20", "MRR"):
        table.add_column(heading)
    sat = exams()
    stock_figures = _of_file(sat, STOCK_EMBEDDER)
    others = {file.name: _of_file(sat, file) for file in chosen.files}
    for place, (exam, stock) in enumerate(zip(sat, stock_figures, strict=True)):
        table.add_row(f"{exam.name} ({len(exam.questions)})", "stock", *(f"{mean:.3f}" for mean in stock.mean(axis=0)))
        for name, of_exams in others.items():
            found = of_exams[place]
            paired = mean_intervals(found - stock, _SEED)
            cells = [f"{mean:.3f} ({better})" for mean, better in zip(found.mean(axis=0), paired, strict=True)]
            table.add_row("", name, *cells)
    Console(width=160).print(table)


def _of_file(sat: Sequence[Exam], file: Path) -> list[Array]:
    """The figures of each exam; papers that several have are embedded once."""
    embedder, known = LlamaEmbedder(file), dict[int, Chunks]()
    try:
        for exam in sat:
            if id(exam.papers) not in known:
                known[id(exam.papers)] = _embedded(exam.papers, embedder)
        return [figures(exam, known[id(exam.papers)], embedder) for exam in sat]
    finally:
        embedder.close()


def _embedded(papers: Sequence[Paper], embedder: LlamaEmbedder) -> Chunks:
    """Whose each chunk is, and its vector: chunks as ingest makes them."""
    owners, passages = [], []
    for some in _batched(papers, _PART):
        for paper, cut in zip(some, cut_papers(some, embedder), strict=True):
            owners += [paper.paper_id] * len(cut.passages)
            passages += cut.passages
    vectors = [found.whole for part in _batched(passages, _PART) for found in embedder.embed_passages(part)]
    return owners, np.stack(vectors)


def _batched(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """So many at a time, so that the embedder's process shows that it lives."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _lists(name: str, papers: list[Paper], questions: Sequence[Question]) -> Exam:
    ids = {paper.title: paper.paper_id for paper in papers}
    graded = [({ids[title]: grade for title, grade in question.grades.items()}, question) for question in questions]
    return Exam(name, papers, [(question.text, grades) for grades, question in graded])


def _held_out(name: str, corpus: Corpus) -> Exam:
    return Exam(name, corpus.papers, [(task.text, {task.paper_id: 1}) for task in corpus.tasks])


if __name__ == "__main__":
    main()
