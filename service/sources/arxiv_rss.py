"""Daily lists of arXiv (RSS): `rss.arxiv.org/rss/cs.CL`.

`listed` is the day of the list. A replacement was on a list before, so that its day is not this one.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO
from xml.etree.ElementTree import Element

from service.sources.dates import read_dates
from service.sources.fields import texts_of
from service.sources.records import identity, make_paper
from service.sources.xml_stream import child_text, xml_records
from service.types import Failure, Paper

_PARTS = frozenset(("item", "pubDate"))
_ANNOUNCED = re.compile(r"\s*(arXiv:\S+)\s+Announce Type:\s*([a-z-]+)\s*(?:Abstract:\s*)?", re.IGNORECASE)


def detect(head: str) -> bool:
    """Whether the file is an RSS feed of arXiv."""
    return re.search(r"<rss\b", head) is not None and "arxiv.org" in head.lower()


def parse(stream: BinaryIO, name: str) -> Iterator[Paper | Failure]:
    """Papers of one list; the list of a day without papers has none, and no failure."""
    listed = ""
    number = 0
    for element in xml_records(stream, name, _PARTS):
        if isinstance(element, Failure):
            yield element
        elif element.tag == "pubDate":
            listed = (element.text or "").strip()
        else:
            number += 1
            yield from _paper_of(element, f"{name}#{number}", listed)


def _paper_of(item: Element, where: str, listed: str) -> Iterator[Paper | Failure]:
    description = child_text(item, "description")
    announced = _ANNOUNCED.match(description)
    kind = child_text(item, "announce_type").strip() or (announced.group(2).lower() if announced else "new")
    day = child_text(item, "pubDate").strip() or listed
    values, failures = read_dates(where, {"listed": "" if kind.startswith("replace") else day})
    yield from failures
    link = child_text(item, "link").strip()
    # The link has no version; the guid and the description have.
    reference = announced.group(1) if announced else child_text(item, "guid").strip() or link
    authors = texts_of(child_text(item, "creator"))
    yield make_paper(
        where,
        title=child_text(item, "title"),
        abstract=description[announced.end() :] if announced else description,
        known_as=identity(arxiv=reference, doi=child_text(item, "DOI"), own=link, url=link),
        authors=authors,
        n_authors=len(authors) or None,
        categories=texts_of([category.text for category in item.findall("category")]),
        markup="latex",
        **values,
    )
