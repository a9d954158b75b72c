"""JSON lines in, JSON lines out: one document per input line, in order, each with the line's `id`."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from service.errors import InputError, PaperboyError
from service.sources.lines import MAX_LINE_BYTES, read_lines

Record = dict[str, Any]


def run_batch(file: str, required: Sequence[str], handle: Callable[[Record], Record]) -> int:
    """Handle every line of a file; a line that cannot be served has an `error` and the rest goes on.

    Returns:
        1 if some lines failed, else 0.

    Raises:
        InputError: the file cannot be read.
    """
    failed = 0
    for record, problem in _records(Path(file), required):
        document: Record = {"id": record.get("id")}
        if problem:
            document["error"] = problem
        else:
            try:
                document |= handle(record)
            except PaperboyError as error:
                document["error"] = str(error)
        failed += "error" in document
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    return 1 if failed else 0


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
