"""PDF files of papers: title and abstract of the first page.

The file is read by pypdf in a process of its own, with bounds on time and memory: what a hostile file can make a reader
do ends there.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import PurePath
from typing import BinaryIO, cast

from service.child import run_module
from service.identity import arxiv_reference
from service.sources.fields import text_of
from service.sources.records import identity, make_paper
from service.text import one_line
from service.types import Failure, Paper

MAX_FILE_BYTES = 200 * 2**20
_SECONDS = 60.0
_COPY_BYTES = 2**20


def detect(head: str) -> bool:
    """Whether the file is a PDF."""
    return head.startswith("%PDF-")


def parse(stream: BinaryIO, name: str) -> Iterator[Paper | Failure]:
    """The one paper of a file, or a failure where its first page has no abstract that can be told."""
    with tempfile.NamedTemporaryFile(suffix=".pdf") as copy:
        # pypdf wants to seek; a gzipped file cannot.
        if _copied(stream, copy.file) > MAX_FILE_BYTES:  # type: ignore[arg-type]
            yield Failure(where=name, reason=f"a PDF of more than {MAX_FILE_BYTES >> 20} MB is not read")
            return
        copy.flush()
        try:
            done = run_module("service.sources.pdf_page", copy.name, timeout=_SECONDS)
            page = json.loads(done.stdout) if not done.returncode else {}
        except subprocess.TimeoutExpired:
            yield Failure(where=name, reason=f"its first page was not read within {_SECONDS:.0f} s")
            return
        except ValueError:
            page = {}
    problem = text_of(page.get("problem")) or ("" if page else "its reader failed")
    if problem:
        yield Failure(where=name, reason=f"a PDF that cannot be read: {one_line(problem, 120)}")
        return
    abstract = text_of(page.get("abstract"))
    if not abstract:
        yield Failure(where=name, reason="no abstract was found on the first page of the PDF (a scan has no text)")
        return
    stamp = arxiv_reference(text_of(page.get("text")))
    number = f"{stamp.id}v{stamp.version}" if stamp and stamp.version else stamp.id if stamp else None
    title = text_of(page.get("title")) or PurePath(name).stem
    yield make_paper(name, title=title, abstract=abstract, known_as=identity(arxiv=number, doi=page.get("doi")))


def _copied(stream: BinaryIO, target: BinaryIO) -> int:
    """Bytes copied: all, or more than are read."""
    bounded = _Bounded(stream)
    shutil.copyfileobj(cast(BinaryIO, bounded), target, _COPY_BYTES)
    return bounded.count


class _Bounded:
    """A stream that ends once too much of it was read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self.count = stream, 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size) if self.count <= MAX_FILE_BYTES else b""
        self.count += len(data)
        return data
