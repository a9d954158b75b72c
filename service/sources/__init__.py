"""Input formats. Each is one module with `detect(head)` and `parse(stream, name)`; add a module, then list it here."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple, cast

from service.errors import SourceError
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
    """Whether the beginning of a file is of this format."""
    parse: Callable[[BinaryIO, str], Iterator[Record]]
    """Papers and failures of a stream and the name of its file; never raises for what is in it."""


# Name and module, in the order in which they are tried: what knows a file by little comes last.
FORMATS = {
    "pdf": "pdf",
    "page": "page",
    "arxiv-atom": "arxiv_atom",
    "arxiv-rss": "arxiv_rss",
    "arxiv-oai": "arxiv_oai",
    "arxiv-snapshot": "arxiv_snapshot",
    "hf": "huggingface",
    "s2": "semantic_scholar",
    "venue": "venue",
    "csl": "csl",
    "jsonl": "jsonl",
    "bibtex": "bibtex",
    "ris": "ris",
    "table": "table",
    "plain": "plain",
}


@cache
def format_named(name: str) -> Format:
    """A format by its name; its module is imported at first use, for some need half a tenth of a second.

    Raises:
        SourceError: there is no such format; with those that there are.
    """
    if name not in FORMATS:
        raise SourceError(f"--format {name} is not known; known are {', '.join(FORMATS)}")
    module = import_module(f"service.sources.{FORMATS[name]}")
    return Format(module.detect, module.parse)


def read_path(path: Path, format_name: str | None = None) -> Iterator[Record]:
    """Papers and failures of a file, or of all files of a folder in the order of their names.

    A file that cannot be read at all is one `Failure`; nothing is raised for it, so that the other files go on.

    Raises:
        SourceError: `format_name` is not a known format.
    """
    if format_name is not None:
        format_named(format_name)
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
            stream = decompressed(raw, path.stat().st_size)
            head = stream.peek(_HEAD_BYTES)[:_HEAD_BYTES]
            found = format_named(format_name) if format_name else _detect(head)
            yield from found.parse(cast(BinaryIO, stream), name)
    except SourceError as error:
        yield Failure(where=name, reason=str(error))
    except (OSError, EOFError, zlib.error) as error:
        yield Failure(where=name, reason=f"cannot be read: {error}")


def _detect(head: bytes) -> Format:
    if not head.strip():
        raise SourceError("the file is empty")
    text = head.decode("utf-8", errors="replace")
    if b"\0" in head and not format_named("pdf").detect(text):
        raise SourceError("a binary file, not text")
    for name in FORMATS:
        if format_named(name).detect(text):
            return format_named(name)
    raise SourceError(f"format not recognized; name it with --format ({', '.join(FORMATS)})")


def decompressed(file: IO[bytes], size: int) -> io.BufferedReader:
    """The content of a gzipped file, or the file itself, to be read once.

    Args:
        file: bytes.
        size: how many; what they expand to is bounded by it, and reading beyond raises `SourceError`.
    """
    raw = file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, file), _HEAD_BYTES)
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
