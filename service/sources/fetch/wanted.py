"""What is asked of a service, what it gives, and what is kept from one fetch to the next."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import NamedTuple, Protocol

from service.errors import FetchError, InputError
from service.types import Failure, Paper

Record = Paper | Failure
_MOST_DAYS = 366


class Wanted(NamedTuple):
    """A request as a person makes it: days on which papers were listed, categories, words."""

    since: date | None = None
    until: date | None = None
    categories: tuple[str, ...] = ()
    query: str = ""
    most: int = 1_000
    """Papers of a search at most; a day's list is always taken whole."""

    def days(self) -> Iterator[date]:
        """Each day, in order.

        Raises:
            InputError: there are none, or more than a year of them.
        """
        first, last = self.range()
        for number in range((last - first).days + 1):
            yield first + timedelta(days=number)

    def range(self) -> tuple[date, date]:
        """First and last day.

        Raises:
            InputError: there are none, or more than a year of them.
        """
        last = self.until or date.today()
        first = self.since or self.until or last
        if first > last:
            raise InputError(f"no day is from {first} to {last}: --since comes before --until")
        if (last - first).days >= _MOST_DAYS:
            raise InputError(f"from {first} to {last} are more than {_MOST_DAYS} days: fetch them year by year")
        return first, last


class Page(NamedTuple):
    """One answer of a service. `keep` is called once its papers are stored: a fetch that ends before asks again."""

    records: list[Record]
    keep: Callable[[], None]
    what: str
    """Which page it is, for progress and messages."""


class Memory(Protocol):
    """Small texts that are kept in the home directory."""

    def get(self, name: str) -> str | None:
        """What was kept under a name."""

    def put(self, name: str, value: str) -> None:
        """Keep a text."""

    def delete(self, name: str) -> None:
        """Forget it; it may not be there."""


class NotModifiedError(Exception):
    """What is asked for is as it was the last time; the message is its address."""


class MissingError(FetchError):
    """The service knows no such thing, or does not know it yet."""
