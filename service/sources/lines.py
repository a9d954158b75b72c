"""Lines of an untrusted file: bounded length, strict UTF-8, numbered."""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MAX_LINE_BYTES = 2**20


class Line(NamedTuple):
    """One line, from 1; `text` is empty where `problem` says why it cannot be used."""

    number: int
    text: str
    problem: str = ""


def read_lines(stream: BinaryIO) -> Iterator[Line]:
    """Lines without their ends, in constant memory: an overlong line is skipped, not read."""
    number = 0
    while data := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(data) > MAX_LINE_BYTES and not data.endswith(b"\n"):
            length = len(data) + skip_rest_of_line(stream)
            yield Line(number, "", f"a line of {length:,} bytes, more than the {MAX_LINE_BYTES:,} that are read")
            continue
        try:
            yield Line(number, data.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n"))
        except UnicodeDecodeError as error:
            yield Line(number, "", f"not valid UTF-8 at byte {error.start} of the line")


def skip_rest_of_line(stream: BinaryIO) -> int:
    """Read on to the end of the line; how many bytes that were."""
    length = 0
    while data := stream.readline(MAX_LINE_BYTES):
        length += len(data)
        if data.endswith(b"\n"):
            break
    return length
