"""What all formats share: building a checked `Paper` from raw values."""

import re
from datetime import date
from typing import Any

from pydantic import ValidationError

from service.errors import InputError
from service.text import clean_text, content_hash, derived_paper_id, one_line
from service.types import Failure, Paper

MAX_TITLE_CHARACTERS = 1_000
MAX_ABSTRACT_CHARACTERS = 20_000
_ISO_DATE = re.compile(r"^(\d{4})-(\d{2})-(\d{2})(?:$|[T ])")


def make_paper(where: str, *, title: str, abstract: str, paper_id: str | None = None, **values: Any) -> Paper | Failure:
    """A paper with cleaned text, or a failure that says what is missing.

    Args:
        where: `file:line`, kept as the paper's source.
        title: untrusted text, likewise `abstract`.
        abstract: see `title`.
        paper_id: the source's own id; without one it is made from the title.
        values: the other fields of `Paper`.
    """
    title, abstract = clean_text(title), clean_text(abstract)
    if not title:
        return Failure(where=where, reason="a record without a title")
    if not abstract:
        return Failure(where=where, reason=f"no abstract: {one_line(title)}")
    for name, text, limit in (
        ("title", title, MAX_TITLE_CHARACTERS),
        ("abstract", abstract, MAX_ABSTRACT_CHARACTERS),
    ):
        if len(text) > limit:
            return Failure(where=where, reason=f"the {name} has {len(text):,} characters, more than {limit:,}")
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


def iso_date(value: object) -> date:
    """A date from `YYYY-MM-DD`, with or without a time behind it.

    Raises:
        ValueError: the text is no such date, or the day does not exist.
    """
    match = _ISO_DATE.match(value.strip()) if isinstance(value, str) else None
    if not match:
        raise ValueError(f"not a date (YYYY-MM-DD): {one_line(str(value), 40)}")
    year, month, day = map(int, match.groups())
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"a date that does not exist: {match.group().strip(' T')}") from None
