"""Answers with their provenance, so that each can be shown again: what was asked, what was said, what was retrieved.

The table stands beside those of the schema; a version of Paperboy that does not know it passes it over.
"""

import json
import secrets
from datetime import UTC, datetime
from typing import Any, NamedTuple

from service.index.database import Database
from service.types import Retrieved

_MOST = 10_000
"""Answers that are kept; the oldest go first."""
_TABLE = """
CREATE TABLE IF NOT EXISTS answers (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    created TEXT NOT NULL,
    question TEXT NOT NULL,
    abstained INTEGER NOT NULL,
    kind TEXT NOT NULL,
    document TEXT NOT NULL,
    retrieved TEXT NOT NULL
) STRICT
"""


class KeptAnswer(NamedTuple):
    """An answer as it was given."""

    answer_id: str
    created: str
    """ISO 8601, UTC."""
    document: dict[str, Any]
    """As `paperboy ask --json` prints it."""
    retrieved: tuple[Retrieved, ...]


class AnswerLine(NamedTuple):
    """One line of the list of answers."""

    number: int
    answer_id: str
    created: str
    question: str
    abstained: bool
    kind: str


class AnswerLog:
    """The answers of one catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.connection.execute(_TABLE)

    def put(self, document: dict[str, Any], retrieved: tuple[Retrieved, ...]) -> KeptAnswer:
        """Keep an answer; durable on return."""
        kept = KeptAnswer(
            secrets.token_urlsafe(9), datetime.now(UTC).isoformat(timespec="seconds"), document, retrieved
        )
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO answers (id, created, question, abstained, kind, document, retrieved) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    kept.answer_id,
                    kept.created,
                    document["question"],
                    document["abstained"],
                    document["kind"],
                    json.dumps(document, ensure_ascii=False),
                    json.dumps([item.model_dump() for item in retrieved], ensure_ascii=False),
                ),
            )
            connection.execute("DELETE FROM answers WHERE number <= (SELECT max(number) - ? FROM answers)", (_MOST,))
        return kept

    def get(self, answer_id: str) -> KeptAnswer | None:
        """The answer of that id."""
        query = "SELECT id, created, document, retrieved FROM answers WHERE id = ?"
        row = self._database.connection.execute(query, (answer_id,)).fetchone()
        if row is None:
            return None
        retrieved = tuple(Retrieved.model_validate(item) for item in json.loads(row["retrieved"]))
        return KeptAnswer(row["id"], row["created"], json.loads(row["document"]), retrieved)

    def newest(self, limit: int, before: int | None = None) -> list[AnswerLine]:
        """The newest answers, or the newest of those with lower numbers than `before`."""
        query = (
            "SELECT number, id, created, question, abstained, kind FROM answers WHERE ? IS NULL OR number < ? "
            "ORDER BY number DESC LIMIT ?"
        )
        rows = self._database.connection.execute(query, (before, before, limit))
        return [AnswerLine(row[0], row[1], row[2], row[3], bool(row[4]), row[5]) for row in rows]
