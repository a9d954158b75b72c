"""Scraped pages of a "Daily Papers" site as plain text: title, abstract and, on some pages, authors and date.

Blocks are separated by one empty line. The chrome at the top is optional and matched as a set; below the "AK" line
may stand the page's own date, which is neither a title nor the date of a paper: its place decides, not its form.
Cards of the current year print no year: it is the first one after the years that the page prints.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, NamedTuple, cast

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
_LONGEST_BLOCK = 2**16
"""Characters that are kept of a block or an abstract: more than an abstract may have, so that it is refused."""
_IN_MEMORY = 2**17


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
    """Papers of one page, each with `file:line` of its title; an unreadable part is a failure of its own.

    The page is read twice, for the years that it prints say which one it leaves out.
    """
    with ExitStack() as stack:
        page = stream if stream.seekable() else stack.enter_context(_copied(stream))
        begin, printed = page.tell(), 0
        for item in _blocks(read_lines(page)):
            if isinstance(item, Line):
                yield Failure(where=f"{name}:{item.number}", reason=item.problem)
            elif item.is_meta:
                printed = max(printed, _read_card(item.lines).year or 0)
        page.seek(begin)
        blocks = (item for item in _blocks(read_lines(page)) if isinstance(item, _Block))
        for entry in _entries(_Ahead(_without_chrome(blocks))):
            if isinstance(entry, _Entry):
                yield from _papers(entry, name, printed + 1 if printed else None)
            else:
                line, reason = entry
                yield Failure(where=f"{name}:{line}", reason=reason)


def _copied(stream: BinaryIO) -> BinaryIO:
    """The rest of a stream, to be read from its beginning as often as one likes; a long one lies on disk."""
    copy = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by who asked for it
    shutil.copyfileobj(stream, copy)
    copy.seek(0)
    return cast(BinaryIO, copy)


def _blocks(lines: Iterator[Line]) -> Iterator[_Block | Line]:
    current: list[str] = []
    start = size = 0
    below_gap = False
    for line in lines:
        text = line.text.strip()
        if text:
            start, size = (start, size + len(text)) if current else (line.number, len(text))
            if size <= _LONGEST_BLOCK or not current:
                current.append(text)
        elif current:
            yield _Block(start, tuple(current), below_gap)
            current, below_gap = [], False
        if line.problem:
            yield line
            below_gap = True
    if current:
        yield _Block(start, tuple(current), below_gap)


def _without_chrome(blocks: Iterator[_Block]) -> Iterator[_Block]:
    last = ""
    for block in blocks:
        if _CHROME.match(block.text):
            last = block.text
            continue
        if not (_BYLINE.match(last) and _PAGE_DATE.match(block.text)):
            yield block
        break
    yield from blocks


class _Ahead:
    """Blocks of which the next two are known."""

    def __init__(self, blocks: Iterator[_Block]) -> None:
        self._blocks = blocks
        self.next: _Block | None = next(blocks, None)
        self.second: _Block | None = next(blocks, None)

    def take(self) -> _Block | None:
        """The next one, which is over with that."""
        taken, self.next, self.second = self.next, self.second, next(self._blocks, None)
        return taken


def _entries(blocks: _Ahead) -> Iterator[_Entry | tuple[int, str]]:
    """Title, abstract and card of each paper, or line and reason of what is none."""
    while title := blocks.take():
        if title.is_meta or len(title.text) > _LONGEST_TITLE:
            what = "authors and date" if title.is_meta else "an abstract"
            yield title.line, f"{what} without a title: {one_line(title.text, 60)}"
            continue
        abstract, size = list[str](), 0
        while (block := blocks.next) and _continues(block, blocks.second, bool(abstract)):
            size += len(block.text)
            if size <= _LONGEST_BLOCK or not abstract:
                abstract.append(block.text)
            blocks.take()
        card, card_line = _Card(), title.line
        if blocks.next and blocks.next.is_meta:
            card, card_line = _read_card(blocks.next.lines), blocks.next.line
            blocks.take()
        if abstract:
            yield _Entry(title, " ".join(abstract), card, card_line)
        else:
            yield title.line, f"no abstract: {one_line(title.text)}"


def _continues(block: _Block, following: _Block | None, has_abstract: bool) -> bool:
    """Whether the block belongs to the abstract rather than being the next title."""
    if block.is_meta or (block.below_gap and has_abstract):
        return False
    if len(block.text) > _LONGEST_TITLE:
        return True
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
