"""The SQLite file below the catalog: schema, durability, backup.

WAL with synchronous=FULL: what a commit has acknowledged survives a power cut.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from service.errors import HomeError

_SCHEMA = """
CREATE TABLE papers (
    row INTEGER PRIMARY KEY,
    paper_id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    title_key TEXT NOT NULL,
    abstract TEXT NOT NULL,
    authors TEXT NOT NULL,
    n_authors INTEGER,
    published TEXT,
    published_inferred INTEGER NOT NULL,
    listed TEXT,
    day TEXT GENERATED ALWAYS AS (coalesce(listed, published)) VIRTUAL,
    categories TEXT NOT NULL,
    url TEXT,
    comments INTEGER,
    upvotes INTEGER,
    source TEXT NOT NULL,
    own_id INTEGER NOT NULL,
    -- Fingerprint of embedder and chunking that the vectors below were made with; NULL: none yet.
    vectors_fingerprint TEXT,
    -- The same, once the derived indexes have the paper too.
    indexed_fingerprint TEXT
) STRICT;
CREATE INDEX papers_title ON papers (title_key);
CREATE INDEX papers_day ON papers (day);
CREATE INDEX papers_indexed ON papers (indexed_fingerprint);
CREATE TABLE chunks (
    paper_row INTEGER NOT NULL REFERENCES papers (row) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    sentences TEXT NOT NULL,
    -- float32, unit length.
    vector BLOB NOT NULL,
    sentence_vectors BLOB NOT NULL,
    PRIMARY KEY (paper_row, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE summaries (
    key TEXT PRIMARY KEY,
    paper_id TEXT NOT NULL,
    document TEXT NOT NULL,
    made TEXT NOT NULL DEFAULT (datetime('now'))
) STRICT;
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
# What each later version of the schema adds to the one before. A new catalog is made by the same steps, so that both
# ways lead to one schema.
_MIGRATIONS = (
    """
ALTER TABLE papers ADD COLUMN version INTEGER;
ALTER TABLE papers ADD COLUMN doi TEXT;
-- As the source has them, where LaTeX or HTML was decoded.
ALTER TABLE papers ADD COLUMN original_title TEXT;
ALTER TABLE papers ADD COLUMN original_abstract TEXT;
CREATE INDEX papers_doi ON papers (doi) WHERE doi IS NOT NULL;
-- A few hashes of each abstract, by which near-duplicates are found.
CREATE TABLE sketches (
    hash INTEGER NOT NULL,
    paper_row INTEGER NOT NULL REFERENCES papers (row) ON DELETE CASCADE,
    PRIMARY KEY (hash, paper_row)
) STRICT, WITHOUT ROWID;
CREATE INDEX sketches_paper ON sketches (paper_row);
""",
    # Beside their chunks the vectors of sentences had a page of 16 KB for each chunk, of which a third was used.
    """
CREATE TABLE sentence_vectors (
    paper_row INTEGER PRIMARY KEY REFERENCES papers (row) ON DELETE CASCADE,
    -- Of all chunks in order, one float16 row per sentence: half the size, cosines exact to three digits.
    vectors BLOB NOT NULL
) STRICT;
INSERT INTO sentence_vectors SELECT paper_row, joined_bytes(sentence_vectors) FROM chunks GROUP BY paper_row;
ALTER TABLE chunks DROP COLUMN sentence_vectors;
""",
)
SCHEMA_VERSION = 1 + len(_MIGRATIONS)
PAGE_BYTES = 16_384
"""Of a new catalog: the sentence vectors of most papers fit in a page."""
_TABLES = {"papers", "chunks", "summaries", "notes"}


class Database:
    """One connection, used by the process that owns the home directory."""

    def __init__(self, path: Path, note: Callable[[str], None] = lambda _: None) -> None:
        """Open the file, or create it; `note` is told when one of an earlier version has to be converted.

        Raises:
            HomeError: not writable, damaged, of another program, or of a newer version.
        """
        self.path = path
        self.writes = 0
        """How often papers or chunks were written: what was counted of them holds until the next time."""
        try:
            self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self.connection.row_factory = sqlite3.Row
            version = _schema_version(self.connection, path)
            self.connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = FULL")
            self.connection.execute("PRAGMA foreign_keys = ON")
            if version < SCHEMA_VERSION:
                _migrate(self.connection, version, note)
        except sqlite3.DatabaseError as error:
            raise HomeError(
                f"catalog {path} cannot be opened ({error}): restore a backup with `paperboy restore FILE`, "
                "or use another --home"
            ) from None

    @contextmanager
    def transaction(self, *, waits_for_disk: bool = True) -> Iterator[sqlite3.Connection]:
        """All or nothing: committed at the end, rolled back on an exception.

        Args:
            waits_for_disk: else a power cut may undo it, and whatever comes after it up to the next that waits; the end
                of this process never does. For what can be made again: it takes a tenth of the time.
        """
        self.connection.execute(f"PRAGMA synchronous = {'FULL' if waits_for_disk else 'NORMAL'}")
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException:
            # A full disk has ended the transaction already.
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    def problems(self) -> list[str]:
        """What SQLite's own check finds wrong; nothing when the file is sound."""
        try:
            rows = self.connection.execute("PRAGMA quick_check(5)").fetchall()
        except sqlite3.DatabaseError as error:
            return [str(error)]
        return [str(row[0]) for row in rows if row[0] != "ok"]

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self.connection.close()


def copy_database(source: Path, target: Path) -> None:
    """A consistent copy of a catalog, also while its owner writes to it.

    Raises:
        HomeError: there is no sound catalog at `source`, or `target` exists or cannot be written.
    """
    unfinished = Path(f"{target}.unfinished")
    try:
        if not source.is_file():
            raise HomeError(f"there is no catalog at {source}")
        if target.exists():
            raise HomeError(f"{target} exists already: choose another name")
        unfinished.unlink(missing_ok=True)
        _copy(source, unfinished)
        unfinished.rename(target)
    except (sqlite3.DatabaseError, OSError) as error:
        raise HomeError(f"{source} could not be copied to {target}: {error}") from None
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _copy(source: Path, target: Path) -> None:
    reading = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
    writing = sqlite3.connect(target)
    try:
        # In one step: a copy in several begins anew whenever another process has written.
        reading.backup(writing)
        if not _schema_version(writing, source) or writing.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise HomeError(f"{source} is not a sound catalog")
        writing.execute("PRAGMA journal_mode = DELETE")
    finally:
        writing.close()
        reading.close()


class _JoinedBytes:
    """SQL aggregate of the migrations: blobs one behind the other."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def step(self, part: bytes) -> None:
        self._parts.append(part)

    def finalize(self) -> bytes:
        return b"".join(self._parts)


def _migrate(connection: sqlite3.Connection, version: int, note: Callable[[str], None]) -> None:
    """Bring a catalog from a version of the schema to the newest, all or nothing; version 0 is an empty one."""
    if version:
        note("the catalog is converted to the layout of this version, once (a minute for 100,000 papers) …")
    # typeshed's protocol wants an int of `finalize`, SQLite takes whatever it can store.
    connection.create_aggregate("joined_bytes", 1, _JoinedBytes)  # type: ignore[arg-type]
    steps = "".join((_SCHEMA, *_MIGRATIONS)[version:])
    connection.executescript(f"BEGIN; {steps} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    if version:
        # What the older tables took is free again; without room for the copy it stays with the catalog.
        with suppress(sqlite3.OperationalError):
            connection.execute("VACUUM")


def _schema_version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of a catalog's schema; 0 for an empty file.

    Raises:
        HomeError: the database is of another program, or of a newer version.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if version > SCHEMA_VERSION:
        raise HomeError(
            f"catalog {path} is of a newer Paperboy (schema {version}, this one knows {SCHEMA_VERSION}): "
            "upgrade Paperboy"
        )
    expected = tables >= _TABLES if version else not tables
    if not expected:
        raise HomeError(f"{path} is a database of another program")
    return version
