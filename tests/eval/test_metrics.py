"""The measures agree with trec_eval, called through ir-measures."""

import random
from typing import Any

import pytest

from eval import metrics

ir_measures: Any = pytest.importorskip("ir_measures", reason="it has no package for this processor")


def _run(chance: random.Random) -> tuple[dict[str, int], dict[str, float]]:
    """Grades and scores of one question: few distinct scores, so many ties; some papers are not judged or not found."""
    papers = [f"d{number}" for number in range(chance.randint(1, 90))]
    judged = chance.sample(papers, chance.randint(1, len(papers)))
    grades = {paper: chance.choice([0, 0, 0, 1, 2]) for paper in judged}
    grades[chance.choice(judged)] = chance.choice([1, 2])
    found = chance.sample(papers, chance.randint(1, len(papers)))
    return grades, {paper: chance.randint(0, 12) / 4 for paper in found}


def test_the_measures_agree_with_the_reference_on_graded_judgments_and_ties() -> None:
    chance = random.Random(4)  # noqa: S311
    cases = {f"q{number}": _run(chance) for number in range(300)}
    names = {
        ir_measures.nDCG @ 10: "ndcg",
        ir_measures.RR: "mrr",
        **{ir_measures.R @ k: f"recall {k}" for k in (5, 10, 20, 50)},
    }
    qrels = {query: grades for query, (grades, _) in cases.items()}
    scores = {query: scored for query, (_, scored) in cases.items()}
    reference = {(m.query_id, names[m.measure]): m.value for m in ir_measures.iter_calc(list(names), qrels, scores)}
    assert len(reference) == len(cases) * len(names)
    for query, (grades, scored) in cases.items():
        # trec_eval breaks ties by the later name; our rankings come with their ties broken.
        ranking = sorted(scored, key=lambda paper: (scored[paper], paper), reverse=True)
        relevant = {paper for paper, grade in grades.items() if grade > 0}
        curve = metrics.recall_curve(ranking, relevant, 60)
        ours = {
            "ndcg": metrics.ndcg(ranking, grades, 10),
            "mrr": metrics.reciprocal_rank(ranking, relevant),
            **{f"recall {k}": metrics.recall(ranking, relevant, k) for k in (5, 10, 20, 50)},
        }
        for name, value in ours.items():
            assert value == pytest.approx(reference[query, name], abs=1e-9), (query, name)
        assert [curve[k - 1] for k in (5, 10, 20, 50)] == [ours[f"recall {k}"] for k in (5, 10, 20, 50)]


def test_precision_and_f1_of_a_list_are_those_of_the_reference_at_its_length() -> None:
    chance = random.Random(5)  # noqa: S311
    for number in range(100):
        grades, scored = _run(chance)
        listed = sorted(scored, key=lambda paper: (scored[paper], paper), reverse=True)[: chance.randint(1, 20)]
        relevant = {paper for paper, grade in grades.items() if grade > 0}
        run = {str(number): {paper: -float(rank) for rank, paper in enumerate(listed)}}
        asked = {str(number): grades}
        precision, recall = (
            next(iter(ir_measures.iter_calc([measure], asked, run))).value
            for measure in (ir_measures.P @ len(listed), ir_measures.R @ len(listed))
        )
        assert metrics.precision(listed, relevant) == pytest.approx(precision)
        both = precision + recall
        assert metrics.f1(listed, relevant) == pytest.approx(2 * precision * recall / both if both else 0.0)
