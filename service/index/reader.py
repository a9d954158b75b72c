"""What is known of the reader: papers they like or dislike, and which papers were there when they last looked.

The tables stand beside those of the schema; a version of Paperboy that does not know them passes them over.
"""

from datetime import UTC, datetime

from service.index.database import Database

_OPINIONS = """
CREATE TABLE IF NOT EXISTS opinions (
    paper_row INTEGER PRIMARY KEY REFERENCES papers (row) ON DELETE CASCADE,
    liked INTEGER NOT NULL,
    given TEXT NOT NULL
) STRICT
"""
# Rows are given out in ascending order: what is above `newest_row` came later.
_LOOKS = """
CREATE TABLE IF NOT EXISTS looks (
    reader TEXT PRIMARY KEY,
    newest_row INTEGER NOT NULL,
    looked TEXT NOT NULL
) STRICT
"""


class Opinions:
    """Papers that the reader likes or dislikes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.connection.execute(_OPINIONS)

    def put(self, row: int, *, liked: bool) -> None:
        """Keep an opinion, in place of an earlier one."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO opinions VALUES (?, ?, ?)", (row, liked, _now()))

    def forget(self, row: int) -> bool:
        """Have no opinion any more; whether there was one."""
        with self._database.transaction() as connection:
            return bool(connection.execute("DELETE FROM opinions WHERE paper_row = ?", (row,)).rowcount)

    def all(self) -> dict[int, bool]:
        """Rows of papers with whether they are liked, the oldest opinion first."""
        found = self._database.connection.execute("SELECT paper_row, liked FROM opinions ORDER BY given, paper_row")
        return {row: bool(liked) for row, liked in found}


class Looks:
    """When readers last looked. A reader is whoever a digest was sent to, or empty for who has it written here."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.connection.execute(_LOOKS)

    def newest_row(self, reader: str) -> int | None:
        """The greatest row that was there at the last look; `None` before the first."""
        query = "SELECT newest_row FROM looks WHERE reader = ?"
        found = self._database.connection.execute(query, (reader,)).fetchone()
        return int(found[0]) if found else None

    def put(self, reader: str, newest_row: int) -> None:
        """The reader has looked; `newest_row` is the greatest of the catalog at the time of the digest."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO looks VALUES (?, ?, ?)", (reader, newest_row, _now()))

    def latest_row(self) -> int:
        """The greatest row of the catalog now; 0 without papers."""
        return int(self._database.connection.execute("SELECT coalesce(max(row), 0) FROM papers").fetchone()[0])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
