"""`python -m eval COMMAND`, or `paperboy eval COMMAND`: what the figures in models.md were measured with."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from eval import answers as answering
from eval import faithfulness as judging
from eval import precision
from eval import retrieval as retrieving
from eval import summaries as summarizing
from eval.collections import COLLECTIONS, open_sample
from eval.data import ROOT
from eval.questions import development_questions, own_lists, own_questions
from service.library import Library
from service.llm.embedder import LlamaEmbedder
from service.resources import models_folder
from service.settings import Mode, Settings

_TABLE_WIDTH = 120
"""No cell is cut, also where the output is no terminal."""
_MODES = click.Choice(["quotes", "free", "extractive"])
_work = click.option(
    "--work",
    type=click.Path(path_type=Path),
    default=ROOT / "build" / "eval",
    help="Folder for catalogs that are kept.",
)


@click.group()
def main() -> None:
    """Measure Paperboy on questions, abstracts and summaries with known answers."""


@main.command()
@click.option("--collections", is_flag=True, help="CACM, CISI and SciFact instead (ingests them first: 12 minutes).")
@_work
def retrieval(collections: bool, work: Path) -> None:
    """Show nDCG@10 and recall by kind of question, against BM25, chunks alone, and both fused."""
    if collections:
        scores = [score for name in COLLECTIONS for score in retrieving.evaluate_collection(name, work)]
    else:
        with open_sample(work) as library:
            scores = retrieving.evaluate(library, [*development_questions(), *own_lists()])
    _print_rows(scores)


@main.command()
@click.option("--mode", type=_MODES, default="quotes", show_default=True)
@click.option("--show", is_flag=True, help="Print every answer.")
@_work
def answers(mode: Mode, show: bool, work: Path) -> None:
    """Right papers, quoted support, real citations, refusals: development questions, then the project's own."""
    with open_sample(work) as library:
        for name, questions in (("development", development_questions()), ("own", [*own_questions(), *own_lists()])):
            judged = answering.evaluate(library, questions, mode)
            if show:
                for item in judged:
                    click.echo(f"\n{item.question.id} {item.question.kind}: {item.question.text}\n{item.answer.text}")
            click.echo(f"{name}: {json.dumps(answering.summary(judged), indent=1)}")


@main.command()
@click.option("--mode", type=_MODES, default="quotes", show_default=True)
@click.option("--limit", type=int, help="Only so many papers.")
def summaries(mode: Mode, limit: int | None) -> None:
    """ROUGE of one-sentence summaries on SciTLDR dev."""
    with tempfile.TemporaryDirectory() as folder, Library.open(Settings(home=Path(folder) / "home")) as library:
        _print_rows([summarizing.evaluate(library, mode, limit)])


@main.command()
@click.option("--limit", type=int, help="Only so many summaries of each set.")
def faithfulness(limit: int | None) -> None:
    """Balanced accuracy of the claim check against human labels."""
    _print_rows(judging.evaluate(limit))


@main.command("precision")
@click.option(
    "--reference", type=click.Path(path_type=Path, exists=True), help="Folder of the published float32 model."
)
@click.option("--write", is_flag=True, help="Keep the reference vectors for the tests.")
def precision_of_embedder(reference: Path | None, write: bool) -> None:
    """Cosine of the quantized embedder with the same model in float32, on 100 texts."""
    inputs = precision.texts()
    wanted = precision.reference_vectors(reference, inputs) if reference else precision.kept_vectors()
    if write:
        np.savez_compressed(precision.KEPT, vectors=wanted.astype(np.float16))
    embedder = LlamaEmbedder(models_folder() / "all-MiniLM-L6-v2-Q8_0.gguf")
    cosines = [float(embedder.embed_query(text) @ vector) for text, vector in zip(inputs, wanted, strict=True)]
    click.echo(f"{len(cosines)} texts: cosine at least {min(cosines):.5f}, mean {sum(cosines) / len(cosines):.5f}")


def _print_rows(rows: Sequence[NamedTuple]) -> None:
    table = Table()
    for field in rows[0]._fields if rows else ():
        table.add_column(field)
    for row in rows:
        table.add_row(*("–" if value is None else str(value) for value in row))
    Console(width=max(_TABLE_WIDTH, Console().width)).print(table)


if __name__ == "__main__":
    main()
