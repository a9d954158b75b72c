"""Fit the constants of `service/index/relevance.py`: `python -m training.relevance --work DIR`.

Which paper belongs in a list: logistic regression on CACM and every fourth SciFact claim (CISI, where a question has
41 relevant papers, would teach to list too much). Whether a question is answered at all: the same on
`eval/tasks/answerable-1.json` and the development questions, with each question left out in turn for the trade-off
that is printed. The first run ingests the collections into DIR, about twelve minutes on two cores.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.collections import open_collection, read_queries
from eval.data import ROOT
from eval.questions import development_questions, own_questions
from service.answer.find import Findings, find
from service.index import relevance
from service.library import Library
from service.settings import Settings
from service.types import Filter

Array = NDArray[np.float64]
_OUTPUT = ROOT / "service" / "index" / "relevance.json"
_DECAY = 1.0
_NEWTON_STEPS = 50
_REFUSED_ANSWERABLE = 1 / 40


def fit(features: Array, labels: Array, weights: Array) -> Array:
    """Bias and weights of a logistic regression with L2 on standardized features, in the units of the features."""
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    inputs = np.c_[np.ones(len(features)), (features - mean) / scale]
    penalty = np.r_[1e-6, np.full(features.shape[1], _DECAY)]
    theta = np.zeros(inputs.shape[1])
    for _ in range(_NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-inputs @ theta))
        gradient = inputs.T @ (weights * (chance - labels)) + penalty * theta
        hessian = (inputs * (weights * chance * (1 - chance))[:, None]).T @ inputs + np.diag(penalty)
        theta -= np.linalg.solve(hessian, gradient)
    raw = theta[1:] / scale
    result: Array = np.r_[theta[0] - raw @ mean, raw]
    return result


def findings(library: Library, question: str) -> Findings:
    """What retrieval finds for a question, with its evidence."""
    return find(library.workbench(), question, Filter(), "list")


def relevance_examples(work: Path) -> tuple[Array, Array, Array]:
    """Features, labels and weights of candidates; every question weighs the same."""
    rows, labels, weights = [], [], []
    for name in ("cacm", "scifact"):
        queries = read_queries(name)
        queries = queries[::4] if name == "scifact" else queries
        with open_collection(name, work) as library:
            for query in queries:
                found = findings(library, query.text)
                for judged in found.judged:
                    rows.append(judged.evidence[:4])
                    labels.append(judged.paper.paper_id in query.relevant)
                    weights.append(1 / len(found.judged) / len(queries))
    share = np.array(weights) * len(weights) / sum(weights)
    return np.array(rows, dtype=float), np.array(labels, dtype=float), share


def answerable_examples(work: Path) -> tuple[Array, Array]:
    """Features and labels of questions with and without an answer in the sample pages."""
    cases = [(question.text, question.kind != "unanswerable") for question in own_questions()]
    cases += [
        (question.text, question.kind != "unanswerable")
        for question in development_questions()
        if question.kind != "metadata" and "published on" not in question.text
    ]
    with Library.open(Settings(home=work / "sample")) as library:
        library.ingest([ROOT / "samples" / "daily-papers"])
        rows = [
            relevance.answerability_features([j.evidence for j in findings(library, text).judged]) for text, _ in cases
        ]
    return np.array(rows, dtype=float), np.array([label for _, label in cases], dtype=float)


def trade_off(features: Array, labels: Array) -> tuple[float, list[str]]:
    """Threshold for the answerable questions that may be refused, and lines of the trade-off, each left out in turn."""
    scores = np.empty(len(labels))
    for index in range(len(labels)):
        others = np.arange(len(labels)) != index
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
    between = (answerable[allowed - 1] + answerable[allowed]) / 2 if allowed else answerable[0]
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
    features, labels, weights = relevance_examples(work)
    listing = fit(features, labels, weights)
    question_features, question_labels = answerable_examples(work)
    answering = fit(question_features, question_labels, np.ones(len(question_labels)))
    threshold, lines = trade_off(question_features, question_labels)
    sys.stdout.write("\n".join([*reliability(features, labels, weights, listing), *lines]) + "\n")
    document: dict[str, Any] = {
        "made by": "python -m training.relevance",
        "data": "CACM, SciFact train (CC BY 4.0), eval/tasks/answerable-1.json, development questions",
        "trade-off": lines,
        "relevance": [round(float(value), 4) for value in listing],
        "answerable": [round(float(value), 4) for value in answering],
        "refuse_below": round(threshold, 4),
    }
    _OUTPUT.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
