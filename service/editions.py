"""Editions and what is known of their readers, over an open library; a service answers the same calls for others."""

from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter

from service.answer import watching
from service.answer.edition import Edition, make_edition
from service.answer.lookup import paper_named
from service.answer.watching import Feed
from service.errors import InputError
from service.index.deliveries import Deliveries, Delivery, DeliveryState
from service.index.reader import Looks, Opinions
from service.index.watches import Watch, Watches
from service.library import Library
from service.types import Digest, Paper

EDITION: TypeAdapter[Edition] = TypeAdapter(Edition)
FEEDS: TypeAdapter[list[Feed]] = TypeAdapter(list[Feed])


class Editions:
    """What is made of digests, who got them and what readers like, in one library."""

    def __init__(self, library: Library, interests: tuple[str, ...]) -> None:
        """`interests`: topics, as phrases, whose papers come first."""
        self._library, self._interests = library, interests

    def make(self, digest: Digest) -> Edition:
        """A digest as a reader gets it. A paper that has another id since is known by its summary only."""
        bench = self._library.workbench()
        papers = {
            summary.paper_id: bench.stores.catalog.get(summary.paper_id)
            or Paper(paper_id=summary.paper_id, title=summary.title, abstract=summary.text)
            for summary in digest.summaries
        }
        return make_edition(bench, digest, papers, self._interests)

    def seen_until(self, reader: str) -> int | None:
        """The greatest row that was there when a reader last looked."""
        return self._looks().newest_row(reader)

    def looked(self, reader: str, newest_row: int) -> None:
        """Keep that a reader has an edition."""
        self._looks().put(reader, newest_row)

    def delivery(self, digest: str, recipient: str) -> Delivery | None:
        """How a delivery stands."""
        return self._deliveries().get(digest, recipient)

    def keep_delivery(self, digest: str, recipient: str, state: DeliveryState) -> None:
        """Keep how a delivery stands; durable on return."""
        self._deliveries().put(digest, recipient, state)

    def give_opinion(self, paper: str, liked: bool | None) -> str:
        """Keep or forget what the reader thinks of a paper, found by id or (nearly) its title; its title.

        Raises:
            PaperNotFoundError: no paper is meant for certain.
        """
        bench = self._library.workbench()
        found, opinions = paper_named(bench, paper), Opinions(bench.stores.database)
        if liked is None:
            opinions.forget(found.row)
        else:
            opinions.put(found.row, liked=liked)
        return found.title

    def watch(self, question: str) -> None:
        """Save a question.

        Raises:
            InputError: it does not ask for papers on a subject.
        """
        watching.save(self._library.workbench(), question)

    def unwatch(self, number: int) -> bool:
        """Forget a saved question; whether there was one."""
        return self._watches().remove(number)

    def watches(self) -> list[Watch]:
        """The saved questions, oldest first."""
        return self._watches().all()

    def feeds(self) -> list[Feed]:
        """Look for every saved question again."""
        return watching.looked_after(self._library.workbench())

    def feed(self, number: int) -> Feed | None:
        """Look for one saved question again; `None` where there is none of that number."""
        found = next((watch for watch in self.watches() if watch.number == number), None)
        return watching.look_after(self._library.workbench(), found) if found else None

    def answer(self, method: str, given: list[Any]) -> Any:
        """Answer a call that came as JSON, as JSON.

        Raises:
            InputError: there is no such call.
        """
        if method == "make":
            return EDITION.dump_python(self.make(Digest.model_validate(given[0])), mode="json")
        if method == "feeds":
            return FEEDS.dump_python(self.feeds(), mode="json")
        if method == "keep_delivery":
            return self.keep_delivery(given[0], given[1], DeliveryState(given[2]))
        calls: dict[str, Callable[..., Any]] = {
            "seen_until": self.seen_until,
            "looked": self.looked,
            "delivery": self.delivery,
            "give_opinion": self.give_opinion,
            "watch": self.watch,
            "unwatch": self.unwatch,
            "watches": self.watches,
        }
        if method not in calls:
            raise InputError(f"this service does not know {method}: it is of another version; start it anew")
        return calls[method](*given)

    def _watches(self) -> Watches:
        return Watches(self._library.workbench().stores.database)

    def _looks(self) -> Looks:
        return Looks(self._library.workbench().stores.database)

    def _deliveries(self) -> Deliveries:
        return Deliveries(self._library.workbench().stores.database)
