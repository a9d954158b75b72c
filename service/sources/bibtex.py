"""BibTeX and biblatex, as Zotero, publishers and anthologies export them; each entry is parsed by bibtexparser."""

import logging
import re
from collections.abc import Iterator
from typing import BinaryIO

from bibtexparser.entrypoint import parse_string
from bibtexparser.middlewares.names import parse_single_name_into_parts, split_multiple_persons_names
from bibtexparser.model import Entry, ParsingFailedBlock

from service.identity import arxiv_reference
from service.sources.blocks import Block, blocks_of
from service.sources.dates import Dated, partial_date, read_dates
from service.sources.records import identity, make_paper, readable
from service.text import clean_text, one_line
from service.types import Failure, Paper

_ENTRY = re.compile(r"\s*@\s*([A-Za-z]+)\s*[{(]")
_NO_PAPER = {"comment", "preamble", "string"}
_MOST_ABBREVIATIONS = 1_000
# It reports damaged entries to the log as well as in its result.
logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)
logging.getLogger("bibtexparser.splitter").setLevel(logging.CRITICAL)


def detect(head: str) -> bool:
    """Whether an entry stands at the beginning of a line, with fields in it."""
    return re.search(r"^\s*@[A-Za-z]+\s*[{(]\s*[^\s,{}]*\s*[,=]", head, re.MULTILINE) is not None


def parse(stream: BinaryIO, name: str) -> Iterator[Paper | Failure]:
    """Papers of the entries, each with the `file:line` at which it begins; one without an abstract is a failure."""
    abbreviations: list[str] = []
    for block in blocks_of(stream, name, begins=_ENTRY):
        if isinstance(block, Failure):
            yield block
            continue
        match = _ENTRY.match(block.text)
        kind = match.group(1).lower() if match else "comment"
        if kind == "string" and len(abbreviations) < _MOST_ABBREVIATIONS:
            abbreviations.append(block.text)
        if kind not in _NO_PAPER:
            yield from _papers_of(block, "".join(abbreviations))


def _papers_of(block: Block, abbreviations: str) -> Iterator[Paper | Failure]:
    library = parse_string(abbreviations + block.text)
    entries = [*library.entries, *(found for b in library.failed_blocks if (found := _usable(b)) is not None)]
    if not entries:
        yield Failure(where=block.where, reason=f"not a sound BibTeX entry: {one_line(block.text, 60)}")
    for entry in entries:
        # The first of two values counts.
        fields = {field.key.lower(): _open(field.value) for field in reversed(entry.fields)}
        yield from _paper_of(fields, block.where)


def _open(value: object) -> str:
    """A value without the braces or quotation marks around it, which entries that say something twice still have."""
    text = value.strip() if isinstance(value, str) else ""
    enclosed = (text[:1], text[-1:]) in (("{", "}"), ('"', '"')) and "{" not in text[1:-1]
    return text[1:-1] if enclosed else text


def _usable(failed: ParsingFailedBlock) -> Entry | None:
    """An entry that says something twice: the first time counts."""
    entry = failed.ignore_error_block
    return entry if isinstance(entry, Entry) else None


def _paper_of(fields: dict[str, str], where: str) -> Iterator[Paper | Failure]:
    values, failures = read_dates(where, {"published": _published(fields)})
    yield from failures
    authors = _names(fields.get("author", ""))
    url = fields.get("url", "").replace("\\_", "_").replace("\\%", "%").strip()
    # Keys of entries are anybody's own, so that they are no ids.
    yield make_paper(
        where,
        title=fields.get("title", ""),
        abstract=fields.get("abstract", ""),
        known_as=identity(arxiv=_arxiv(fields, url), doi=fields.get("doi", "").replace("\\_", "_"), url=url),
        authors=authors,
        n_authors=len(authors) or None,
        markup="bibtex",
        **values,
    )


def _arxiv(fields: dict[str, str], url: str) -> str | None:
    kind = fields.get("archiveprefix", fields.get("eprinttype", ""))
    if kind.lower() == "arxiv":
        return f"arXiv:{fields.get('eprint', '')}"
    for text in (url, fields.get("journal", ""), fields.get("note", ""), fields.get("number", "")):
        if found := arxiv_reference(text):
            return found.id
    return None


def _published(fields: dict[str, str]) -> Dated | str | None:
    if date := fields.get("date", "").partition("/")[0].strip():
        return date
    try:
        return partial_date(fields.get("year"), fields.get("month"), fields.get("day"))
    except ValueError:
        return f"{fields.get('year')}-{fields.get('month')}"


def _names(authors: str) -> tuple[str, ...]:
    """Names as they are spoken, of "Last, First and First Last"."""
    names = []
    for name in split_multiple_persons_names(clean_text(authors)):
        spoken = parse_single_name_into_parts(name, strict=False).merge_first_name_first
        names.append(readable(spoken, "bibtex"))
    return tuple(name for name in names if name and name != "others")
