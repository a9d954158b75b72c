"""What all formats share: building a checked `Paper` from raw values."""

import re
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from service.errors import InputError
from service.identity import arxiv_id, doi_of
from service.sources.fields import text_of
from service.sources.markup import without_html, without_latex
from service.text import clean_text, content_hash, derived_paper_id, one_line
from service.types import Failure, Paper

MAX_TITLE_CHARACTERS = 1_000
MAX_ABSTRACT_CHARACTERS = 20_000
MAX_ID_CHARACTERS = 300
_LINK = re.compile(r"https?://[^\s\"'<>\\^`{|}]{1,2000}\Z")
_MOST_AUTHORS = 10_000
Markup = Literal["none", "latex", "html", "bibtex"]
"""What a source's titles and abstracts may have in them; with `html`, LaTeX too, and with `bibtex` braces as well."""


class Identity(NamedTuple):
    """By what a record is known, as far as its source says."""

    paper_id: str | None = None
    version: int | None = None
    doi: str | None = None
    url: str | None = None


def identity(*, arxiv: object = None, doi: object = None, own: object = None, url: object = None) -> Identity:
    """The best id of those that a record has: arXiv's, else a DOI, else what the source calls it; and its address.

    Whatever is no such id or no address counts as not given.
    """
    number = arxiv_id(arxiv) if isinstance(arxiv, str) else None
    found = doi_of(doi) if isinstance(doi, str) else None
    if isinstance(doi, str) and (of_arxiv := arxiv_id(doi)):
        number, found = number or of_arxiv, None
    paper_id = number.id if number else found or clean_text(text_of(own))
    address = safe_link(url)
    if address is None and (number or found):
        address = f"https://arxiv.org/abs/{number.id}" if number else f"https://doi.org/{found}"
    return Identity(paper_id or None, number.version if number else None, found, address)


def safe_link(url: object) -> str | None:
    """A web address that can stand in a link as it is; `None` for whatever else is given."""
    return url if isinstance(url, str) and url.isprintable() and _LINK.match(url) else None


def make_paper(
    where: str,
    *,
    title: str,
    abstract: str,
    paper_id: str | None = None,
    markup: Markup = "none",
    known_as: Identity | None = None,
    **values: Any,
) -> Paper | Failure:
    """A paper with cleaned text, or a failure that says what is missing.

    Args:
        where: `file:line`, kept as the paper's source.
        title: untrusted text, likewise `abstract`.
        abstract: see `title`.
        paper_id: the source's own id; without one it is made from the title.
        markup: what is decoded in title and abstract; what the source had is kept beside it.
        known_as: instead of `paper_id`, with all that belongs to it.
        values: the other fields of `Paper`.
    """
    as_given = {"original_title": clean_text(title), "original_abstract": clean_text(abstract)}
    title, abstract = as_given.values()
    for name, text, limit in (
        ("title", title, MAX_TITLE_CHARACTERS),
        ("abstract", abstract, MAX_ABSTRACT_CHARACTERS),
        ("id", (known_as.paper_id if known_as else paper_id) or "", MAX_ID_CHARACTERS),
        ("list of authors", values.get("authors", ()), _MOST_AUTHORS),
    ):
        if len(text) > limit:
            unit = "entries" if isinstance(text, tuple) else "characters"
            return Failure(where=where, reason=f"the {name} has {len(text):,} {unit}, more than {limit:,}")
    title, abstract = readable(title, markup), readable(abstract, markup)
    if not title:
        return Failure(where=where, reason="a record without a title")
    if not abstract:
        return Failure(where=where, reason=f"no abstract: {one_line(title)}")
    if known_as:
        paper_id = known_as.paper_id
        values |= {"version": known_as.version, "doi": known_as.doi, "url": known_as.url}
    if (title, abstract) != tuple(as_given.values()):
        values |= as_given
    own = clean_text(paper_id or "")
    try:
        return Paper(
            paper_id=own or derived_paper_id(title),
            own_id=bool(own),
            title=title,
            abstract=abstract,
            source=where,
            **values,
        )
    except ValidationError as error:
        first = error.errors()[0]
        return Failure(where=where, reason=f"{first['loc'][0]}: {first['msg'].lower()}")


def paper_of_text(title: str, abstract: str) -> Paper:
    """A text that is in no catalog, as a paper; its id is made from the text.

    Raises:
        InputError: there is no abstract, or it is too long.
    """
    made = make_paper("text", title=title or "untitled", abstract=abstract, paper_id=content_hash(title, abstract))
    if isinstance(made, Failure):
        raise InputError(made.reason if abstract.strip() else "there is no abstract to summarize")
    return made if title else made.model_copy(update={"title": ""})


def readable(text: str, markup: Markup) -> str:
    """A title or an abstract on one line, with its markup decoded."""
    if markup in ("html", "bibtex"):
        text = without_html(text)
    if markup != "none":
        text = without_latex(text)
    if markup == "bibtex":
        text = text.replace("{", "").replace("}", "")
    return clean_text(text)
