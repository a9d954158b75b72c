"""Tables with a header, with commas, semicolons or tabs: exports of reference managers and spreadsheets."""

import csv
import re
from collections.abc import Iterator
from typing import BinaryIO

from service.sources.dates import read_dates
from service.sources.fields import count_of, texts_of
from service.sources.lines import Line, read_lines
from service.sources.records import identity, make_paper
from service.types import Failure, Paper

# Columns as Zotero, Semantic Scholar's and Scopus' exports, and people call them, without case and punctuation.
_NAMES = {
    "title": ("title", "papertitle", "articletitle", "documenttitle"),
    "abstract": ("abstract", "abstractnote", "summary"),
    "authors": ("authors", "author", "authornames", "authorfullnames"),
    "published": ("published", "publicationdate", "publishedat", "date", "publicationyear", "year"),
    "listed": ("listed",),
    "id": ("id", "arxivid", "arxiv", "paperid"),
    "doi": ("doi",),
    "url": ("url", "link", "urls"),
    "categories": ("categories", "category", "subjects"),
    "upvotes": ("upvotes",),
    "comments": ("comments", "numcomments"),
}
_SEPARATORS = "\t,;"
_NOT_LETTER = re.compile(r"[^a-z]")
_AUTHORS = re.compile(r"\s*;\s*|\s+and\s+|\|")
_SPACE_OR_MARK = re.compile(r"[\s,;|]+")


def detect(head: str) -> bool:
    """Whether the first line is a header with a title and an abstract among its columns."""
    lines = head.lstrip("\ufeff").splitlines()
    return bool(lines) and {"title", "abstract"} <= _columns(_cells(lines[0])).keys()


def parse(stream: BinaryIO, name: str) -> Iterator[Paper | Failure]:
    """Papers of the rows, each with the `file:line` at which it ends; a row may have line ends within quotes."""
    lines = read_lines(stream)
    header = next(lines, Line(1, "", "the file is empty"))
    if header.problem or not header.text.strip():
        yield Failure(where=name, reason=header.problem or "the first line, which names the columns, is empty")
        return
    columns = _columns(_cells(header.text))
    if not {"title", "abstract"} <= columns.keys():
        yield Failure(where=name, reason="the first line names no columns `title` and `abstract`")
        return
    yield from _rows(lines, name, columns, _separator(header.text))


def _rows(lines: Iterator[Line], name: str, columns: dict[str, int], separator: str) -> Iterator[Paper | Failure]:
    source = _Texts(lines)
    # Stricter, a quote within a cell would end the file.
    rows = csv.reader(source, delimiter=separator)
    while True:
        where = f"{name}:{source.number + 1}"
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield Failure(where=where, reason=f"not a sound row ({error}); is a quotation mark missing?")
            continue
        for line in source.problems():
            yield Failure(where=f"{name}:{line.number}", reason=line.problem)
        if row is None:
            return
        if any(cell.strip() for cell in row):
            cells = {field: row[index] for field, index in columns.items() if index < len(row)}
            yield from _paper_of(cells, where)


class _Texts:
    """Lines for the csv module, which wants their ends."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines, self._problems = lines, list[Line]()
        self.number = 1

    def __iter__(self) -> "_Texts":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number = line.number
        if line.problem:
            self._problems.append(line)
        return line.text.replace("\0", "") + "\n"

    def problems(self) -> list[Line]:
        problems, self._problems = self._problems, []
        return problems


def _paper_of(cells: dict[str, str], where: str) -> Iterator[Paper | Failure]:
    values, failures = read_dates(where, {field: cells.get(field, "").strip() for field in ("published", "listed")})
    yield from failures
    given = cells.get("authors", "")
    # "Last, First; Last, First" where there are semicolons, else "First Last, First Last".
    authors = texts_of(given, _AUTHORS) if _AUTHORS.search(given) else texts_of(given)
    own = cells.get("id", "").strip()
    yield make_paper(
        where,
        title=cells.get("title", ""),
        abstract=cells.get("abstract", ""),
        known_as=identity(
            arxiv=own or cells.get("url"), doi=cells.get("doi"), own=own, url=cells.get("url", "").strip()
        ),
        authors=authors,
        n_authors=len(authors) or None,
        categories=texts_of(cells.get("categories", ""), _SPACE_OR_MARK),
        upvotes=_count(cells.get("upvotes", "")),
        comments=_count(cells.get("comments", "")),
        markup="html",
        **values,
    )


def _separator(header: str) -> str:
    return max(_SEPARATORS, key=header.count)


def _cells(header: str) -> list[str]:
    try:
        return next(csv.reader([header[:100_000].replace("\0", "")], delimiter=_separator(header)), [])
    except csv.Error:
        return []


def _columns(header: list[str]) -> dict[str, int]:
    """Which column has what: of several names the first of the list above."""
    plain = [_NOT_LETTER.sub("", cell.lower()) for cell in header]
    return {
        field: plain.index(found)
        for field, names in _NAMES.items()
        if (found := next((name for name in names if name in plain), None)) is not None
    }


def _count(cell: str) -> int | None:
    return count_of(int(cell)) if cell.strip().isascii() and cell.strip().isdecimal() and len(cell) < 12 else None
