"""Scraped pages of a "Daily Papers" site as plain text: title, abstract and, on some pages, authors and date.

Blocks are separated by one empty line. The chrome at the top is optional and matched as a set; below the "AK" line
may stand the page's own date, which is neither a title nor the date of a paper: its place decides, not its form.
Cards of the current year print no year; see `_current_year`.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO, NamedTuple

from service.sources.lines import Line, read_lines
from service.sources.records import make_paper
from service.text import one_line
from service.types import Failure, Paper

_CHROME = re.compile(
    r"^(?:new|get trending papers in your email inbox!?|subscribe|daily papers|"
    r"by\s?ak and the research community)$",
    re.IGNORECASE,
)
_BYLINE = re.compile(r"^by\s?AK and the research community$", re.IGNORECASE)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PAGE_DATE = re.compile(rf"^(?:{'|'.join(_MONTHS)}) \d{{1,2}}$")
_CARD_DATE = re.compile(rf"^({'|'.join(_MONTHS)}) (\d{{1,2}})(?:, (\d{{4}}))?(?: (\d{{1,6}}))?$")
_AUTHORS = re.compile(r"^•\s*(\d{1,6}) authors?$")
# No title of the site is longer than 145 characters, no abstract shorter than 1,357.
_LONGEST_TITLE = 300
_SURELY_ABSTRACT = 400


class _Block(NamedTuple):
    line: int
    lines: tuple[str, ...]
    below_gap: bool
    """An unreadable line stands above it, which may have been a title."""

    @property
    def text(self) -> str:
        return " ".join(self.lines)

    @property
    def is_meta(self) -> bool:
        return self.lines[0].startswith("•")


class _Card(NamedTuple):
    """The metadata below an abstract, as printed."""

    n_authors: int | None = None
    month: int = 0
    day: int = 0
    year: int | None = None
    comments: int | None = None
    problem: str = ""


class _Entry(NamedTuple):
    title: _Block
    abstract: str
    card: _Card
    card_line: int


def detect(head: str) -> bool:
    """Whether the first lines are the chrome of such a page."""
    return any(_BYLINE.match(line.strip()) for line in head.splitlines()[:40])


def parse(stream: BinaryIO, name: str) -> Iterator[Paper | Failure]:
    """Papers of one page, each with `file:line` of its title; an unreadable part is a failure of its own."""
    blocks: list[_Block] = []
    for item in _blocks(read_lines(stream)):
        if isinstance(item, Line):
            yield Failure(where=f"{name}:{item.number}", reason=item.problem)
        else:
            blocks.append(item)
    entries = list(_entries(_without_chrome(blocks)))
    current_year = _current_year([entry.card for entry in entries if isinstance(entry, _Entry)])
    for entry in entries:
        if isinstance(entry, _Entry):
            yield from _papers(entry, name, current_year)
        else:
            line, reason = entry
            yield Failure(where=f"{name}:{line}", reason=reason)


def _blocks(lines: Iterator[Line]) -> Iterator[_Block | Line]:
    current: list[str] = []
    start, below_gap = 0, False
    for line in lines:
        text = line.text.strip()
        if text:
            start = start if current else line.number
            current.append(text)
        elif current:
            yield _Block(start, tuple(current), below_gap)
            current, below_gap = [], False
        if line.problem:
            yield line
            below_gap = True
    if current:
        yield _Block(start, tuple(current), below_gap)


def _without_chrome(blocks: list[_Block]) -> list[_Block]:
    index = 0
    while index < len(blocks) and _CHROME.match(blocks[index].text):
        index += 1
    below_byline = index > 0 and _BYLINE.match(blocks[index - 1].text)
    if below_byline and index < len(blocks) and _PAGE_DATE.match(blocks[index].text):
        index += 1
    return blocks[index:]


def _entries(blocks: list[_Block]) -> Iterator[_Entry | tuple[int, str]]:
    """Title, abstract and card of each paper, or line and reason of what is none."""
    index = 0
    while index < len(blocks):
        title = blocks[index]
        index += 1
        if title.is_meta or len(title.text) > _LONGEST_TITLE:
            what = "authors and date" if title.is_meta else "an abstract"
            yield title.line, f"{what} without a title: {one_line(title.text, 60)}"
            continue
        abstract: list[str] = []
        while index < len(blocks) and _continues(blocks, index, bool(abstract)):
            abstract.append(blocks[index].text)
            index += 1
        card, card_line = _Card(), title.line
        if index < len(blocks) and blocks[index].is_meta:
            card, card_line = _read_card(blocks[index].lines), blocks[index].line
            index += 1
        if abstract:
            yield _Entry(title, " ".join(abstract), card, card_line)
        else:
            yield title.line, f"no abstract: {one_line(title.text)}"


def _continues(blocks: list[_Block], index: int, has_abstract: bool) -> bool:
    """Whether the block belongs to the abstract rather than being the next title."""
    block = blocks[index]
    if block.is_meta or (block.below_gap and has_abstract):
        return False
    if len(block.text) > _LONGEST_TITLE:
        return True
    following = blocks[index + 1] if index + 1 < len(blocks) else None
    next_is_abstract = following is not None and len(following.text) > _SURELY_ABSTRACT
    return not has_abstract and not next_is_abstract


def _read_card(lines: tuple[str, ...]) -> _Card:
    authors = _AUTHORS.match(lines[0])
    n_authors = int(authors.group(1)) if authors and int(authors.group(1)) else None
    printed = lines[-1] if len(lines) > 1 else ""
    match = _CARD_DATE.match(printed)
    if not authors or not match:
        return _Card(n_authors, problem=f"authors or date cannot be read: {one_line(' '.join(lines), 60)}")
    month, day, year, comments = match.groups()
    return _Card(
        n_authors,
        _MONTHS.index(month) + 1,
        int(day),
        int(year) if year else None,
        int(comments) if comments else None,
    )


def _current_year(cards: list[_Card]) -> int | None:
    """The year that the page leaves out: the first one after the years that it prints."""
    printed = [card.year for card in cards if card.year is not None]
    return max(printed) + 1 if printed else None


def _papers(entry: _Entry, name: str, current_year: int | None) -> Iterator[Paper | Failure]:
    card = entry.card
    published, problem = None, card.problem
    year = card.year if card.year is not None else current_year
    if card.month and year is not None:
        try:
            published = date(year, card.month, card.day)
        except ValueError:
            problem = f"a date that does not exist: {_MONTHS[card.month - 1]} {card.day}, {year}"
    if problem:
        reason = f"{problem}; the paper is taken in without it"
        yield Failure(where=f"{name}:{entry.card_line}", reason=reason)
    yield make_paper(
        f"{name}:{entry.title.line}",
        title=entry.title.text,
        abstract=entry.abstract,
        n_authors=card.n_authors,
        published=published,
        published_inferred=published is not None and card.year is None,
        comments=card.comments,
    )
