"""Saved questions, and which papers were found for each and when.

The tables stand beside those of the schema; a version of Paperboy that does not know them passes them over.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from service.index.database import Database

_MOST = 200
"""Matches of a watch that are told, the newest."""
_WATCHES = """
CREATE TABLE IF NOT EXISTS watches (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    question TEXT NOT NULL UNIQUE,
    saved TEXT NOT NULL
) STRICT
"""
_MATCHES = """
CREATE TABLE IF NOT EXISTS matches (
    watch INTEGER NOT NULL REFERENCES watches (number) ON DELETE CASCADE,
    paper_row INTEGER NOT NULL REFERENCES papers (row) ON DELETE CASCADE,
    found TEXT NOT NULL,
    quote TEXT NOT NULL,
    score REAL NOT NULL,
    -- Whether `paperboy watch` has said so.
    told INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (watch, paper_row)
) STRICT, WITHOUT ROWID
"""


class Watch(NamedTuple):
    """A saved question."""

    number: int
    question: str
    saved: str
    """ISO 8601, UTC."""


class Match(NamedTuple):
    """A paper that was found for a watch, with the sentence that says why."""

    paper_row: int
    found: str
    """ISO 8601, UTC."""
    quote: str
    score: float
    """Estimated probability that the paper belongs to the answer, 0 to 1."""
    told: bool
    """Whether the reader was told on the command line."""


class Watches:
    """The saved questions of one catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.connection.execute(_WATCHES)
        database.connection.execute(_MATCHES)

    def add(self, question: str) -> Watch:
        """Save a question; one that is saved already stays as it is."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO watches (question, saved) VALUES (?, ?)", (question, _now()))
        row = self._database.connection.execute("SELECT * FROM watches WHERE question = ?", (question,)).fetchone()
        return Watch(*row)

    def remove(self, number: int) -> bool:
        """Forget a question and what was found for it; whether there was one."""
        with self._database.transaction() as connection:
            return bool(connection.execute("DELETE FROM watches WHERE number = ?", (number,)).rowcount)

    def all(self) -> list[Watch]:
        """The saved questions, oldest first."""
        return [Watch(*row) for row in self._database.connection.execute("SELECT * FROM watches ORDER BY number")]

    def put(self, number: int, found: Sequence[tuple[int, str, float]]) -> None:
        """Keep papers (row, quote, score) as found now, those excepted that were found before."""
        now = _now()
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO matches (watch, paper_row, found, quote, score) VALUES (?, ?, ?, ?, ?)",
                [(number, row, now, quote, score) for row, quote, score in found],
            )

    def tell(self, number: int) -> None:
        """The reader is told of all that was found for a watch."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE matches SET told = 1 WHERE watch = ?", (number,))

    def matches(self, number: int) -> list[Match]:
        """What was found for a watch, the newest first and of those the best."""
        query = (
            "SELECT paper_row, found, quote, score, told FROM matches WHERE watch = ? "
            "ORDER BY found DESC, score DESC, paper_row LIMIT ?"
        )
        return [
            Match(row[0], row[1], row[2], row[3], bool(row[4]))
            for row in self._database.connection.execute(query, (number, _MOST))
        ]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
