"""Input formats. Each is one module with `detect(head)` and `parse(stream, name)`; add a module, then list it here."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from service.errors import SourceError
from service.sources import jsonl, page
from service.types import Failure, Paper

Record = Paper | Failure
_HEAD_BYTES = 65_536
_GZIP_MAGIC = b"\x1f\x8b"
# A real list compresses 3 to 10 times; a gzip bomb about 1,000 times.
_MAX_EXPANSION = 200
_ALWAYS_ALLOWED_BYTES = 16 * 2**20


class Format(NamedTuple):
    """One input format."""

    detect: Callable[[str], bool]
    parse: Callable[[BinaryIO, str], Iterator[Record]]


FORMATS: dict[str, Format] = {
    "page": Format(page.detect, page.parse),
    "jsonl": Format(jsonl.detect, jsonl.parse),
}


def read_path(path: Path, format_name: str | None = None) -> Iterator[Record]:
    """Papers and failures of a file, or of all files of a folder in the order of their names.

    A file that cannot be read at all is one `Failure`; nothing is raised for it, so that the other files go on.

    Raises:
        SourceError: `format_name` is not a known format.
    """
    if format_name is not None and format_name not in FORMATS:
        raise SourceError(f"--format {format_name} is not known; known are {', '.join(FORMATS)}")
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and not _is_hidden(file.relative_to(path)))
        if not files:
            yield Failure(where=_text_of(path), reason="the folder has no files")
        for file in files:
            yield from _read_file(file, format_name)
    else:
        yield from _read_file(path, format_name)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _text_of(path: Path) -> str:
    """The path as text that can be stored and printed: a name on disk may be no UTF-8."""
    return str(path).encode(errors="replace").decode()


def _read_file(path: Path, format_name: str | None) -> Iterator[Record]:
    name = _text_of(path)
    try:
        if not path.is_file():
            reason = "no such file" if not path.exists() else "not a regular file"
            yield Failure(where=name, reason=reason)
            return
        with path.open("rb") as raw:
            stream = _decompressed(raw, path.stat().st_size)
            head = stream.peek(_HEAD_BYTES)[:_HEAD_BYTES]
            found = FORMATS[format_name] if format_name else _detect(head)
            yield from found.parse(cast(BinaryIO, stream), name)
    except SourceError as error:
        yield Failure(where=name, reason=str(error))
    except (OSError, EOFError, zlib.error) as error:
        yield Failure(where=name, reason=f"cannot be read: {error}")


def _detect(head: bytes) -> Format:
    if not head.strip():
        raise SourceError("the file is empty")
    if b"\0" in head:
        raise SourceError("a binary file, not text")
    text = head.decode("utf-8", errors="replace")
    for candidate in FORMATS.values():
        if candidate.detect(text):
            return candidate
    raise SourceError(f"format not recognized; name it with --format ({', '.join(FORMATS)})")


def _decompressed(raw: io.BufferedReader, size: int) -> io.BufferedReader:
    if raw.peek(2)[:2] != _GZIP_MAGIC:
        return raw
    limit = max(_ALWAYS_ALLOWED_BYTES, size * _MAX_EXPANSION)
    return io.BufferedReader(_BoundedGzip(gzip.GzipFile(fileobj=raw), limit), _HEAD_BYTES)


class _BoundedGzip(io.RawIOBase):
    """Decompressed bytes up to a limit, so that a gzip bomb ends as a failed file."""

    def __init__(self, inner: gzip.GzipFile, limit: int) -> None:
        self._inner, self._left = inner, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._inner.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise SourceError(f"expands more than {_MAX_EXPANSION} times; not read further")
        buffer[: len(data)] = data
        return len(data)
