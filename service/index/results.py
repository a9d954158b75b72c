"""Texts kept so that nothing is written twice and an interrupted digest or batch goes on where it stopped.

A key is a hash of all that shapes a text and of nothing else, so a catalog that changes never gives a stale one.
Summaries of papers stand in the catalog. What belongs to no paper of it goes to a file of its own, which is bounded,
in no backup, and may be deleted: all of it can be made again.
"""

import json
import sqlite3
from pathlib import Path
from typing import Protocol

from service.index.database import Database
from service.ports import Generation, GenerationRequest
from service.text import content_hash
from service.types import Summary

MOST_KEPT = 40_000
"""Rows of the cache, some 100 MB at most. The summary of a text takes two: itself and what the writer wrote."""


class Summaries(Protocol):
    """Finished summaries by key; `answer.summarize` says what a key stands for."""

    def get(self, key: str) -> Summary | None:
        """The summary made under this key."""

    def put(self, key: str, summary: Summary) -> None:
        """Keep a summary."""


class Results:
    """Summaries of papers of the catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> Summary | None:
        """The summary made under this key."""
        query = "SELECT document FROM summaries WHERE key = ?"
        row = self._database.connection.execute(query, (key,)).fetchone()
        return _summary(row[0]) if row else None

    def put(self, key: str, summary: Summary) -> None:
        """Keep a summary. A power cut may take the last ones, and they are made again."""
        with self._database.transaction(waits_for_disk=False) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO summaries (key, paper_id, document) VALUES (?, ?, ?)",
                (key, summary.paper_id, summary.model_dump_json()),
            )


class Cache:
    """The file beside the catalog: JSON documents by key, the oldest out. Where it cannot be used, nothing is kept."""

    def __init__(self, path: Path, most: int = MOST_KEPT) -> None:
        self._path, self._most = path, most
        self._connection: sqlite3.Connection | None = None

    def get(self, key: str) -> str | None:
        """The document of a key."""
        rows = self._run("SELECT document FROM texts WHERE key = ?", key)
        return str(rows[0][0]) if rows else None

    def put(self, key: str, document: str) -> None:
        """Keep a document and let go of the oldest beyond the bound."""
        self._run("INSERT OR REPLACE INTO texts (key, document) VALUES (?, ?)", key, document)
        # A row that is written gets the highest number, so the numbers are in the order of writing.
        self._run("DELETE FROM texts WHERE rowid <= (SELECT max(rowid) - ? FROM texts)", self._most)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _run(self, statement: str, *values: str | int) -> list[tuple[str]]:
        """No rows where the file fails: a full disk or a damaged cache is no reason to refuse a request."""
        if self._connection is None:
            self._connection = self._opened()
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.OperationalError:
            return []
        except sqlite3.DatabaseError:
            self._connection.close()
            self._connection = self._anew()
            return []

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._connected(self._path)
        except sqlite3.OperationalError:
            return self._connected(":memory:")
        except sqlite3.DatabaseError:
            return self._anew()

    def _anew(self) -> sqlite3.Connection:
        """An empty cache in place of a damaged one."""
        try:
            for end in ("", "-wal", "-shm"):
                Path(f"{self._path}{end}").unlink(missing_ok=True)
            return self._connected(self._path)
        except (OSError, sqlite3.DatabaseError):
            return self._connected(":memory:")

    def _connected(self, place: Path | str) -> sqlite3.Connection:
        connection = sqlite3.connect(place, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # A power cut may take the last rows and nothing else: no text waits for the disk.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("CREATE TABLE IF NOT EXISTS texts (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT")
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection


class TextSummaries:
    """Summaries of texts that are in no catalog."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def get(self, key: str) -> Summary | None:
        """The summary made under this key."""
        document = self._cache.get(key)
        return _summary(document) if document else None

    def put(self, key: str, summary: Summary) -> None:
        """Keep a summary for as long as there is room."""
        self._cache.put(key, summary.model_dump_json())


class Generations:
    """What a writer wrote, by all that shapes its text: the writer's fingerprint and the request."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def get(self, fingerprint: str, request: GenerationRequest) -> Generation | None:
        """What the writer of this fingerprint wrote on the same request."""
        document = self._cache.get(_key(fingerprint, request))
        if document is None:
            return None
        fields = json.loads(document)
        return Generation(**fields | {name: tuple(fields[name]) for name in ("chosen", "logprobs")})

    def put(self, fingerprint: str, request: GenerationRequest, made: Generation) -> None:
        """Keep what was written for as long as there is room."""
        self._cache.put(_key(fingerprint, request), json.dumps(made._asdict()))


def _key(fingerprint: str, request: GenerationRequest) -> str:
    """When a request is served, and until when, does not shape its text.

    The names of the fields are part of the key: a version of Paperboy that has others begins anew.
    """
    shaping = request._replace(batch=False, deadline=None)
    names = [*GenerationRequest._fields, *Generation._fields]
    return content_hash(fingerprint, json.dumps(names), json.dumps(shaping))


def _summary(document: str) -> Summary | None:
    """A stored summary; one that an earlier version wrote otherwise is made again."""
    try:
        return Summary.model_validate_json(document)
    except ValueError:
        return None
