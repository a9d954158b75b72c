"""Which digest was handed over for whom, so that nobody gets one twice, whatever ends the process.

A row is written before a message is handed over and changed after. A row that still says `begun` is of a process that
ended in between, or of a server that did not answer: nobody knows whether that message arrived, so it is not repeated.

The table stands beside those of the schema; a version of Paperboy that does not know it passes it over.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from service.index.database import Database

_TABLE = """
CREATE TABLE IF NOT EXISTS deliveries (
    digest TEXT NOT NULL,
    recipient TEXT NOT NULL,
    state TEXT NOT NULL,
    changed TEXT NOT NULL,
    PRIMARY KEY (digest, recipient)
) STRICT
"""


class DeliveryState(StrEnum):
    """How a delivery stands."""

    BEGUN = "begun"
    """It may have arrived."""
    SENT = "sent"
    REFUSED = "refused"
    """It did not arrive for certain, so it may be tried again."""


class Delivery(NamedTuple):
    """One digest for one recipient."""

    state: DeliveryState
    changed: str
    """ISO 8601, UTC."""


class Deliveries:
    """The deliveries of one catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.connection.execute(_TABLE)

    def get(self, digest: str, recipient: str) -> Delivery | None:
        """How a delivery stands; `None` where it was never begun."""
        query = "SELECT state, changed FROM deliveries WHERE digest = ? AND recipient = ?"
        row = self._database.connection.execute(query, (digest, recipient)).fetchone()
        return Delivery(DeliveryState(row[0]), row[1]) if row else None

    def put(self, digest: str, recipient: str, state: DeliveryState) -> None:
        """Keep how it stands; durable on return."""
        changed = datetime.now(UTC).isoformat(timespec="seconds")
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?)", (digest, recipient, str(state), changed)
            )
