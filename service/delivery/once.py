"""The rule of all deliveries: at most once for each digest and recipient."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple, Protocol

from service.answer.edition import Edition
from service.errors import DeliveryError, DeliveryRefusedError, DeliveryUnsureError
from service.index.deliveries import Delivery, DeliveryState

HandOver = Callable[[], None]
"""Delivers, or raises `DeliveryRefusedError` (it did not arrive, for certain) or `DeliveryUnsureError`."""


class Carrier(Protocol):
    """Hands an edition over to one recipient. Adapters match by shape."""

    @property
    def recipient(self) -> str:
        """Who gets it, the same for every spelling of the address; no secret."""

    def prepare(self, edition: Edition) -> HandOver:
        """Do all that can fail before anything leaves.

        Raises:
            DeliveryError: nothing can be handed over now.
        """


class Result(StrEnum):
    """What became of one delivery."""

    SENT = "sent"
    ALREADY = "already"
    UNSURE = "unsure"
    REFUSED = "refused"


class Outcome(NamedTuple):
    """What became of the delivery to one recipient, and why it did not arrive where it did not."""

    recipient: str
    result: Result
    reason: str = ""


class Ledger(Protocol):
    """Keeps what was delivered to whom."""

    def seen_until(self, reader: str) -> int | None:
        """The greatest row that was there when a reader last looked."""

    def looked(self, reader: str, newest_row: int) -> None:
        """Keep that a reader has an edition."""

    def delivery(self, digest: str, recipient: str) -> Delivery | None:
        """How a delivery stands."""

    def keep_delivery(self, digest: str, recipient: str, state: DeliveryState) -> None:
        """Keep how a delivery stands; durable on return."""


def deliver(ledger: Ledger, edition: Edition, carriers: Iterable[Carrier], *, again: bool = False) -> list[Outcome]:
    """Hand an edition over to each recipient who has not got it yet.

    Args:
        ledger: where it is kept what was delivered.
        edition: what to deliver; each recipient gets it with what is new to them.
        carriers: one for each recipient.
        again: also to those who got it, or may have.

    Raises:
        DeliveryError: nothing could be handed over to anybody.
    """
    outcomes: list[Outcome] = []
    problem: DeliveryError | None = None
    for carrier in carriers:
        try:
            outcomes.append(_deliver(ledger, edition, carrier, again=again))
        except DeliveryError as error:
            problem = problem or error
            outcomes.append(Outcome(carrier.recipient, Result.REFUSED, str(error)))
    if problem and all(outcome.reason == str(problem) for outcome in outcomes):
        raise problem
    return outcomes


def _deliver(ledger: Ledger, edition: Edition, carrier: Carrier, *, again: bool) -> Outcome:
    day, who = edition.digest.day, carrier.recipient
    known = ledger.delivery(day, who)
    if known and not again:
        if known.state is DeliveryState.SENT:
            return Outcome(who, Result.ALREADY)
        if known.state is DeliveryState.BEGUN:
            reason = f"begun at {known.changed} and interrupted, so it may have arrived: --again sends it once more"
            return Outcome(who, Result.UNSURE, reason)
    hand_over = carrier.prepare(edition._replace(seen_until=ledger.seen_until(who)))
    ledger.keep_delivery(day, who, DeliveryState.BEGUN)
    try:
        hand_over()
    except DeliveryRefusedError as error:
        ledger.keep_delivery(day, who, DeliveryState.REFUSED)
        return Outcome(who, Result.REFUSED, str(error))
    except DeliveryUnsureError as error:
        return Outcome(who, Result.UNSURE, f"{error}, so it may have arrived: --again sends it once more")
    ledger.keep_delivery(day, who, DeliveryState.SENT)
    ledger.looked(who, edition.newest_row)
    return Outcome(who, Result.SENT)
