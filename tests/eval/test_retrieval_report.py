"""From outcomes to intervals, plots and reports."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from eval import report, summary
from eval.intervals import mean_intervals, share_intervals
from eval.retrieval import DEEPEST, MEASURES, OURS, SYSTEMS, Case, Outcome
from service.errors import InputError

HOSTILE = "<script>alert(1)</script> | ![x](https://example.org/p.png) `a`\nb"


def _outcome(number: int, kind: str, ndcg: float, *, cut: bool = True) -> Outcome:
    values = np.full(len(MEASURES), ndcg)
    if not cut:
        values[-2:] = np.nan
    systems = {system: values * (1.0 if system == OURS else 0.5) for system in SYSTEMS}
    curves = {system: np.linspace(0, ndcg, DEEPEST) for system in SYSTEMS}
    relevance = [(0.05, False), (0.95, True), (0.55, number % 2 == 0)] if cut else []
    case = Case(f"q{number}", kind, HOSTILE, {"a": 2})
    return Outcome(case, systems, curves, [HOSTILE], ["other"] * 7, relevance, refused=number == 0)


@pytest.fixture
def outcomes() -> list[Outcome]:
    return [
        *(_outcome(n, "list", share) for n, share in enumerate((0.2, 1.0, 0.6))),
        *(_outcome(n, "titles", 0.9, cut=False) for n in range(2)),
        _outcome(9, "factoid", 1.0),
    ]


def test_an_interval_holds_the_true_mean_as_often_as_it_says() -> None:
    chance = np.random.default_rng(1)
    inside = 0
    for seed in range(200):
        found = mean_intervals(chance.normal(0.5, 0.2, size=(60, 1)), seed)[0]
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 0.5 <= found.high
    assert 180 <= inside <= 199


def test_intervals_are_the_same_at_every_run_and_absent_for_one_question() -> None:
    values = np.random.default_rng(2).random((20, 3))
    assert mean_intervals(values, 7) == mean_intervals(values, 7)
    assert mean_intervals(values, 7) != mean_intervals(values, 8)
    assert mean_intervals(values[:1], 7)[0][1:] == (None, None)
    assert str(mean_intervals(np.ones((2, 1)), 0)[0]) == "1.000 [1.000, 1.000]"


def test_a_share_is_pooled_and_absent_where_nothing_was_counted() -> None:
    hits, totals = np.array([[1.0, 0.0], [3.0, 0.0]]), np.array([[4.0, 0.0], [4.0, 0.0]])
    pooled, nothing = share_intervals(hits, totals, 0)
    assert nothing is None
    assert pooled is not None
    assert pooled.mean == 0.5
    assert (pooled.low, pooled.high) == (0.25, 0.75)


def test_a_summary_has_means_differences_reliability_and_the_worst(outcomes: list[Outcome]) -> None:
    lists, titles, fact = summary.summarize(outcomes, 0)
    assert (lists.kind, lists.questions, lists.refused) == ("list", 3, 1)
    mean, difference = lists.means[OURS][0], lists.differences["BM25"][0]
    assert mean is not None
    assert mean.mean == pytest.approx(0.6)
    assert difference is not None
    assert difference.mean == pytest.approx(0.3)
    assert [outcome.case.id for outcome in lists.worst] == ["q0", "q2"]
    assert lists.reliability is not None
    assert lists.reliability.papers == [3, 3, 3]
    assert lists.reliability.error == pytest.approx((0.05 + 0.05 + abs(0.55 - 2 / 3)) / 3)
    assert titles.means[OURS][-1] is None
    assert titles.reliability is None
    assert fact.worst == []
    document = summary.document([lists, titles, fact], 0)
    assert document["questions"] == 6
    assert document["kinds"][0]["systems"][-1]["nDCG@10"]["mean"] == 0.6
    assert document["kinds"][1]["systems"][0]["F1"] is None


def test_the_html_is_one_file_in_which_nothing_of_a_title_is_live(outcomes: list[Outcome], tmp_path: Path) -> None:
    found = report.write(tmp_path / "new" / "report", summary.summarize(outcomes, 0), "a test")
    html = found[1].read_text(encoding="utf-8")
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert re.findall(r'(?:src|href)="(?!data:image/svg\+xml;base64,)', html) == []
    assert html.count("<img ") == 3


def test_the_markdown_has_its_plots_beside_it_and_titles_cannot_break_a_table(
    outcomes: list[Outcome], tmp_path: Path
) -> None:
    found = report.write(tmp_path, summary.summarize(outcomes, 0), "a test")
    text = found[0].read_text(encoding="utf-8")
    plots = re.findall(r"(?<!\\)!\[[^\]]*[^\\\]]\]\(([^)]+)\)", text)
    assert plots == ["bars.svg", "recall.svg", "reliability.svg"]
    for name in plots:
        ElementTree.fromstring((tmp_path / name).read_text(encoding="utf-8"))  # noqa: S314 - our own
    assert "<script" not in text
    for table in re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_the_same_outcomes_give_the_same_files(outcomes: list[Outcome], tmp_path: Path) -> None:
    for name in ("a", "b"):
        report.write(tmp_path / name, summary.summarize(outcomes, 0), "a test")
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_without_judged_lists_there_is_no_reliability_plot(outcomes: list[Outcome], tmp_path: Path) -> None:
    titles = [outcome for outcome in outcomes if outcome.case.kind == "titles"]
    report.write(tmp_path, summary.summarize(titles[:1], 0), "a test")
    assert not (tmp_path / "reliability.svg").exists()


def test_a_folder_that_cannot_be_written_is_named(outcomes: list[Outcome], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="the report cannot be written to"):
        report.write(tmp_path / "file", summary.summarize(outcomes, 0), "a test")
