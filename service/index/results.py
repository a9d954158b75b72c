"""Finished summaries, kept so that nothing is made twice and an interrupted digest goes on where it stopped."""

from service.index.database import Database
from service.types import Summary


class Results:
    """Summaries by key; see `summarize.summary_key` for what a key stands for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> Summary | None:
        """The summary made under this key."""
        query = "SELECT document FROM summaries WHERE key = ?"
        row = self._database.connection.execute(query, (key,)).fetchone()
        return Summary.model_validate_json(row[0]) if row else None

    def put(self, key: str, summary: Summary) -> None:
        """Keep a summary; durable on return."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO summaries (key, paper_id, document) VALUES (?, ?, ?)",
                (key, summary.paper_id, summary.model_dump_json()),
            )
