"""Claim checks that need no catalog: for `paperboy verify` and for whoever has two texts."""

from functools import lru_cache

from service.answer.verify import verify
from service.errors import InputError
from service.index.lexical import Analyzer
from service.types import Verification


def check_texts(source: str, summary: str) -> Verification:
    """Check a text claim by claim against its source.

    Raises:
        InputError: one of them is empty.
    """
    for name, text in (("source", source), ("summary", summary)):
        if not text.strip():
            raise InputError(f"the {name} is empty")
    return verify(source, summary, terms)


def terms(text: str) -> list[str]:
    """The stemmed content words of a text."""
    return list(_analyzer().query_terms(text))


@lru_cache(maxsize=1)
def _analyzer() -> Analyzer:
    return Analyzer()
