"""Run as a process: prints what the first page of a PDF says, as one JSON object.

The title is what stands in the largest letters of the upper half, the abstract what stands between its heading and the
next one.
"""

import json
import logging
import re
import sys
from typing import Any

_MEMORY_BYTES = 2 * 2**30
_PROCESSOR_SECONDS = 50
_MOST_CHARACTERS = 20_000
_HEADING = re.compile(
    r"(?im)^[ \t]*a\s?b\s?s\s?t\s?r\s?a\s?c\s?t[ \t]*(?:[.:—–-][ \t]*|$)|\bAbstract[.:—–-]\s*(?=[A-Z])"
)
_NEXT = re.compile(
    r"(?im)^[ \t]*(?:(?:1|I)[. \t]+)?(?:introduction|keywords?|index terms|ccs concepts|acm reference format|"
    r"general terms|categories and subject descriptors|contents)\b.*$|^[ \t]*(?:keywords|index terms)\s*[:—–-]"
)
_DOI = re.compile(r"\b10\.\d{4,9}/[-._;()/:A-Za-z0-9]+")
# What typesetting programs write for the title when nobody did.
_NO_TITLE = re.compile(r"(?i)\A(?:untitled|microsoft word\b.*|.*\.(?:dvi|tex|pdf|docx?)|\W*)\Z")
_LEAST_LETTERS = 8


def main(path: str) -> None:
    """Print what the page says; what cannot be read is a `problem`."""
    _bound()
    sys.stdout.write(json.dumps(read_page(path)))


def read_page(path: str) -> dict[str, Any]:
    """What the first page of a file says, or a `problem`."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            return {"problem": "it is encrypted"}
        return _first_page(reader)
    except (PyPdfError, OSError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        # pypdf lets errors of its own making through on files that are damaged enough.
        return {"problem": f"{type(error).__name__}: {error}"}
    except (RecursionError, MemoryError, NotImplementedError, ZeroDivisionError, AssertionError) as error:
        return {"problem": type(error).__name__}


def _bound() -> None:
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_PROCESSOR_SECONDS, _PROCESSOR_SECONDS))


def _first_page(reader: Any) -> dict[str, Any]:
    pieces: list[tuple[float, float, str]] = []

    def told(text: str, outer: list[float], inner: list[float], _font: object, size: float) -> None:
        # The height on the page, and the size of the letters after all scaling.
        height = outer[1] * inner[4] + outer[3] * inner[5] + outer[5]
        scale = abs(inner[3] * outer[3]) or abs(inner[1] * outer[2]) or 1.0
        pieces.append((height, round(abs(size * scale), 1), text))

    page = reader.pages[0]
    text = page.extract_text(visitor_text=told)[:_MOST_CHARACTERS]
    title = str((reader.metadata or {}).get("/Title") or "").strip()
    if _NO_TITLE.match(title):
        title = _largest(pieces, float(page.mediabox.bottom) + float(page.mediabox.height) / 2)
    doi = _DOI.search(text)
    return {
        "title": _joined(title),
        "abstract": _joined(_abstract(text)),
        "doi": doi.group() if doi else None,
        "text": text[:5_000],
    }


def _largest(pieces: list[tuple[float, float, str]], middle: float) -> str:
    """What stands in the largest letters above the middle, as long as it is more than an ornament."""
    above = [(size, text) for height, size, text in pieces if height >= middle and text.strip()]
    for size in sorted({size for size, _ in above}, reverse=True):
        found = " ".join(text.strip() for own, text in above if abs(own - size) < 0.2)
        # The stamp of arXiv on the margin is large, too.
        if sum(map(str.isalpha, found)) >= _LEAST_LETTERS and not found.startswith("arXiv:"):
            return found
    return ""


def _abstract(text: str) -> str:
    heading = _HEADING.search(text)
    if heading is None:
        return ""
    rest = text[heading.end() :]
    following = _NEXT.search(rest)
    return rest[: following.start()] if following else rest


def _joined(text: str) -> str:
    """Lines joined; a word that was divided at the end of a line is one again."""
    return " ".join(re.sub(r"(?<=[a-z])-\s*\n\s*(?=[a-z])", "", text).split())


if __name__ == "__main__":
    main(sys.argv[1])
