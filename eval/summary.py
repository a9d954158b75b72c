"""Outcomes by kind of question: means with intervals, paired differences, reliability, and the worst questions."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from eval.intervals import Array, Interval, mean_intervals, share_intervals
from eval.retrieval import BASELINES, MEASURES, OURS, SYSTEMS, Outcome, by_kind

BINS = 10
_WORST = 8
_NDCG = MEASURES.index("nDCG@10")


class Reliability(NamedTuple):
    """Predicted and observed relevance of the judged papers in `BINS` equal steps of the prediction."""

    predicted: list[float]
    """Mean prediction of each step that has papers."""
    observed: list[Interval]
    """Share of them that are relevant."""
    papers: list[int]
    error: float
    """Expected calibration error: the mean distance of the two, weighted by papers."""


class KindSummary(NamedTuple):
    """One kind of question."""

    kind: str
    questions: int
    refused: int
    """Questions to which Paperboy would give no list."""
    means: dict[str, list[Interval | None]]
    """By system, in the order of `MEASURES`; `None` where a measure does not apply."""
    differences: dict[str, list[Interval | None]]
    """Paperboy minus each baseline, question by question."""
    curves: dict[str, list[Interval]]
    """Recall at 1, 2, … by system."""
    reliability: Reliability | None
    """`None` where the judgments do not say which papers are irrelevant."""
    worst: list[Outcome]
    """The questions with the lowest nDCG@10 that are not perfect, worst first."""


def summarize(outcomes: Sequence[Outcome], seed: int) -> list[KindSummary]:
    """Sum up each kind of question; `seed` is that of the resampling."""
    found = []
    for kind, part in by_kind(outcomes).items():
        values = {system: np.stack([outcome.values[system] for outcome in part]) for system in SYSTEMS}
        curves = {system: np.stack([outcome.curves[system] for outcome in part]) for system in SYSTEMS}
        found.append(
            KindSummary(
                kind,
                len(part),
                sum(outcome.refused for outcome in part if outcome.case.cut == "list"),
                {system: _applicable(table, seed) for system, table in values.items()},
                {baseline: _applicable(values[OURS] - values[baseline], seed) for baseline in BASELINES},
                {system: mean_intervals(table, seed) for system, table in curves.items()},
                _reliability(part, seed),
                _worst(part),
            )
        )
    return found


def document(summaries: Sequence[KindSummary], seed: int) -> dict[str, Any]:
    """All of it but the curves as plain values for JSON."""
    return {
        "seed": seed,
        "questions": sum(summary.questions for summary in summaries),
        "measures": list(MEASURES),
        "kinds": [
            {
                "kind": summary.kind,
                "questions": summary.questions,
                "refused": summary.refused,
                "systems": [{"system": name, **_named(row)} for name, row in summary.means.items()],
                "differences": [{"baseline": name, **_named(row)} for name, row in summary.differences.items()],
                "calibration_error": round(summary.reliability.error, 4) if summary.reliability else None,
                "worst": list(map(_shown, summary.worst)),
            }
            for summary in summaries
        ],
    }


def _shown(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.case.id,
        "question": outcome.case.text,
        "nDCG@10": round(float(outcome.values[OURS][_NDCG]), 4),
        "missed": outcome.missed,
        "wrong": outcome.wrong,
    }


def _named(row: Sequence[Interval | None]) -> Mapping[str, dict[str, float | None] | None]:
    return {
        name: {field: None if v is None else round(v, 4) for field, v in value._asdict().items()} if value else None
        for name, value in zip(MEASURES, row, strict=True)
    }


def _applicable(table: Array, seed: int) -> list[Interval | None]:
    """Intervals of the columns; a measure applies to all questions of a kind or to none."""
    return [
        None if np.isnan(column).any() else interval
        for column, interval in zip(table.T, mean_intervals(np.nan_to_num(table), seed), strict=True)
    ]


def _worst(outcomes: Sequence[Outcome]) -> list[Outcome]:
    poor = [outcome for outcome in outcomes if outcome.values[OURS][_NDCG] < 1.0]
    return sorted(poor, key=lambda outcome: float(outcome.values[OURS][_NDCG]))[:_WORST]


def _reliability(outcomes: Sequence[Outcome], seed: int) -> Reliability | None:
    totals, hits, sums = (np.zeros((len(outcomes), BINS)) for _ in range(3))
    for row, outcome in enumerate(outcomes):
        for predicted, relevant in outcome.relevance:
            column = min(int(predicted * BINS), BINS - 1)
            totals[row, column] += 1
            hits[row, column] += relevant
            sums[row, column] += predicted
    papers = totals.sum(axis=0)
    if not papers.sum():
        return None
    observed = share_intervals(hits, totals, seed)
    pairs = [(sums[:, n].sum() / papers[n], share, papers[n]) for n, share in enumerate(observed) if share is not None]
    return Reliability(
        [float(predicted) for predicted, _, _ in pairs],
        [share for _, share, _ in pairs],
        [int(count) for _, _, count in pairs],
        float(sum(abs(predicted - share.mean) * count for predicted, share, count in pairs) / papers.sum()),
    )
