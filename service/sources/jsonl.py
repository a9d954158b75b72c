"""JSON lines: one object a line with `id, title, abstract, authors, published | listed, categories, url`.

Only title and abstract are required; further keys are ignored.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from service.sources.lines import read_lines
from service.sources.records import iso_date, make_paper
from service.text import clean_text, one_line
from service.types import Failure, Paper

_LINK = re.compile(r"^https?://[^\s\"'<>]+$")
_AUTHOR_SEPARATOR = re.compile(r";|,|\band\b")


def detect(head: str) -> bool:
    """Whether the first line that is not empty begins a JSON object."""
    return head.lstrip("\ufeff \t\r\n").startswith("{")


def parse(stream: BinaryIO, name: str) -> Iterator[Paper | Failure]:
    """Papers of the lines, each with `file:line`; an unreadable line is a failure."""
    seen_any = False
    for line in read_lines(stream):
        where = f"{name}:{line.number}"
        if line.problem:
            yield Failure(where=where, reason=line.problem)
        elif line.text.strip():
            yield from _parse_line(line.text, where)
        else:
            continue
        seen_any = True
    if not seen_any:
        yield Failure(where=name, reason="the file is empty")


def _parse_line(text: str, where: str) -> Iterator[Paper | Failure]:
    try:
        record = json.loads(text)
    except RecursionError:
        yield Failure(where=where, reason="JSON that is nested too deeply")
        return
    except ValueError as error:
        yield Failure(where=where, reason=f"not valid JSON ({error}): {one_line(text, 40)}")
        return
    if not isinstance(record, dict):
        yield Failure(where=where, reason=f"a JSON object is expected, not {type(record).__name__}")
        return
    values: dict[str, Any] = {}
    for field in ("published", "listed"):
        if record.get(field) not in (None, ""):
            try:
                values[field] = iso_date(record[field])
            except ValueError as error:
                yield Failure(where=where, reason=f"{field} is {error}; the paper is taken in without it")
    authors = _texts(record.get("authors"), _AUTHOR_SEPARATOR)
    url = record.get("url")
    yield make_paper(
        where,
        title=_text(record.get("title")),
        abstract=_text(record.get("abstract")),
        paper_id=_text(record.get("id")),
        authors=authors,
        n_authors=len(authors) or None,
        categories=_texts(record.get("categories"), re.compile(r"[\s,]+")),
        url=url if isinstance(url, str) and url.isprintable() and _LINK.match(url) else None,
        **values,
    )


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)


def _texts(value: object, separator: re.Pattern[str]) -> tuple[str, ...]:
    """A list of texts, or one text that `separator` divides."""
    items = value if isinstance(value, list) else separator.split(value) if isinstance(value, str) else []
    return tuple(cleaned for item in items if (cleaned := clean_text(_text(item))))
