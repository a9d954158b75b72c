"""Small texts by name, kept in the catalog: where a fetch stopped, what a service said last."""

from service.index.database import Database


class Notes:
    """The table of notes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> str | None:
        """What was kept under a name."""
        row = self._database.connection.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def put(self, name: str, value: str) -> None:
        """Keep a text."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)", (name, value))

    def delete(self, name: str) -> None:
        """Forget it; it may not be there."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM notes WHERE name = ?", (name,))
