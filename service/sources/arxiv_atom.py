"""Pages of the arXiv API (Atom): `export.arxiv.org/api/query`.

`published` is the day of the first version; the API does not say when a paper was listed.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO
from xml.etree.ElementTree import Element

from service.sources.dates import read_dates
from service.sources.fields import texts_of
from service.sources.records import identity, make_paper
from service.sources.xml_stream import child_text, xml_records
from service.text import one_line
from service.types import Failure, Paper

_ENTRIES = frozenset(("entry",))
_ERROR = re.compile(r"https?://(?:export\.)?arxiv\.org/api/errors")


def detect(head: str) -> bool:
    """Whether the file is an Atom feed."""
    return re.search(r"<feed\b[^>]{0,2000}http://www\.w3\.org/2005/Atom", head) is not None


def parse(stream: BinaryIO, name: str) -> Iterator[Paper | Failure]:
    """Papers of one page; an error that the API reports is a failure, a page without entries is none."""
    for number, entry in enumerate(xml_records(stream, name, _ENTRIES), start=1):
        if isinstance(entry, Failure):
            yield entry
        else:
            yield from _paper_of(entry, f"{name}#{number}")


def _paper_of(entry: Element, where: str) -> Iterator[Paper | Failure]:
    address = child_text(entry, "id").strip()
    if _ERROR.match(address):
        yield Failure(where=where, reason=f"arXiv answered: {one_line(child_text(entry, 'summary'), 200)}")
        return
    values, failures = read_dates(where, {"published": child_text(entry, "published").strip()})
    yield from failures
    authors = texts_of([child_text(author, "name") for author in entry.findall("author")])
    known_as = identity(arxiv=address, doi=child_text(entry, "doi"), own=address)
    yield make_paper(
        where,
        title=child_text(entry, "title"),
        abstract=child_text(entry, "summary"),
        known_as=known_as,
        authors=authors,
        n_authors=len(authors) or None,
        categories=texts_of([category.get("term") for category in entry.findall("category")]),
        markup="latex",
        **values,
    )
