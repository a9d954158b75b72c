"""The exam of the judge: measures that agree with what they are called, and a report with all that was measured."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval import judge_report, judging
from eval.blocks import html, markdown
from eval.intervals import Interval
from eval.judging import KindOfError, Measured, Reading, Result
from eval.labels import Labelled
from eval.metrics import balanced_accuracy, roc_auc
from service.answer.reading import reader
from service.checking import terms
from tests.llm.rerankers import Bert

SURE = Interval(0.75, 0.5, 1.0)


def result(difference: float | None = None) -> Result:
    differences = [] if difference is None else [("judge model minus built-in", Interval(difference, -0.1, 0.2))]
    return Result(
        [Measured("news | <b>", judging.SETS, 4, SURE, SURE), Measured("own", judging.SHIPPED, 4, SURE, SURE)],
        [KindOfError("number", 3, SURE, SURE)],
        np.array([0.1, 0.2, 0.8, 1.0]),
        np.array([False, True, True, True]),
        differences,
    )


def test_the_area_under_the_curve_is_the_chance_of_the_right_order() -> None:
    assert roc_auc([0.1, 0.4, 0.35, 0.8], [False, False, True, True]) == 0.75
    assert roc_auc([0.5, 0.5], [True, False]) == 0.5
    assert roc_auc([0.5], [True]) == 0.5


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30))
def test_the_area_is_that_of_all_pairs(rows: list[tuple[int, bool]]) -> None:
    pairs = [(a, b) for a, first in rows for b, second in rows if first and not second]
    wanted = sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs) if pairs else 0.5
    assert roc_auc([score for score, _ in rows], [label for _, label in rows]) == pytest.approx(wanted)


def test_the_first_draw_is_the_balanced_accuracy_itself() -> None:
    predicted, faithful = np.array([True, True, False, False, True]), np.array([True, False, False, False, False])
    wanted = balanced_accuracy(predicted.tolist(), faithful.tolist())
    assert judging._draws(predicted, faithful, 0)[0] == pytest.approx(wanted)


def test_an_interval_holds_the_figure_and_is_the_same_every_time() -> None:
    random = np.random.default_rng(3)
    faithful = random.random(200) < 0.4
    reading = Reading("set", judging.SETS, np.clip(faithful * 0.3 + random.random(200) * 0.6, 0, 1), faithful)
    measured = judging._measured(reading, 0)
    assert measured == judging._measured(reading, 0)
    for value in (measured.accuracy, measured.auc):
        assert value.low is not None
        assert value.high is not None
        assert 0.5 < value.low < value.mean < value.high < 1


@pytest.mark.parametrize(("difference", "passed"), [(None, True), (0.01, True), (-0.01, False)])
def test_a_judge_model_passes_if_it_is_not_worse_than_the_built_in_one(difference: float | None, passed: bool) -> None:
    assert result(difference).passed is passed


def test_the_report_has_every_set_and_kind_and_shows_names_as_they_are() -> None:
    made = judge_report.made(result(0.01), "a test")
    page = html(made, "judge")
    for text in ("own", "number", "0.750 [0.500, 1.000]", "SummaC-ZS", "judge model minus built-in"):
        assert text in page
    assert "news | <b>" not in page + markdown(made)
    assert "news | &lt;b&gt;" in page


def test_both_labels_weigh_the_same_in_the_reliability_plot() -> None:
    shares = judge_report.balanced_shares(result())
    assert sum(share.mean > 0 for _, share in shares) >= 2
    assert shares[0][1].mean == 0.0
    assert shares[-1][1].mean == 1.0


def test_the_document_has_plain_values() -> None:
    document = judge_report.document(result())
    assert document["sets"][0]["balanced_accuracy"] == [0.75, 0.5, 1.0]
    assert document["kinds"] == [
        {"kind": "number", "claims": 3, "noticed": [0.75, 0.5, 1.0], "unseen": [0.75, 0.5, 1.0]}
    ]


def test_a_judge_model_is_asked_with_the_evidence_and_compared_where_its_set_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    items = {
        name: [
            Labelled(name, n, "MEFT reduces memory. Cats sleep.", (claim,), faithful, (faithful,))
            for n, (claim, faithful) in enumerate([("MEFT reduces memory.", True), ("Dogs bark.", False)] * 5)
        ]
        for name in ("first", "second")
    }
    monkeypatch.setattr(judging, "labelled", lambda names: items[names[0]])
    asked = []

    def second(claim: str, text: str) -> float:
        asked.append(text)
        return float(claim in text)

    # The built-in judge of this test is wrong everywhere.
    faithful = np.array([True, False] * 5)
    readings = [Reading(name, judging.SETS, 1.0 - faithful, faithful) for name in items]
    name, value = judging._difference(second, reader(terms), readings, 0)
    assert "judge model" in name
    assert value.mean == 1.0
    assert set(asked) <= {"MEFT reduces memory.", "MEFT reduces memory. Cats sleep.", "Cats sleep."}


def test_a_model_file_with_a_rank_head_can_be_the_second_opinion(tmp_path: Path) -> None:
    model = judging.second_opinion(Bert().write(tmp_path / "judge.gguf"))
    assert np.isfinite(model("small model", "which papers make memory small"))
