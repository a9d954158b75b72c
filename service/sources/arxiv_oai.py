"""arXiv's metadata over OAI-PMH, in its formats arXiv and arXivRaw: `oaipmh.arxiv.org/oai`.

`published` is the day of the first version. The datestamp is the day on which the record last changed, which for a
paper of one version that was submitted within the week before is the day on which it was listed.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import BinaryIO
from xml.etree.ElementTree import Element

from service.sources.dates import iso_date, read_dates
from service.sources.fields import WORDS, texts_of
from service.sources.records import identity, make_paper
from service.sources.xml_stream import child_text, xml_records
from service.text import one_line
from service.types import Failure, Paper

_PARTS = frozenset(("record", "error"))
_NOTHING_NEW = "noRecordsMatch"
# From submission to list: a weekend, or the holidays around New Year.
_TO_LIST = timedelta(days=7)
_AUTHORS = re.compile(r",\s*and\s+|,|\band\b")
_AFFILIATION = re.compile(r"\s*\([^()]{0,500}\)")
_VERSION = re.compile(r"v(\d{1,3})\Z")


def detect(head: str) -> bool:
    """Whether the file is an answer over OAI-PMH."""
    return re.search(r"<(?:\w+:)?OAI-PMH\b", head) is not None


def parse(stream: BinaryIO, name: str) -> Iterator[Paper | Failure]:
    """Papers of one answer; "nothing changed on these days" is no failure."""
    for number, element in enumerate(xml_records(stream, name, _PARTS), start=1):
        if isinstance(element, Failure):
            yield element
        elif element.tag == "record":
            yield from _paper_of(element, f"{name}#{number}")
        elif element.get("code") != _NOTHING_NEW:
            said = one_line(f"{element.get('code', '')}: {element.text or ''}", 200)
            yield Failure(where=f"{name}#{number}", reason=f"arXiv answered: {said}")


def _paper_of(record: Element, where: str) -> Iterator[Paper | Failure]:
    header = record.find("header")
    stamp = child_text(header, "datestamp") if header is not None else ""
    if header is not None and header.get("status") == "deleted":
        yield Failure(where=where, reason=f"arXiv deleted {one_line(child_text(header, 'identifier'))}")
        return
    body = next((e for e in record.iter() if e.tag in ("arXivRaw", "arXiv")), None)
    if body is None:
        yield Failure(where=where, reason="a record without metadata in the format arXiv or arXivRaw")
        return
    versions = body.findall("version")
    created = child_text(versions[0], "date").strip() if versions else child_text(body, "created")
    values, failures = read_dates(where, {"published": created.strip()})
    listed = _listed(stamp, values.get("published"), changed=len(versions) > 1 or body.find("updated") is not None)
    yield from failures
    number = child_text(body, "id").strip() + (_last_version(versions) if versions else "")
    authors = _authors_of(body)
    yield make_paper(
        where,
        title=child_text(body, "title"),
        abstract=child_text(body, "abstract"),
        known_as=identity(arxiv=number, doi=child_text(body, "doi"), own=child_text(body, "id")),
        authors=authors,
        n_authors=len(authors) or None,
        categories=texts_of(child_text(body, "categories"), WORDS),
        markup="latex",
        listed=listed,
        **values,
    )


def _listed(stamp: str, published: date | None, *, changed: bool) -> date | None:
    try:
        day = iso_date(stamp)
    except ValueError:
        return None
    return day if published and not changed and timedelta() <= day - published <= _TO_LIST else None


def _last_version(versions: list[Element]) -> str:
    numbers = [int(found.group(1)) for v in versions if (found := _VERSION.match(v.get("version", "")))]
    return f"v{max(numbers)}" if numbers else ""


def _authors_of(body: Element) -> tuple[str, ...]:
    element = body.find("authors")
    if element is None:
        return ()
    if not len(element):
        return texts_of(_AFFILIATION.sub("", element.text or ""), _AUTHORS)
    return texts_of([f"{child_text(a, 'forenames')} {child_text(a, 'keyname')}" for a in element.findall("author")])
