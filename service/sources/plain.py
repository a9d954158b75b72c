"""One abstract as plain text: a title, an empty line, the abstract; or fields such as `Title:` and `Abstract:`."""

import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import BinaryIO

from service.sources.records import MAX_ABSTRACT_CHARACTERS, identity, make_paper
from service.types import Failure, Paper

_LONGEST_TITLE = 300
_LEAST_ABSTRACT = 200
_LARGEST_FILE = 4 * MAX_ABSTRACT_CHARACTERS
_TITLE = re.compile(r"\A\s*title\s*[:.—-]\s*", re.IGNORECASE)
_AUTHORS = re.compile(r"\A\s*(?:authors?|by)\s*:", re.IGNORECASE)
_ABSTRACT = re.compile(r"\A\s*abstract\s*(?:[:.—-]\s*|$)", re.IGNORECASE | re.MULTILINE)
_SENTENCE_END = re.compile(r"[a-z)\d][.!?](?:\s|\Z)")


def detect(head: str) -> bool:
    """Whether this reads as one abstract with its title and nothing more: other texts are not taken for papers."""
    if len(head) >= _LARGEST_FILE:
        return False
    blocks = _blocks(head)
    if any(_ABSTRACT.match(block) for block in blocks[1:]):
        return len(blocks[0]) <= _LONGEST_TITLE and len(blocks) <= 8
    return (
        len(blocks) == 2
        and len(blocks[0]) <= _LONGEST_TITLE
        and len(blocks[1]) >= _LEAST_ABSTRACT
        and len(_SENTENCE_END.findall(blocks[1])) >= 2
    )


def parse(stream: BinaryIO, name: str) -> Iterator[Paper | Failure]:
    """The one paper of a file; without a title it is called as the file is."""
    data = stream.read(_LARGEST_FILE + 1)
    if len(data) > _LARGEST_FILE:
        yield Failure(where=name, reason=f"more than {_LARGEST_FILE:,} bytes, so not one abstract")
        return
    try:
        blocks = _blocks(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        yield Failure(where=name, reason=f"not valid UTF-8 at byte {error.start}")
        return
    if not blocks:
        yield Failure(where=name, reason="the file is empty")
        return
    title, rest = PurePath(name).stem, blocks
    if len(blocks[0]) <= _LONGEST_TITLE and not _ABSTRACT.match(blocks[0]) and len(blocks) > 1:
        title, rest = _TITLE.sub("", blocks[0]), blocks[1:]
    start = next((number for number, block in enumerate(rest) if _ABSTRACT.match(block)), 0)
    abstract = [_ABSTRACT.sub("", block) for block in rest[start:] if not _AUTHORS.match(block)]
    yield make_paper(name, title=title, abstract=" ".join(abstract), known_as=identity())


def _blocks(text: str) -> list[str]:
    """What stands between empty lines."""
    return [block.strip() for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip("\ufeff \r\n")) if block]
