"""JSON lines: one object a line with `id, title, abstract, authors, published | listed, categories, url, doi`.

Only title and abstract are required; further keys are ignored. A list of such objects is read as well.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from service.sources.dates import read_dates
from service.sources.fields import text_of, texts_of
from service.sources.json_stream import Record, begins_json, parse_records
from service.sources.records import identity, make_paper
from service.types import Failure, Paper

_WHITE_SPACE_OR_COMMA = re.compile(r"[\s,]+")


def detect(head: str) -> bool:
    """Whether the file begins a JSON object, or a list of them."""
    return begins_json(head)


def parse(stream: BinaryIO, name: str) -> Iterator[Paper | Failure]:
    """Papers of the lines, each with `file:line`; an unreadable line is a failure."""
    return parse_records(stream, name, _paper_of)


def _paper_of(record: Record, where: str) -> Iterator[Paper | Failure]:
    values, failures = read_dates(where, {field: record.get(field) for field in ("published", "listed")})
    yield from failures
    authors = texts_of(record.get("authors"))
    yield make_paper(
        where,
        title=text_of(record.get("title")),
        abstract=text_of(record.get("abstract")),
        known_as=identity(
            arxiv=record.get("id"), doi=record.get("doi"), own=text_of(record.get("id")), url=record.get("url")
        ),
        authors=authors,
        n_authors=len(authors) or None,
        categories=texts_of(record.get("categories"), _WHITE_SPACE_OR_COMMA),
        markup="latex",
        **values,
    )
