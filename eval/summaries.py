"""One-sentence summaries on SciTLDR dev: ROUGE with stemming, best reference by ROUGE-1, as its paper reports it."""

from collections.abc import Sequence
from typing import NamedTuple

from rouge_score.rouge_scorer import RougeScorer

from eval import metrics
from eval.data import read_lines
from service.library import Library
from service.settings import Mode

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
