"""The report on the judge, with its plots."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from eval import blocks
from eval.blocks import Block, Heading, Picture, Rows, Text
from eval.drawing import columns, reach, styled, svg
from eval.intervals import RESAMPLES, Interval, share_intervals
from eval.judging import DOCUMENTS, OWN, SETS, SHIPPED, Result

PUBLISHED = (
    ("FRANK (test)", "SummaC-ZS, large NLI model", "0.790", "Laban et al. 2022"),
    ("FRANK (test)", "DAE", "0.617", "Laban et al. 2022"),
    ("FRANK (test)", "NER overlap", "0.609", "Laban et al. 2022"),
    ("SummEdits, abstracts of machine learning", "GPT-4", "0.824", "Laban et al. 2023"),
    ("SummEdits, abstracts of machine learning", "ChatGPT", "0.756", "Laban et al. 2023"),
    ("SummEdits, abstracts of machine learning", "SummaC-Conv", "0.597", "Laban et al. 2023"),
    ("SummEdits, abstracts of machine learning", "DAE", "0.547", "Laban et al. 2023"),
)
"""Balanced accuracy of others. FRANK here is its validation half; the edited abstracts are not in the data folder."""
_BINS = 10
_COLOURS = {SHIPPED: "#0055AA", DOCUMENTS: "#56B4E9", SETS: "#E69F00"}
_CANNOT = (
    "It has no model of meaning. Claims in wholly other words, and conclusions that need knowledge of the field, are "
    "guessed from how many words are new. A claim made of the words of one sentence in another relation (which method "
    "beats which) mostly passes. So does an exchange of two things that both stand in the same sentence. Summaries of "
    "conversations are little better than a coin. It is a filter, not an oracle."
)


def write(folder: Path, result: Result, about: str) -> list[Path]:
    """Write `report.md`, `report.html` and the plots; the paths of the first two.

    Raises:
        InputError: the folder cannot be written.
    """
    return blocks.write(folder, made(result, about), "Paperboy: the judge")


def made(result: Result, about: str) -> list[Block]:
    """The report, block by block."""
    kinds = [(k.kind, f"{k.claims:,}", str(k.noticed), str(k.noticed_unseen)) for k in result.kinds]
    return [
        Heading(1, "The judge"),
        Text(about),
        Text(
            f"Brackets hold 95 % intervals: the summaries were drawn anew {RESAMPLES:,} times. A summary counts as "
            "faithful where its weakest claim does. Thresholds never come from the set that they are tested on: "
            f"“{SHIPPED}” stands only beside sets that nothing was learned from, “{DOCUMENTS}” was learned without the "
            f"same sources, “{SETS}” without the whole set. XSumFaith and Polytope call nine of ten summaries wrong, "
            "also for faults that are none of fact."
        ),
        Picture("accuracy.svg", _bars(result), "Balanced accuracy by set"),
        Rows(
            ("set", "summaries", "judge", "balanced accuracy", "ROC-AUC"),
            [(m.set, f"{m.summaries:,}", m.judge, str(m.accuracy), str(m.auc)) for m in result.measured],
        ),
        *[Text(f"{name}: {value}") for name, value in result.differences],
        Heading(2, "Published figures"),
        Text("On the test halves, which are not here, so only roughly comparable."),
        Rows(("set", "system", "balanced accuracy", "source"), PUBLISHED),
        Heading(2, "Which errors it sees"),
        Text(
            f"Share of claims of “{OWN}” that are noticed, by what was changed; in the last column by a judge that was "
            "not shown that kind of change while it learned."
        ),
        Rows(("what was changed", "claims", "noticed", "noticed unseen"), kinds),
        Text(_CANNOT),
        Heading(2, "Whether its probability can be believed"),
        Picture("reliability.svg", _reliability(result), "Predicted probability against the share that is faithful"),
        Text(
            "Both labels weigh the same here, as the probability is meant; where most claims are true, it is too low."
        ),
    ]


def document(result: Result) -> dict[str, Any]:
    """All of it as plain values for JSON."""
    return {
        "sets": [
            {
                "set": m.set,
                "judge": m.judge,
                "summaries": m.summaries,
                "balanced_accuracy": rounded(m.accuracy),
                "roc_auc": rounded(m.auc),
            }
            for m in result.measured
        ],
        "kinds": [
            {"kind": k.kind, "claims": k.claims, "noticed": rounded(k.noticed), "unseen": rounded(k.noticed_unseen)}
            for k in result.kinds
        ],
        "differences": {name: rounded(value) for name, value in result.differences},
    }


def rounded(value: Interval) -> list[float | None]:
    """Mean, low and high end."""
    return [None if part is None else round(part, 4) for part in value]


def _bars(result: Result) -> str:
    sets = list(dict.fromkeys(m.set for m in result.measured))
    with styled():
        figure = Figure(figsize=(8, 0.42 * len(sets) + 1.2), layout="constrained")
        axes = figure.subplots()
        for judge, colour in _COLOURS.items():
            shown = [m for m in result.measured if m.judge == judge]
            shift = {SHIPPED: 0.0, DOCUMENTS: -0.14, SETS: 0.14}[judge]
            places = [sets.index(m.set) + shift for m in shown]
            means = [m.accuracy.mean for m in shown]
            axes.errorbar(
                means, places, xerr=columns([reach(m.accuracy) for m in shown]), fmt="o", color=colour, label=judge,
                markersize=4, linewidth=1, capsize=2,
            )  # fmt: skip
        axes.axvline(0.5, color="#bbbbbb", linestyle="--", linewidth=1)
        axes.set_yticks(range(len(sets)), sets)
        axes.invert_yaxis()
        axes.set(xlim=(0.4, 1), xlabel="balanced accuracy; dashed: a coin")
        axes.grid(axis="x", color="#eeeeee", linewidth=0.7)
        figure.legend(loc="outside upper center", ncols=3, frameon=False)
        return svg(figure)


def _reliability(result: Result) -> str:
    shares = balanced_shares(result)
    with styled():
        figure = Figure(figsize=(4.4, 4.2), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1, linestyle="--")
        axes.errorbar(
            [predicted for predicted, _ in shares], [share.mean for _, share in shares],
            columns([reach(share) for _, share in shares]), fmt="o", color=_COLOURS[SHIPPED], linewidth=1, capsize=2,
        )  # fmt: skip
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability", ylabel="share that is faithful")
        axes.set_aspect("equal")
        axes.grid(color="#eeeeee", linewidth=0.7)
        return svg(figure)


def balanced_shares(result: Result) -> list[tuple[float, Interval]]:
    """Mean probability and share of faithful ones in equal steps of the probability; both labels weigh the same."""
    place = np.minimum((result.scores * _BINS).astype(int), _BINS - 1)
    weights = np.where(result.faithful, 1 / max(1, result.faithful.sum()), 1 / max(1, (~result.faithful).sum()))
    inside = (place[:, None] == np.arange(_BINS)) * weights[:, None]
    found = share_intervals(inside * result.faithful[:, None], inside, 0)
    means: Sequence[float] = (inside * result.scores[:, None]).sum(axis=0) / np.maximum(inside.sum(axis=0), 1e-12)
    return [(float(mean), share) for mean, share in zip(means, found, strict=True) if share]
