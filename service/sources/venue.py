"""Lists of papers as venues publish them: OpenReview's notes, and lists with `title, abstract, keywords, tldr`."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from service.sources.dates import Dated, read_dates
from service.sources.fields import member, text_of, texts_of
from service.sources.json_stream import Record, begins_json, parse_records
from service.sources.records import identity, make_paper
from service.types import Failure, Paper

_SITE = "https://openreview.net/forum?id="


def detect(head: str) -> bool:
    """Whether the first records are notes of OpenReview, or have keywords or a TLDR beside the abstract."""
    if not begins_json(head):
        return False
    if re.search(r'"(?:forum|invitations?)"\s*:', head) and '"content"' in head:
        return True
    return '"abstract"' in head and re.search(r'"(?:keywords|tldr|TLDR|TL;DR)"\s*:', head) is not None


def parse(stream: BinaryIO, name: str) -> Iterator[Paper | Failure]:
    """Papers of a list."""
    return parse_records(stream, name, _paper_of)


def _paper_of(record: Record, where: str) -> Iterator[Paper | Failure]:
    content = record.get("content")
    fields = {key: _plain(value) for key, value in (content if isinstance(content, dict) else record).items()}
    is_note = isinstance(content, dict)
    published = _day_of(record.get("pdate") or record.get("cdate")) if is_note else fields.get("published")
    values, failures = read_dates(where, {"published": published or fields.get("date") or fields.get("year")})
    yield from failures
    forum = text_of(record.get("forum") or record.get("id")) if is_note else ""
    authors = texts_of(fields.get("authors"))
    yield make_paper(
        where,
        title=text_of(fields.get("title")),
        abstract=text_of(fields.get("abstract")),
        known_as=identity(
            arxiv=fields.get("arxiv_id") or fields.get("arxiv") or fields.get("id"),
            doi=fields.get("doi"),
            own=forum or fields.get("id"),
            url=f"{_SITE}{forum}" if forum else fields.get("url"),
        ),
        authors=authors,
        n_authors=len(authors) or None,
        categories=texts_of(fields.get("categories")),
        markup="html",
        **values,
    )


def _plain(value: object) -> object:
    """OpenReview's second API wraps each value."""
    return member(value, "value") if isinstance(value, dict) and "value" in value else value


def _day_of(milliseconds: object) -> Dated | None:
    if not isinstance(milliseconds, int | float) or isinstance(milliseconds, bool):
        return None
    try:
        return Dated(datetime.fromtimestamp(milliseconds / 1000, UTC).date())
    except (OverflowError, ValueError, OSError):
        return None
