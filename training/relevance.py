"""Fit the constants of `service/index/relevance.py`: `python -m training.relevance --work DIR`.

Which paper belongs in a list: logistic regression on the project's own list questions (a SciFact claim has one relevant
paper, a CISI question 41: the number that a list has is learned from lists). Whether a question is answered at all: the
same on the project's own and the development questions, lists and others apart, with each question left out in turn for
the trade-off that is printed. Run it after `training/ranking.py`, whose score is one of the features.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.collections import open_sample
from eval.data import ROOT
from eval.questions import development_questions, own_lists, own_questions
from service.answer.find import find
from service.index import relevance
from service.index.plan import make_plan
from service.types import Filter

Array = NDArray[np.float64]
_OUTPUT = ROOT / "service" / "index" / "relevance.json"
_DECAY = 1.0
_NEWTON_STEPS = 50
_REFUSED_ANSWERABLE = 0.0
"""More would not catch more of the unanswerable questions."""


def fit(features: Array, labels: Array, weights: Array, decay: float = _DECAY) -> Array:
    """Bias and weights of a logistic regression with L2 on standardized features, in the units of the features."""
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    inputs = np.c_[np.ones(len(features)), (features - mean) / scale]
    penalty = np.r_[1e-6, np.full(features.shape[1], decay)]
    theta = np.zeros(inputs.shape[1])
    for _ in range(_NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-inputs @ theta))
        gradient = inputs.T @ (weights * (chance - labels)) + penalty * theta
        hessian = (inputs * (weights * chance * (1 - chance))[:, None]).T @ inputs + np.diag(penalty)
        theta -= np.linalg.solve(hessian, gradient)
    raw = theta[1:] / scale
    result: Array = np.r_[theta[0] - raw @ mean, raw]
    return result


def relevance_examples(work: Path) -> tuple[Array, Array, Array]:
    """Features, labels and weights of candidates; every question weighs the same."""
    rows: list[tuple[float, ...]] = []
    labels: list[bool] = []
    weights: list[float] = []
    with open_sample(work) as library:
        for question in own_lists():
            found = find(library.workbench(), question.text, Filter(), "list").judged
            rows.extend(relevance.relevance_features(judged.evidence) for judged in found)
            labels.extend(question.grades.get(judged.paper.title, 0) > 0 for judged in found)
            weights.extend([1 / len(found)] * len(found))
    share = np.array(weights) * len(weights) / sum(weights)
    return np.array(rows, dtype=float), np.array(labels, dtype=float), share


def answerable_examples(work: Path) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Features, labels (1: the sample pages have an answer), and which questions are planned as lists."""
    cases = [(question.text, question.kind != "unanswerable") for question in (*own_questions(), *own_lists())]
    cases += [
        (question.text, question.kind != "unanswerable")
        for question in development_questions()
        if question.kind != "metadata" and "published on" not in question.text
    ]
    rows, lists = [], []
    with open_sample(work) as library:
        for text, _ in cases:
            plan = make_plan(text, date.today())
            found = find(library.workbench(), plan.topic or text, plan.condition, plan.kind)
            evidence = [judged.evidence for judged in found.judged]
            rows.append(relevance.answerability_features(found.ranking.words, evidence, plan.kind))
            lists.append(plan.kind == "list")
    return np.array(rows, dtype=float), np.array([label for _, label in cases], dtype=float), np.array(lists)


def trade_off(features: Array, labels: Array, lists: NDArray[np.bool_]) -> tuple[float, list[str]]:
    """Threshold for the answerable questions that may be refused, and lines of the trade-off, each left out in turn."""
    scores = np.empty(len(labels))
    for index in range(len(labels)):
        others = (np.arange(len(labels)) != index) & (lists == lists[index])
        theta = fit(features[others], labels[others], np.ones(int(others.sum())))
        scores[index] = 1 / (1 + np.exp(-(theta[0] + features[index] @ theta[1:])))
    answerable, unanswerable = np.sort(scores[labels == 1]), scores[labels == 0]
    lines = []
    for lost in range(4):
        caught = int((unanswerable < answerable[lost]).sum())
        lines.append(
            f"refuse {lost} of {len(answerable)} answerable ones: {caught} of {len(unanswerable)} unanswerable ones "
            f"are refused (threshold {answerable[lost]:.3f})"
        )
    allowed = int(_REFUSED_ANSWERABLE * len(answerable))
    # In the middle of the gap below the first answerable question that must not be refused.
    between = (max(unanswerable[unanswerable < answerable[allowed]], default=0.0) + answerable[allowed]) / 2
    refused = [int((values < between).sum()) for values in (answerable, unanswerable)]
    lines.append(f"shipped: {refused[0]} of {len(answerable)} and {refused[1]} of {len(unanswerable)} are refused")
    return float(between), lines


def reliability(features: Array, labels: Array, weights: Array, theta: Array) -> list[str]:
    """Predicted against observed relevance in bins of the prediction."""
    chance = 1 / (1 + np.exp(-(theta[0] + features @ theta[1:])))
    lines = []
    edges = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 1.0)
    for low, high in pairwise(edges):
        inside = (chance >= low) & (chance < high)
        if inside.any():
            predicted = np.average(chance[inside], weights=weights[inside])
            observed = np.average(labels[inside], weights=weights[inside])
            lines.append(f"predicted {predicted:.3f}  observed {observed:.3f}  n {int(inside.sum())}")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit both, print what they are worth, write the constants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "training")
    work = parser.parse_args(arguments).work
    examples = relevance_examples(work)
    listing = fit(*examples)
    question_features, labels, lists = answerable_examples(work)
    answering = {
        kind: fit(question_features[chosen], labels[chosen], np.ones(int(chosen.sum())))
        for kind, chosen in (("list", lists), ("fact", ~lists))
    }
    threshold, lines = trade_off(question_features, labels, lists)
    sys.stdout.write("\n".join([*reliability(*examples, listing), *lines]) + "\n")
    document: dict[str, Any] = {
        "made by": "python -m training.relevance",
        "data": "eval/tasks, development questions (refusing only)",
        "trade-off": lines,
        "relevance": [round(float(value), 4) for value in listing],
        "answerable": {kind: [round(float(value), 4) for value in theta] for kind, theta in answering.items()},
        "refuse_below": round(threshold, 4),
    }
    _OUTPUT.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
