"""Choose the weights that order the judged papers: `python -m training.ranking --work DIR`.

Many mixes are drawn at random and the best of them are averaged: differences between good mixes are smaller than what
a change of questions makes, so the single best one would be luck. Chosen by nDCG@10 and recall@20 on CACM, CISI,
SciFact (every fourth claim) and the project's own list questions; the development questions are not looked at.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eval import metrics
from eval.collections import COLLECTIONS, open_collection, open_sample, read_queries
from eval.data import ROOT
from eval.questions import own_lists
from service.answer.find import find
from service.index import relevance
from service.library import Library
from service.types import Filter

Array = NDArray[np.float64]
_OUTPUT = Path(relevance.__file__).with_name("ranking.json")
_DRAWS = 5_000
_AVERAGED = 100
_SEED = 1
_FEATURES = ("fused", "chunk cosine", "sentence cosine", "BM25", "expanded BM25", "coverage", "alike papers")
_RECALL_WEIGHT = 0.5
"""A reader misses the tenth paper less than a wrong first one."""


class Question(NamedTuple):
    """The judged papers of one question."""

    features: Array
    """Shape (papers, 6)."""
    alike: NDArray[np.int64]
    """For each the places of those most like it."""
    papers: list[str]
    grades: Mapping[str, int]


def questions_of(library: Library, judged: Sequence[tuple[str, Mapping[str, int]]], key: str) -> list[Question]:
    """Features of the judged papers of each question; `key` is the field that the grades go by."""
    result = []
    for text, grades in judged:
        ranking, found, _ = find(library.workbench(), text, Filter(), "list")
        by_row = {item.candidate.row: item for item in found}
        first = ranking.candidates[: len(found)]
        items = [by_row[candidate.row] for candidate in first]
        features = relevance.ranking_features(first, [item.evidence.coverage for item in items])
        papers = [str(getattr(item.paper, key)) for item in items]
        result.append(Question(features, relevance.most_alike(ranking.likeness), papers, grades))
    return result


def values(questions: Sequence[Question], weights: Array) -> tuple[float, float]:
    """Mean nDCG@10 and recall@20 of one mix."""
    results = []
    for question in questions:
        scores = relevance.rank_scores(question.features, question.alike, weights)
        order = np.argsort(-scores, kind="stable")
        listed = [question.papers[place] for place in order]
        relevant = {paper for paper, grade in question.grades.items() if grade > 0}
        results.append((metrics.ndcg(listed, question.grades, 10), metrics.recall(listed, relevant, 20)))
    ndcg, recall = np.mean(results, axis=0)
    return float(ndcg), float(recall)


def worth(sets: Mapping[str, Sequence[Question]], weights: Array) -> float:
    """What is maximised: the collections together count as much as the project's own questions."""
    scores = {name: np.dot(values(questions, weights), (1.0, _RECALL_WEIGHT)) for name, questions in sets.items()}
    collections = [score for name, score in scores.items() if name != "own"]
    return float((np.mean(collections) + scores["own"]) / 2)


def draws() -> Iterator[Array]:
    """Mixes that sum to 1, of any of the features."""
    chance = np.random.default_rng(_SEED)
    for _ in range(_DRAWS):
        yield chance.dirichlet(np.ones(len(_FEATURES)))


def choose(sets: Mapping[str, Sequence[Question]]) -> Array:
    """The mean of the best mixes, in thousandths."""
    best = sorted(draws(), key=lambda weights: -worth(sets, weights))[:_AVERAGED]
    rounded: Array = np.array(best).mean(axis=0).round(3)
    return rounded


def _judged(name: str) -> list[tuple[str, Mapping[str, int]]]:
    if name == "own":
        return [(question.text, question.grades) for question in own_lists()]
    return [(query.text, query.relevant) for query in read_queries(name)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Choose, print what it is worth against the fused score alone, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "training")
    work = parser.parse_args(arguments).work
    sets: dict[str, list[Question]] = {}
    for name in (*COLLECTIONS, "own"):
        with open_sample(work) if name == "own" else open_collection(name, work) as library:
            sets[name] = questions_of(library, _judged(name), "title" if name == "own" else "paper_id")
    chosen = choose(sets)
    for name, questions in sets.items():
        for label, weights in (("fused alone", np.eye(len(_FEATURES))[0]), ("chosen", chosen)):
            ndcg, recall = values(questions, weights)
            sys.stdout.write(f"{name:8} {label:12} nDCG@10 {ndcg:.3f}  recall@20 {recall:.3f}\n")
    document = {
        "made by": "python -m training.ranking",
        "data": "CACM, CISI, SciFact train (CC BY 4.0), eval/tasks/lists-1.json",
        "features": _FEATURES,
        "weights": [round(float(weight), 3) for weight in chosen],
    }
    _OUTPUT.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
