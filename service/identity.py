"""Ids by which a paper is known: arXiv's with their versions, DOIs, and others, which are taken as they are."""

import re
from enum import StrEnum
from typing import NamedTuple

# https://info.arxiv.org/help/arxiv_identifier.html: since 2007 YYMM.number, before archive/YYMMnumber.
_ARXIV = r"(?P<id>\d{4}\.\d{4,5}|[a-z]{2,8}(?:-[a-z]{2,5})?(?:\.[A-Z]{2})?/\d{7})(?:v(?P<version>[1-9]\d{0,2}))?"
_ARXIV_ID = re.compile(rf"{_ARXIV}\Z")
_ARXIV_REFERENCE = re.compile(
    rf"(?:(?:oai:)?arxiv(?:\.org)?:\s*|https?://(?:[a-z-]+\.)?arxiv\.org/(?:abs|pdf|html)/|"
    rf"(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?10\.48550/arxiv\.){_ARXIV}(?:\.pdf)?(?![\w.]*\d)",
    re.IGNORECASE,
)
_DOI = re.compile(r"10\.\d{4,9}/[!-~]{1,200}\Z")
_DOI_PREFIX = re.compile(r"\s*(?:https?://(?:dx\.)?doi\.org/|doi:)?\s*", re.IGNORECASE)


class Scheme(StrEnum):
    """Who gives an id."""

    ARXIV = "arxiv"
    DOI = "doi"
    OTHER = "other"


class ArxivId(NamedTuple):
    """The id that all versions of a paper share, and the number of one, where it was given."""

    id: str
    version: int | None


def scheme_of(paper_id: str) -> Scheme:
    """The scheme of an id as it stands in the catalog."""
    if _ARXIV_ID.match(paper_id):
        return Scheme.ARXIV
    return Scheme.DOI if _DOI.match(paper_id) else Scheme.OTHER


def arxiv_id(text: str) -> ArxivId | None:
    """The arXiv id that a text is: bare, with `arXiv:` before it, or as an address or a DOI of arXiv."""
    text = text.strip()
    match = _ARXIV_ID.match(text) or _ARXIV_REFERENCE.match(text)
    return _read(match) if match else None


def arxiv_reference(text: str) -> ArxivId | None:
    """The first arXiv id that a text names: with `arXiv:` before it, or as an address."""
    match = _ARXIV_REFERENCE.search(text)
    return _read(match) if match else None


def doi_of(text: str) -> str | None:
    """The first DOI of a text that is one or several, in lower case (DOIs have no case)."""
    first = re.split(r"[\s;]|,\s", _DOI_PREFIX.sub("", text, count=1), maxsplit=1)[0].rstrip(".,")
    return first.lower() if _DOI.match(first) else None


def _read(match: re.Match[str]) -> ArxivId:
    version = match.group("version")
    # `math.GT/0309136` and `math/0309136` are one paper; the archive alone is what arXiv itself gives out.
    return ArxivId(re.sub(r"\.[A-Z]{2}/", "/", match.group("id")), int(version) if version else None)
