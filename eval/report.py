"""The retrieval report."""

from collections.abc import Sequence
from pathlib import Path

from eval import blocks, plots
from eval.blocks import Block, Heading, Picture, Rows, Text
from eval.intervals import RESAMPLES, Interval
from eval.retrieval import MEASURES, OURS, Outcome
from eval.summary import KindSummary
from eval.systems import EXPLAINED

_MOST_TITLES = 5
_TITLE_CHARACTERS, _QUESTION_CHARACTERS = 90, 220


def write(folder: Path, summaries: Sequence[KindSummary], about: str) -> list[Path]:
    """Write the report on what was measured; the paths of `report.md` and `report.html`.

    Args:
        folder: made where needed; files of these names in it are replaced.
        summaries: what was measured.
        about: what on, and with which seed.

    Raises:
        InputError: the folder cannot be written.
    """
    return blocks.write(folder, made(summaries, about), "Paperboy: retrieval")


def made(summaries: Sequence[KindSummary], about: str) -> list[Block]:
    """The report, block by block."""
    found: list[Block] = [
        Heading(1, "Retrieval"),
        Text(about),
        Text(
            f"Brackets hold 95 % intervals: the questions were drawn anew {RESAMPLES:,} times. Of fewer than ten "
            "questions an interval says little. Precision and F1 are those of the papers that an answer lists, and of "
            "as many of each other system's first papers. Of the worst questions, missed is what is relevant and not "
            "among the papers that an answer lists, wrongly listed the other way round; where one paper is right by "
            "construction (sentences, titles): not among the first ten, and what stands before it."
        ),
        Rows(("system", "order of the papers"), list(EXPLAINED.items())),
        Heading(2, "By kind of question"),
        Picture("bars.svg", plots.bars(summaries), "nDCG@10, recall@20 and F1 by system and kind of question"),
        Heading(2, "Recall by the number of papers looked at"),
        Picture("recall.svg", plots.recall_curves(summaries), "Recall among the first k papers, by kind of question"),
    ]
    drawn = plots.reliability(summaries)
    if drawn:
        found += [
            Heading(2, "Whether predicted relevance can be believed"),
            Picture("reliability.svg", drawn, "Predicted relevance of the judged papers against the share relevant"),
            Text("Numbers above the dots: papers. On the dashed line a prediction means what it says."),
        ]
    for summary in summaries:
        found += _kind(summary)
    return found


def _kind(summary: KindSummary) -> list[Block]:
    refused = f"; Paperboy would refuse {summary.refused} of the questions" if summary.refused else ""
    kept = [n for n, value in enumerate(summary.means[OURS]) if value]
    header = [MEASURES[n] for n in kept]
    return [
        Heading(2, f"{summary.kind}: {summary.questions:,} questions"),
        Text(f"Means{refused}."),
        Rows(["system", *header], [[name, *_values(row, kept)] for name, row in summary.means.items()]),
        Text("Paperboy minus each baseline, question by question; * where the interval does not reach 0."),
        Rows(["baseline", *header], [[name, *_differences(row, kept)] for name, row in summary.differences.items()]),
        *_worst(summary.worst),
    ]


def _values(row: Sequence[Interval | None], kept: Sequence[int]) -> list[str]:
    return [str(row[n]).replace(" [", "\n[") for n in kept]


def _differences(row: Sequence[Interval | None], kept: Sequence[int]) -> list[str]:
    cells = []
    for value in (row[n] for n in kept):
        star = "*" if value and value.certain_sign else ""
        sign = "+" if value and value.mean >= 0 else ""
        cells.append(f"{sign}{value}".replace(" [", f"{star}\n["))
    return cells


def _worst(outcomes: Sequence[Outcome]) -> list[Block]:
    rows = [
        (
            outcome.case.id,
            _short(outcome.case.text, _QUESTION_CHARACTERS),
            f"{outcome.values[OURS][MEASURES.index('nDCG@10')]:.3f}",
            _titles(outcome.missed),
            _titles(outcome.wrong),
        )
        for outcome in outcomes
    ]
    header = ("id", "question", "nDCG@10", "missed", "wrongly listed")
    return [Heading(3, "The worst questions"), Rows(header, rows)] if rows else []


def _titles(titles: Sequence[str]) -> str:
    lines = [f"• {_short(title, _TITLE_CHARACTERS)}" for title in titles[:_MOST_TITLES]]
    if len(titles) > _MOST_TITLES:
        lines.append(f"and {len(titles) - _MOST_TITLES} more")
    return "\n".join(lines) or "–"


def _short(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
