"""JSON lines in, JSON lines out: one document per input line, in order, each with the line's `id`."""

import json
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from service.errors import InputError, PaperboyError
from service.sources.lines import MAX_LINE_BYTES, read_lines

Record = dict[str, Any]
A = TypeVar("A")
B = TypeVar("B")


def run_batch(file: str, required: Sequence[str], handle: Callable[[Record], Record]) -> int:
    """Handle every line of a file by itself; see `run_together`."""
    return run_together(file, required, lambda records: each(handle, records))


def run_together(
    file: str,
    required: Sequence[str],
    serve: Callable[[Iterator[Record | PaperboyError]], Iterator[Record | PaperboyError]],
) -> int:
    """Handle the lines of a file; one that cannot be served has an `error` and the rest goes on.

    Args:
        file: JSON lines.
        required: fields that are texts in every line.
        serve: takes the records as it needs them and gives a document for each, in order; an error, where a line
            cannot be served, instead of either.

    Returns:
        1 if some lines failed, else 0.

    Raises:
        InputError: the file cannot be read.
    """
    failed = 0
    ids: deque[Any] = deque()
    for served in serve(_noting_ids(_records(Path(file), required), ids)):
        document = {"error": str(served)} if isinstance(served, PaperboyError) else served
        failed += "error" in document
        sys.stdout.write(json.dumps({"id": ids.popleft()} | document, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    return 1 if failed else 0


def each(function: Callable[[A], B], items: Iterable[A | PaperboyError]) -> Iterator[B | PaperboyError]:
    """What a function makes of each item; an error is passed on, and one that it raises takes the item's place."""
    for item in items:
        if isinstance(item, PaperboyError):
            yield item
            continue
        try:
            made: B | PaperboyError = function(item)
        except PaperboyError as error:
            made = error
        yield made


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        InputError: it is missing, no text, or too long.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    return _decoded(data, str(path))


def read_stdin() -> str:
    """The text on standard input.

    Raises:
        InputError: it is no text, or too long.
    """
    return _decoded(sys.stdin.buffer.read(MAX_LINE_BYTES + 1), "standard input")


def _decoded(data: bytes, name: str) -> str:
    if len(data) > MAX_LINE_BYTES:
        raise InputError(f"{name} has more than {MAX_LINE_BYTES:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not valid UTF-8 (byte {error.start})") from None


def _noting_ids(
    records: Iterable[tuple[Record, str]], ids: deque[Any]
) -> Iterator[Record | PaperboyError]:  # fmt: skip
    for record, problem in records:
        ids.append(record.get("id"))
        yield InputError(problem) if problem else record


def _records(path: Path, required: Sequence[str]) -> Iterator[tuple[Record, str]]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    with stream:
        for line in read_lines(stream):
            if not line.text.strip() and not line.problem:
                continue
            yield _record(line.text, line.problem, f"{path}:{line.number}", required)


def _record(text: str, problem: str, where: str, required: Sequence[str]) -> tuple[Record, str]:
    if problem:
        return {}, f"{where}: {problem}"
    try:
        # Half a character (a lone surrogate) becomes "?", and what is no JSON, such as NaN, is refused: no later step
        # could write it.
        plain = json.dumps(json.loads(text), ensure_ascii=False, allow_nan=False)
        record = json.loads(plain.encode(errors="replace"))
    except (ValueError, RecursionError) as error:
        return {}, f"{where}: not valid JSON ({type(error).__name__})"
    if not isinstance(record, dict):
        return {}, f"{where}: a JSON object is expected"
    for name in required:
        if not isinstance(record.get(name), str):
            return record, f"{where}: {name} is missing or no text"
    return record, ""
