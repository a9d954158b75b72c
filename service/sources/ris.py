"""RIS, as reference managers and publishers export it; each record is parsed by rispy."""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import rispy

from service.identity import arxiv_reference
from service.sources.blocks import blocks_of
from service.sources.dates import read_dates
from service.sources.fields import text_of, texts_of
from service.sources.records import identity, make_paper
from service.text import one_line
from service.types import Failure, Paper

_BEGIN = re.compile(r"TY {1,2}- ?")
_AUTHOR_TAGS = ("authors", "first_authors")


def detect(head: str) -> bool:
    """Whether the file begins with a type of reference."""
    return re.match(r"[\ufeff\s]*TY {1,2}-", head) is not None


def parse(stream: BinaryIO, name: str) -> Iterator[Paper | Failure]:
    """Papers of the records, each with the `file:line` at which it begins; one without an abstract is a failure."""
    for block in blocks_of(stream, name, begins=_BEGIN):
        if isinstance(block, Failure):
            yield block
            continue
        try:
            records = rispy.loads(f"{block.text}\nER  - ")
        except (KeyError, TypeError, AttributeError, ValueError):
            records = []
        if not records:
            yield Failure(where=block.where, reason=f"not a sound RIS record: {one_line(block.text, 60)}")
        for record in records[:1]:
            yield from _paper_of(record, block.where)


def _paper_of(record: dict[str, Any], where: str) -> Iterator[Paper | Failure]:
    printed = next((text for key in ("date", "publication_year", "year") if (text := text_of(record.get(key)))), "")
    values, failures = read_dates(where, {"published": re.sub(r"/+[^/\d]*\Z", "", printed.strip())})
    yield from failures
    given: object = next((record[tag] for tag in _AUTHOR_TAGS if record.get(tag)), [])
    authors = tuple(_spoken(name) for name in texts_of(given))
    urls = texts_of(record.get("urls"))
    arxiv = next((found.id for url in (*urls, text_of(record.get("note"))) if (found := arxiv_reference(url))), None)
    yield make_paper(
        where,
        title=_first(record, "title", "primary_title"),
        abstract=_first(record, "abstract", "notes_abstract"),
        known_as=identity(arxiv=arxiv, doi=record.get("doi"), url=urls[0] if urls else None),
        authors=authors,
        n_authors=len(authors) or None,
        markup="html",
        **values,
    )


def _first(record: dict[str, Any], *keys: str) -> str:
    return next((text for key in keys if (text := text_of(record.get(key)).strip())), "")


def _spoken(name: str) -> str:
    """A name as it is spoken, of "Last, First"."""
    last, _, first = name.partition(",")
    return f"{first.strip()} {last.strip()}".strip()
