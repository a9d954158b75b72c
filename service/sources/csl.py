"""CSL-JSON: what Zotero and other reference managers export for citation processors."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from service.sources.dates import read_dates
from service.sources.fields import member, members_of, text_of, texts_of
from service.sources.json_stream import Record, begins_json, parse_records
from service.sources.records import identity, make_paper
from service.types import Failure, Paper


def detect(head: str) -> bool:
    """Whether the first record has the keys of a citation."""
    return (
        begins_json(head) and re.search(r'"(?:issued|container-title|citation-key|date-parts)"\s*:', head) is not None
    )


def parse(stream: BinaryIO, name: str) -> Iterator[Paper | Failure]:
    """Papers of an export; what has no abstract is a failure."""
    return parse_records(stream, name, _paper_of)


def _paper_of(record: Record, where: str) -> Iterator[Paper | Failure]:
    given = {"published": _issued(record.get("issued"))}
    values, failures = read_dates(where, given)
    yield from failures
    authors = texts_of([_name(author) for author in members_of(record.get("author"))])
    number, url = text_of(record.get("number")), record.get("URL")
    yield make_paper(
        where,
        title=text_of(record.get("title")),
        abstract=text_of(record.get("abstract")),
        # The record's own id is a number of the export, and means another paper in the next one.
        known_as=identity(arxiv=number if "arxiv" in number.lower() else url, doi=record.get("DOI"), url=url),
        authors=authors,
        n_authors=len(authors) or None,
        markup="html",
        **values,
    )


def _issued(issued: object) -> object:
    parts = member(issued, "date-parts")
    first = parts[0] if isinstance(parts, list) and parts and isinstance(parts[0], list) else []
    if not first:
        return member(issued, "raw") or member(issued, "literal")
    return "-".join(text_of(part).zfill(2) for part in first[:3])


def _name(author: Record) -> str:
    parts = ("given", "dropping-particle", "non-dropping-particle", "family", "suffix")
    whole = " ".join(filter(None, (text_of(author.get(part)) for part in parts)))
    return whole or text_of(author.get("literal"))
