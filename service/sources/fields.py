"""Values of untrusted records, whatever type they turn out to have."""

import re
from typing import Any

from service.text import clean_text

WORDS = re.compile(r"\s+")
"""Divides a text that is several words, such as categories."""
_AUTHOR_SEPARATOR = re.compile(r";|,|\band\b")


def text_of(value: object) -> str:
    """A text, or a number as a text; anything else is empty."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    try:
        return str(value)
    except ValueError:
        # Python refuses to print a number of thousands of digits.
        return ""


def texts_of(value: object, separator: re.Pattern[str] = _AUTHOR_SEPARATOR) -> tuple[str, ...]:
    """A list of texts, or one text that `separator` divides."""
    items = value if isinstance(value, list) else separator.split(value) if isinstance(value, str) else []
    return tuple(cleaned for item in items if (cleaned := clean_text(text_of(item))))


def member(value: object, *path: str) -> Any:
    """What stands under the keys of `path` in objects within objects; `None` where there is no such thing."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def members_of(value: object) -> list[dict[str, Any]]:
    """The objects in a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def count_of(value: object) -> int | None:
    """A number of things, 0 or more."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None
