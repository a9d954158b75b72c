"""What is written, examined in one go, and ROUGE on SciTLDR dev: stemming, best reference by ROUGE-1, as its paper."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from rouge_score.rouge_scorer import RougeScorer

from eval import metrics
from eval.data import read_lines
from eval.heldout import Draw, chosen
from eval.own_papers import catalog_papers
from eval.removed import evidence_removed
from eval.vocabulary import reachable_controls
from eval.writing import Result, measure, passed
from service.index.home import Home
from service.library import Library
from service.llm.models import resolve
from service.resources import model_folders
from service.settings import Mode, Settings

_NAMES = ("rouge1", "rouge2", "rougeL")


class Rouge(NamedTuple):
    """Means in percent, and the standard error of ROUGE-1."""

    system: str
    papers: int
    rouge_1: float
    rouge_2: float
    rouge_l: float
    standard_error: float


def rouge(text: str, references: Sequence[str], scorer: RougeScorer) -> tuple[float, float, float]:
    """F1 in percent with the reference that has the best ROUGE-1."""
    scores = [scorer.score(reference, text) for reference in references]
    best = max(scores, key=lambda score: score["rouge1"].fmeasure)
    first, second, last = (100 * best[name].fmeasure for name in _NAMES)
    return first, second, last


def evaluate(library: Library, mode: Mode, limit: int | None = None) -> Rouge:
    """Summarize the abstracts of SciTLDR dev."""
    scorer = RougeScorer(list(_NAMES), use_stemmer=True)
    rows = []
    for record in list(read_lines("scitldr", "dev.jsonl"))[:limit]:
        made = library.summarize_text(record.get("title") or "", " ".join(record["source"]), "sentence", mode)
        rows.append(rouge(made.text, record["target"], scorer))
    first, second, last = (round(metrics.mean(list(column)), 1) for column in zip(*rows, strict=True))
    error = round(metrics.standard_error([row[0] for row in rows]), 2)
    return Rouge(f"Paperboy, {mode}", len(rows), first, second, last, error)


def on_scitldr(settings: Settings, mode: Mode, limit: int) -> Rouge:
    """ROUGE, in a throw-away home."""
    with TemporaryDirectory() as folder, _opened(settings, folder) as library:
        return evaluate(library, mode, limit)


def own_abstracts(settings: Settings) -> Draw:
    """Draws from the papers of a home directory.

    Raises:
        EmptyCatalogError: there are none.
    """
    papers = [(paper.paper_id, paper.title, paper.abstract) for paper in catalog_papers(settings)]
    return lambda count, salt: chosen(papers, count, salt)


def examine(settings: Settings, mode: Mode, draw: Draw, options: Mapping[str, Any]) -> Result:
    """All trials, in throw-away homes; ten minutes on two cores with the shipped writer.

    Args:
        settings: which models.
        mode: how is written.
        draw: gives the abstracts to summarize.
        options: `papers`, `injections`, `seed`.
    """
    seed = options["seed"]
    with TemporaryDirectory() as folder, _opened(settings, folder) as library:
        result = measure(library, mode, draw, options["papers"], options["injections"], seed)
    removed, failures = evidence_removed(settings, mode)
    reached, controls = reachable_controls(resolve(settings.writer, model_folders(Home(settings.home).models)))
    control = passed("keeps control tokens out of reach of text", [n >= len(reached) for n in range(controls)])
    return Result(result.written, [*result.trials, removed, control], [*result.failures, *failures, *reached])


def _opened(settings: Settings, folder: str) -> Library:
    return Library.open(settings.model_copy(update={"home": Path(folder) / "home"}), together=True)
