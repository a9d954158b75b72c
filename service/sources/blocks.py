"""Records of several lines in an untrusted file: cut at the lines with which they begin, each bounded."""

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from service.sources.lines import read_lines
from service.types import Failure

_LONGEST_BLOCK = 2**18


class Block(NamedTuple):
    """The lines of one record, and the `file:line` at which it begins."""

    where: str
    text: str


def blocks_of(stream: BinaryIO, name: str, begins: re.Pattern[str]) -> Iterator[Block | Failure]:
    """The records of a file; what stands above the first is passed over.

    Args:
        stream: bytes of the file.
        name: of the file.
        begins: matches the first line of a record, and no other.
    """
    lines: list[str] = []
    start = size = 0
    found = False
    for line in read_lines(stream):
        if line.problem:
            yield Failure(where=f"{name}:{line.number}", reason=line.problem)
        if begins.match(line.text):
            if start:
                yield _block(name, start, lines, size)
            start, lines, size, found = line.number, [], 0, True
        size += len(line.text)
        if start and size <= _LONGEST_BLOCK:
            lines.append(line.text)
    if start:
        yield _block(name, start, lines, size)
    if not found:
        yield Failure(where=name, reason="no record in it")


def _block(name: str, start: int, lines: list[str], size: int) -> Block | Failure:
    where = f"{name}:{start}"
    if size > _LONGEST_BLOCK:
        return Failure(where=where, reason=f"a record of {size:,} characters, more than the {_LONGEST_BLOCK:,} read")
    return Block(where, "\n".join(lines) + "\n")
