"""Handing over what was written: to futures that may be cancelled at any time, and after a text was begun anew."""

import contextlib
from concurrent.futures import Future, InvalidStateError
from typing import Any


def resolve(future: Future[Any], value: object) -> None:
    """Hand over a value; that nobody waits for it any more is no error."""
    with contextlib.suppress(InvalidStateError):
        future.set_result(value)


def refuse(future: Future[Any], error: BaseException) -> None:
    """Hand over an error; that nobody waits for it any more is none."""
    with contextlib.suppress(InvalidStateError):
        future.set_exception(error)


def untold(told: str, position: int, piece: str) -> str | None:
    """What of a piece at a position of a text goes beyond what was told of it; `None` where it is another text."""
    known = told[position : position + len(piece)]
    return piece[len(known) :] if piece.startswith(known) else None
