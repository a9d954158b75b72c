"""Reports in blocks, written as Markdown with the plots beside it and as one HTML file that needs nothing else.

What comes from papers is untrusted text: it is escaped in both.
"""

import base64
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from service.errors import InputError

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


def write(folder: Path, blocks: Sequence[Block], title: str) -> list[Path]:
    """Write `report.md`, `report.html` and the plots; the paths of the first two.

    Args:
        folder: made where needed; files of these names in it are replaced.
        blocks: the report.
        title: of the HTML page.

    Raises:
        InputError: the folder cannot be written.
    """
    texts = {picture.name: picture.svg for picture in blocks if isinstance(picture, Picture)}
    texts |= {"report.md": markdown(blocks), "report.html": html(blocks, title)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"the report cannot be written to {folder}: {error.strerror}") from None
    return [folder / "report.md", folder / "report.html"]


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


def html(blocks: Sequence[Block], title: str) -> str:
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
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>\n" + "\n".join(parts) + "\n"
        "</body></html>\n"
    )


def _cell(text: str) -> str:
    return f"<td>{escape(text).replace(chr(10), '<br>')}</td>"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _MARKDOWN.sub(r"\\\1", escape(text, quote=False))
