"""The retrieval report, as Markdown with the plots beside it and as one HTML file that needs nothing else.

Questions and titles are untrusted text: they are escaped in both.
"""

import base64
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from eval import plots
from eval.intervals import RESAMPLES, Interval
from eval.retrieval import MEASURES, OURS, Outcome
from eval.summary import KindSummary
from eval.systems import EXPLAINED
from service.errors import InputError

_MOST_TITLES = 5
_TITLE_CHARACTERS, _QUESTION_CHARACTERS = 90, 220
_MARKDOWN = re.compile(r"([\\`*_\[\]#|$~]|:(?=//))")
"""What means something inside a line of Markdown; the second alternative makes links of addresses."""
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;color:#1f2328;max-width:1080px;margin:2em auto;padding:0 1em}"
    "h1,h2,h3{line-height:1.25}table{border-collapse:collapse;font-size:13px;margin:.8em 0;display:block;"
    "overflow-x:auto}td,th{border:1px solid #d8dee4;padding:.3em .6em;text-align:left;vertical-align:top}"
    "th{background:#f6f8fa}td+td{font-variant-numeric:tabular-nums}img{max-width:100%;height:auto}"
)


class Heading(NamedTuple):
    """A heading of level 1 to 3."""

    level: int
    text: str


class Text(NamedTuple):
    """A paragraph."""

    text: str


class Rows(NamedTuple):
    """A table; a line break in a cell is kept."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


class Picture(NamedTuple):
    """A plot with the name of its file."""

    name: str
    svg: str
    alt: str


Block = Heading | Text | Rows | Picture


def write(folder: Path, summaries: Sequence[KindSummary], about: str) -> list[Path]:
    """Write `report.md`, `report.html` and the plots; the paths of the first two.

    Args:
        folder: made where needed; files of these names in it are replaced.
        summaries: what was measured.
        about: what on, and with which seed.

    Raises:
        InputError: the folder cannot be written.
    """
    blocks = made(summaries, about)
    texts = {picture.name: picture.svg for picture in blocks if isinstance(picture, Picture)}
    texts |= {"report.md": markdown(blocks), "report.html": html(blocks)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"the report cannot be written to {folder}: {error.strerror}") from None
    return [folder / "report.md", folder / "report.html"]


def made(summaries: Sequence[KindSummary], about: str) -> list[Block]:
    """The report, block by block."""
    blocks: list[Block] = [
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
        blocks += [
            Heading(2, "Whether predicted relevance can be believed"),
            Picture("reliability.svg", drawn, "Predicted relevance of the judged papers against the share relevant"),
            Text("Numbers above the dots: papers. On the dashed line a prediction means what it says."),
        ]
    for summary in summaries:
        blocks += _kind(summary)
    return blocks


def markdown(blocks: Sequence[Block]) -> str:
    """The blocks as Markdown; pictures are files beside it."""
    parts = []
    for block in blocks:
        match block:
            case Heading(level, text):
                parts.append(f"{'#' * level} {_plain(text)}")
            case Text(text):
                parts.append(_plain(text))
            case Rows(header, rows):
                lines = [header, ["---"] * len(header), *rows]
                cells = [[c if c == "---" else _plain(c).replace("\n", "<br>") for c in line] for line in lines]
                parts.append("\n".join(f"| {' | '.join(line)} |" for line in cells))
            case Picture(name, _, alt):
                parts.append(f"![{_plain(alt)}]({name})")
    return "\n\n".join(parts) + "\n"


def html(blocks: Sequence[Block]) -> str:
    """The blocks as one HTML document with the pictures in it; it loads nothing and runs nothing."""
    parts = []
    for block in blocks:
        match block:
            case Heading(level, text):
                parts.append(f"<h{level}>{escape(text)}</h{level}>")
            case Text(text):
                parts.append(f"<p>{escape(text)}</p>")
            case Rows(header, rows):
                head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
                body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
                parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
            case Picture(_, svg, alt):
                data = base64.b64encode(svg.encode()).decode()
                parts.append(f'<p><img alt="{escape(alt)}" src="data:image/svg+xml;base64,{data}"></p>')
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Paperboy: retrieval</title><style>{_STYLE}</style></head><body>\n" + "\n".join(parts) + "\n"
        "</body></html>\n"
    )


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


def _cell(text: str) -> str:
    return f"<td>{escape(text).replace(chr(10), '<br>')}</td>"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _MARKDOWN.sub(r"\\\1", escape(text, quote=False))
