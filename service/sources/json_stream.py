"""Untrusted JSON: lines of objects, or a list of any size read piece by piece; each record bounded.

A file may hold one object a line, one list of objects, one object with such a list in it (the answer to a search), one
object alone, or several of these. Whatever it is, memory holds one record at a time.
"""

import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple, cast

import ijson

from service.sources.lines import read_lines, skip_rest_of_line
from service.text import one_line
from service.types import Failure, Paper

Record = dict[str, Any]
_CHUNK_BYTES = 65_536
# Without an event for that long, a text in the file is longer than any record may be.
_LONGEST_TOKEN = 2**20
# Of one record: values, keys at its top, characters, and lists in lists.
_MOST_VALUES = 100_000
_MOST_KEYS = 1_000
_LONGEST_RECORD = 2**20
_DEEPEST = 40
# Under these names services put the list of what they found.
_LISTS = frozenset(("data", "notes", "papers", "items", "results", "recommendedPapers"))
_BOM = b"\xef\xbb\xbf"


class Found(NamedTuple):
    """A record, and where it stands: `file:line` where lines are records, else `file#number`."""

    where: str
    record: Record


class _LongTextError(Exception):
    """A text without an end: `length` bytes of it were read, after `line` ends of lines."""

    def __init__(self, length: int, line: int) -> None:
        super().__init__(f"{length} bytes in line {line + 1}")
        self.length, self.line = length, line


class _BadJsonError(Exception):
    """The rest of the file cannot be read; the message says why."""


def begins_json(head: str) -> bool:
    """Whether a file begins with a JSON object, or a list of them."""
    return re.match(r"[\ufeff\s]*(?:\[\s*)?\{", head) is not None


def parse_records(
    stream: BinaryIO, name: str, paper_of: Callable[[Record, str], Iterator[Paper | Failure]]
) -> Iterator[Paper | Failure]:
    """Papers of the records of a file; what is no record is a failure of its own.

    Args:
        stream: bytes of the file.
        name: of the file.
        paper_of: makes a record a paper, or says in failures what is wrong with it.
    """
    for found in json_records(stream, name):
        if isinstance(found, Failure):
            yield found
        else:
            yield from paper_of(found.record, found.where)


def json_records(stream: BinaryIO, name: str) -> Iterator[Found | Failure]:
    """The records of a file of any of the shapes above."""
    buffered = stream if hasattr(stream, "peek") else io.BufferedReader(cast(io.RawIOBase, stream), _CHUNK_BYTES)
    head = cast(io.BufferedReader, buffered).peek(_CHUNK_BYTES)[:_CHUNK_BYTES].removeprefix(_BOM).lstrip()
    if not head:
        yield Failure(where=name, reason="the file is empty")
    elif _is_lines(head):
        yield from _line_records(buffered, name)
    else:
        yield from _streamed_records(buffered, name)


def record_of_line(text: str, where: str) -> Record | Failure:
    """The JSON object that a line is."""
    try:
        record = json.loads(text)
    except RecursionError:
        return Failure(where=where, reason="JSON that is nested too deeply")
    except ValueError as error:
        return Failure(where=where, reason=f"not valid JSON ({error}): {one_line(text, 40)}")
    return _checked(record, where)


def _is_lines(head: bytes) -> bool:
    """Whether the first line is an object by itself that is not an envelope of a list."""
    line, end, _rest = head.partition(b"\n")
    if not line.startswith(b"{") or not line.rstrip().endswith(b"}"):
        return False
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        # Damaged: the next line may be sound, where there is one.
        return bool(end)
    return not any(isinstance(record.get(key), list) for key in _LISTS)


def _line_records(stream: BinaryIO, name: str, lines_before: int = 0) -> Iterator[Found | Failure]:
    for line in read_lines(stream):
        where = f"{name}:{line.number + lines_before}"
        if line.problem:
            yield Failure(where=where, reason=line.problem)
        elif line.text.strip():
            record = record_of_line(line.text, where)
            yield record if isinstance(record, Failure) else Found(where, record)


def _streamed_records(stream: BinaryIO, name: str) -> Iterator[Found | Failure]:
    number = 0
    try:
        for value in _values(_events(stream)):
            number += 1
            record = value if isinstance(value, Failure) else _checked(value, "")
            where = f"{name}#{number}"
            if isinstance(record, Failure):
                yield Failure(where=where, reason=record.reason)
            else:
                yield Found(where, record)
    except _BadJsonError as error:
        yield Failure(where=name, reason=f"{error}; {number:,} records before it were read")
    except _LongTextError as error:
        length = error.length + skip_rest_of_line(stream)
        yield Failure(where=name, reason=f"a text of {length:,} bytes, more than the {_LONGEST_TOKEN:,} that are read")
        # Where records are lines, the next one may be sound.
        yield from _line_records(stream, name, error.line)


def _checked(record: object, where: str) -> Record | Failure:
    if isinstance(record, dict):
        return record
    return Failure(where=where, reason=f"a JSON object is expected, not {type(record).__name__}")


def _events(stream: BinaryIO) -> Iterator[tuple[str, Any]]:
    """Parsing events in constant memory; raises `_BadJsonError` or `_LongTextError`."""
    events = ijson.sendable_list()
    parser = ijson.basic_parse_coro(events, use_float=True, multiple_values=True)
    silent = ends = 0
    first = True
    try:
        while chunk := stream.read(_CHUNK_BYTES):
            parser.send(chunk.removeprefix(_BOM) if first else chunk)
            first = False
            silent = len(chunk) if events else silent + len(chunk)
            ends += chunk.count(b"\n")
            if silent > _LONGEST_TOKEN:
                raise _LongTextError(silent, ends + 1)
            yield from events
            del events[:]
        parser.close()
        yield from events
    except (ijson.JSONError, ValueError, OverflowError) as error:
        yield from events
        raise _BadJsonError(f"not valid JSON ({one_line(str(error), 100)})") from None


def _values(events: Iterator[tuple[str, Any]]) -> Iterator[object]:
    """The objects of lists, at the top or in an envelope, and objects that stand alone."""
    for event, value in events:
        if event == "start_array":
            yield from _items(events)
        elif event == "start_map":
            yield from _envelope(events)
        else:
            yield value


def _items(events: Iterator[tuple[str, Any]]) -> Iterator[object]:
    for event, value in events:
        if event == "end_array":
            return
        yield _built(event, value, events)


def _envelope(events: Iterator[tuple[str, Any]]) -> Iterator[object]:
    """The items of the lists in an object; the object itself where it has none."""
    record: Record = {}
    problem: Failure | None = None
    is_envelope = False
    for _event, key in events:
        if key is None:
            break
        event, value = next(events)
        if key in _LISTS and event == "start_array":
            is_envelope = True
            yield from _items(events)
            continue
        built = _built(event, value, events)
        if isinstance(built, Failure) or len(record) > _MOST_KEYS:
            problem = _too_large()
        elif problem is None:
            record[key] = built
    if problem:
        yield problem
    elif not is_envelope:
        yield record


def _built(event: str, value: Any, events: Iterator[tuple[str, Any]]) -> Any:
    """The value that begins with an event; a failure where it is larger than a record may be."""
    if event not in ("start_map", "start_array"):
        return value
    builder = ijson.ObjectBuilder()
    builder.event(event, value)
    depth, values, characters, fits = 1, 0, 0, True
    while depth:
        event, value = next(events)
        depth += event.startswith("start") - event.startswith("end")
        values += 1
        characters += len(value) if isinstance(value, str) else 0
        fits = fits and depth <= _DEEPEST and values <= _MOST_VALUES and characters <= _LONGEST_RECORD
        if fits:
            builder.event(event, value)
    return builder.value if fits else _too_large()


def _too_large() -> Failure:
    return Failure(where="", reason="a record that is larger or nested more deeply than any paper's")
