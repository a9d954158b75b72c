"""Catalogs of earlier versions are converted when they are opened, all or nothing."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from service.errors import HomeError
from service.index.catalog import Catalog, Outcome
from service.index.chunk_store import ChunkStore
from service.index.database import _MIGRATIONS, _SCHEMA, SCHEMA_VERSION, Database
from service.types import Filter
from tests.index.small_home import pragma


def test_a_catalog_of_the_first_schema_is_brought_up_to_date_and_keeps_its_papers(tmp_path: Path) -> None:
    old = tmp_path / "old.sqlite3"
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(f"{_SCHEMA} PRAGMA user_version = 1;")
        connection.execute(
            "INSERT INTO papers (paper_id, title, title_key, abstract, authors, published_inferred, categories, source,"
            " own_id) VALUES ('1', 'A Title', 'a title', 'It is long.', '[]', 0, '[]', 'file:1', 1)"
        )
        connection.commit()
    with closing(Database(old)) as database, closing(Database(tmp_path / "new.sqlite3")) as new:
        assert pragma(database, "user_version") == SCHEMA_VERSION
        (stored,) = Catalog(database).select(Filter())
        assert (stored.paper_id, stored.title, stored.version, stored.original_title) == ("1", "A Title", None, None)
        made = Catalog(database).put(stored.model_copy(update={"version": 2, "doi": "10.1000/a"}))[1]
        assert made is Outcome.UPDATED
        schemas = [
            sorted(row[0] for row in opened.connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL"))
            for opened in (database, new)
        ]
        assert schemas[0] == schemas[1]


def test_the_sentence_vectors_of_an_older_catalog_are_kept_in_order(tmp_path: Path) -> None:
    old = tmp_path / "old.sqlite3"
    made = np.random.default_rng(0).standard_normal((5, 8)).astype(np.float16)
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(f"{_SCHEMA} {_MIGRATIONS[0]} PRAGMA user_version = 2;")
        connection.executescript(
            "INSERT INTO papers (row, paper_id, title, title_key, abstract, authors, published_inferred, categories,"
            " source, own_id) VALUES (7, '1', 'A Title', 'a title', 'It is long.', '[]', 0, '[]', 'file:1', 1)"
        )
        for number, rows in ((1, made[2:]), (0, made[:2])):
            spans = [[10 * number + place, 10 * number + place + 1] for place in range(len(rows))]
            vector = np.full(8, number, np.float32).tobytes()
            connection.execute(
                "INSERT INTO chunks VALUES (7, ?, 0, 9, ?, ?, ?)", (number, json.dumps(spans), vector, rows.tobytes())
            )
        connection.commit()
    notes: list[str] = []
    with closing(Database(old, notes.append)) as database:
        chunks = ChunkStore(database, 8)
        found = chunks.sentences([7])[7]
        assert found.spans == ((0, 1), (1, 2), (10, 11), (11, 12), (12, 13))
        assert np.array_equal(found.vectors, made.astype(np.float32))
        assert chunks.matrix().vectors[:, 0].tolist() == [0, 1]
        assert pragma(database, "freelist_count") == 0
        database.connection.execute("DELETE FROM papers")
        assert not len(chunks.sentence_matrix().owners)
        assert not chunks.count()
    with closing(Database(old, notes.append)), closing(Database(tmp_path / "new.sqlite3", notes.append)):
        assert len(notes) == 1
        assert "converted" in notes[0]


def test_a_migration_that_is_interrupted_leaves_the_catalog_as_it_was(tmp_path: Path) -> None:
    old = tmp_path / "old.sqlite3"
    with closing(sqlite3.connect(old)) as connection:
        # A column of the next schema is there already, so that a later step of the migration fails.
        connection.executescript(f"{_SCHEMA} PRAGMA user_version = 1; ALTER TABLE papers ADD COLUMN doi TEXT;")
    with pytest.raises(HomeError, match="cannot be opened"):
        Database(old)
    with closing(sqlite3.connect(old)) as connection:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(papers)")}
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 1
    assert "doi" in columns
    assert "version" not in columns
