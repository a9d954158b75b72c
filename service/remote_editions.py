"""Editions of a library, wherever it is: open here, or owned by a running service."""

from typing import Any, cast

from service.answer.edition import Edition
from service.answer.watching import Feed
from service.editions import EDITION, FEEDS, Editions
from service.index.deliveries import Delivery, DeliveryState
from service.index.watches import Watch
from service.library import Library
from service.remote import RemoteLibrary
from service.types import Digest


class RemoteEditions:
    """`Editions` of a library that a service has; each method as there."""

    def __init__(self, library: RemoteLibrary, interests: tuple[str, ...]) -> None:
        self._library, self._interests = library, interests

    def make(self, digest: Digest) -> Edition:
        """As `Editions.make`."""
        return EDITION.validate_python(self._call("make", digest.model_dump(mode="json")))

    def seen_until(self, reader: str) -> int | None:
        """As `Editions.seen_until`."""
        return cast("int | None", self._call("seen_until", reader))

    def looked(self, reader: str, newest_row: int) -> None:
        """As `Editions.looked`."""
        self._call("looked", reader, newest_row)

    def delivery(self, digest: str, recipient: str) -> Delivery | None:
        """As `Editions.delivery`."""
        found = self._call("delivery", digest, recipient)
        return Delivery(DeliveryState(found[0]), found[1]) if found else None

    def keep_delivery(self, digest: str, recipient: str, state: DeliveryState) -> None:
        """As `Editions.keep_delivery`."""
        self._call("keep_delivery", digest, recipient, str(state))

    def give_opinion(self, paper: str, liked: bool | None) -> str:
        """As `Editions.give_opinion`."""
        return str(self._call("give_opinion", paper, liked))

    def watch(self, question: str) -> None:
        """As `Editions.watch`."""
        self._call("watch", question)

    def unwatch(self, number: int) -> bool:
        """As `Editions.unwatch`."""
        return bool(self._call("unwatch", number))

    def watches(self) -> list[Watch]:
        """As `Editions.watches`."""
        return [Watch(*row) for row in self._call("watches")]

    def feeds(self) -> list[Feed]:
        """As `Editions.feeds`."""
        return FEEDS.validate_python(self._call("feeds"))

    def _call(self, method: str, *given: Any) -> Any:
        return self._library.call("editions", {"interests": self._interests, "method": method, "given": given})


def editions_of(library: Library | RemoteLibrary, interests: tuple[str, ...]) -> Editions | RemoteEditions:
    """The editions of a library."""
    if isinstance(library, RemoteLibrary):
        return RemoteEditions(library, interests)
    return Editions(library, interests)
