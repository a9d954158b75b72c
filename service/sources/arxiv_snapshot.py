"""arXiv's metadata snapshot (Kaggle's `arxiv-metadata-oai-snapshot`): JSON lines, one a paper with its versions."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from service.sources.dates import read_dates
from service.sources.fields import WORDS, member, members_of, text_of, texts_of
from service.sources.json_stream import Record, begins_json, parse_records
from service.sources.records import identity, make_paper
from service.types import Failure, Paper

_AUTHORS = re.compile(r",\s*and\s+|,|\band\b")


def detect(head: str) -> bool:
    """Whether the first record has the keys that only this file has."""
    return begins_json(head) and '"authors_parsed"' in head and '"abstract"' in head


def parse(stream: BinaryIO, name: str) -> Iterator[Paper | Failure]:
    """Papers of the lines, each with `file:line`."""
    return parse_records(stream, name, _paper_of)


def _paper_of(record: Record, where: str) -> Iterator[Paper | Failure]:
    versions = members_of(record.get("versions"))
    values, failures = read_dates(where, {"published": member(versions[0], "created") if versions else None})
    yield from failures
    number = text_of(record.get("id"))
    last = text_of(member(versions[-1], "version")) if versions else ""
    parsed = record.get("authors_parsed")
    authors = (
        texts_of([" ".join(map(text_of, (*name[1:2], *name[:1]))) for name in parsed if isinstance(name, list)])
        if isinstance(parsed, list)
        else texts_of(record.get("authors"), _AUTHORS)
    )
    yield make_paper(
        where,
        title=text_of(record.get("title")),
        abstract=text_of(record.get("abstract")),
        known_as=identity(arxiv=number + last, doi=record.get("doi"), own=number),
        authors=authors,
        n_authors=len(authors) or None,
        categories=texts_of(text_of(record.get("categories")), WORDS),
        markup="latex",
        **values,
    )
