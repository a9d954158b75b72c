"""Papers of the Semantic Scholar Graph API: one, a batch, or what a search found."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from service.sources.dates import read_dates
from service.sources.fields import member, members_of, text_of, texts_of
from service.sources.json_stream import Record, begins_json, parse_records
from service.sources.records import identity, make_paper
from service.types import Failure, Paper


def detect(head: str) -> bool:
    """Whether the first record has the keys of such a paper."""
    return begins_json(head) and re.search(r'"paperId"\s*:', head) is not None


def parse(stream: BinaryIO, name: str) -> Iterator[Paper | Failure]:
    """Papers of an answer; a batch has `null` for what was not found, which is a failure."""
    return parse_records(stream, name, _paper_of)


def _paper_of(record: Record, where: str) -> Iterator[Paper | Failure]:
    # Most papers have a day; of the others the year is known.
    values, failures = read_dates(where, {"published": record.get("publicationDate") or record.get("year")})
    yield from failures
    ids = record.get("externalIds")
    authors = texts_of([member(author, "name") for author in members_of(record.get("authors"))])
    yield make_paper(
        where,
        title=text_of(record.get("title")),
        abstract=text_of(record.get("abstract")),
        known_as=identity(arxiv=member(ids, "ArXiv"), doi=member(ids, "DOI"), own=record.get("paperId")),
        authors=authors,
        n_authors=len(authors) or None,
        markup="html",
        **values,
    )
