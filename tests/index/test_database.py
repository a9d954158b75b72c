import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from service.errors import HomeError
from service.index.database import PAGE_BYTES, SCHEMA_VERSION, Database, copy_database
from tests.command_line import one_clear_line, paperboy
from tests.conftest import ROOT
from tests.index.small_home import pragma

WRITE_WITHOUT_END = """
import sys
from pathlib import Path
from service.index.database import Database
database = Database(Path(sys.argv[1]))
print("writing", flush=True)
number = 0
while True:
    number += 1
    with database.transaction() as connection:
        connection.execute("INSERT INTO notes VALUES (?, ?)", (f"first {number}", "x" * 500))
        connection.execute("INSERT INTO notes VALUES (?, ?)", (f"second {number}", "x" * 500))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed catalog with 2,000 notes on about 70 pages."""
    made = tmp_path / "catalog.sqlite3"
    with closing(Database(made)) as database, database.transaction() as connection:
        connection.executemany("INSERT INTO notes VALUES (?, ?)", [(f"n{i}", "x" * 500) for i in range(2_000)])
    return made


@contextmanager
def writer(path: Path) -> Iterator[None]:
    """Another process that commits pairs of notes as fast as it can."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITE_WITHOUT_END, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "writing\n"
        try:
            yield
        finally:
            child.kill()


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM notes").fetchone()[0])


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_is_committed_survives_a_power_cut(path: Path) -> None:
    with closing(Database(path)) as database:
        assert pragma(database, "journal_mode") == "wal"
        assert pragma(database, "synchronous") == 2, "FULL"
        assert pragma(database, "foreign_keys") == 1
        assert pragma(database, "user_version") == SCHEMA_VERSION


def test_only_what_can_be_made_again_does_not_wait_for_the_disk(path: Path) -> None:
    with closing(Database(path)) as database:
        with database.transaction(waits_for_disk=False) as connection:
            connection.execute("DELETE FROM notes")
            assert pragma(database, "synchronous") == 1, "NORMAL"
        assert count(path) == 0
        with database.transaction() as connection:
            connection.execute("INSERT INTO notes VALUES ('a', 'b')")
            assert pragma(database, "synchronous") == 2, "FULL"
    assert count(path) == 1


def test_a_transaction_is_all_or_nothing(path: Path) -> None:
    def interrupted(database: Database) -> None:
        with database.transaction() as connection:
            connection.execute("DELETE FROM notes")
            raise KeyboardInterrupt

    with closing(Database(path)) as database:
        with pytest.raises(KeyboardInterrupt):
            interrupted(database)
        assert count(path) == 2_000
        with database.transaction() as connection:
            connection.execute("DELETE FROM notes")
    assert count(path) == 0


def test_opening_again_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    for _ in range(2):
        with closing(Database(path)) as database:
            assert database.problems() == []
    assert path.read_bytes() == before
    assert files(path.parent) == {path.name}


def test_a_catalog_of_a_newer_paperboy_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(HomeError, match=r"newer Paperboy.*upgrade"):
        Database(path)
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    for version in (0, 1):
        foreign = tmp_path / f"foreign{version}.sqlite3"
        with closing(sqlite3.connect(foreign)) as connection:
            connection.execute("CREATE TABLE bookmarks (url TEXT)")
            connection.execute(f"PRAGMA user_version = {version}")
        before = foreign.read_bytes()
        with pytest.raises(HomeError, match="another program"):
            Database(foreign)
        assert foreign.read_bytes() == before


def overwrite(offset: int, length: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[offset : offset + length] = np.random.default_rng(offset).bytes(length)
        path.write_bytes(data)

    return damage


def replace_with_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], None]] = {
    "no database": overwrite(0, 16),
    "schema lost": overwrite(100, 3_000),
    "cut in half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "folder": replace_with_folder,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_catalog_is_refused_with_its_path_and_what_to_do(path: Path, damage: Callable[[Path], None]) -> None:
    damage(path)
    with pytest.raises(HomeError, match=rf"catalog {path}.*restore"):
        Database(path)


@pytest.mark.parametrize("page", [1, 50])
def test_damage_that_opening_does_not_see_is_named_by_the_check(path: Path, page: int) -> None:
    overwrite(PAGE_BYTES * page, PAGE_BYTES)(path)
    with closing(Database(path)) as database:
        assert database.problems()


@pytest.mark.parametrize("name", ["-wal", "-shm", "-journal"])
def test_leftovers_beside_a_sound_catalog_are_harmless(path: Path, name: str) -> None:
    path.with_name(path.name + name).write_bytes(np.random.default_rng(0).bytes(40_000))
    with closing(Database(path)) as database:
        assert database.problems() == []
    assert count(path) == 2_000


def test_a_torn_log_of_writes_gives_whole_transactions_only(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite3"
    with closing(Database(path)) as database:
        for number in range(40):
            with database.transaction() as connection:
                connection.execute("INSERT INTO notes VALUES (?, ?)", (f"first {number}", "x" * 3_000))
                connection.execute("INSERT INTO notes VALUES (?, ?)", (f"second {number}", "x" * 3_000))
        log = (tmp_path / "catalog.sqlite3-wal").read_bytes()
        main = path.read_bytes()
    sizes = np.random.default_rng(4).integers(0, len(log), size=25)
    for number, size in enumerate(sizes.tolist()):
        copy = tmp_path / f"torn{number}.sqlite3"
        copy.write_bytes(main)
        copy.with_name(copy.name + "-wal").write_bytes(log[:size])
        with closing(Database(copy)) as database:
            assert database.problems() == []
            names = {row[0] for row in database.connection.execute("SELECT name FROM notes")}
        whole = len(names) // 2
        assert names == {f"{place} {index}" for place in ("first", "second") for index in range(whole)}


def test_an_empty_file_becomes_an_empty_catalog(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite3").touch()
    with closing(Database(tmp_path / "catalog.sqlite3")) as database:
        assert database.problems() == []
        assert database.connection.execute("SELECT count(*) FROM papers").fetchone()[0] == 0


READ_AS_NOBODY = """
import os, sys
from pathlib import Path
from service.errors import HomeError
from service.index.database import Database
os.setuid(65534)
try:
    Database(Path(sys.argv[1]))
except HomeError as error:
    print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_catalog_that_cannot_be_written_is_refused(path: Path) -> None:
    for folder in path.parents:
        if folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(0o755)
    for mode in (0o444, 0o000):
        path.chmod(mode)
        done = subprocess.run(
            [sys.executable, "-c", READ_AS_NOBODY, str(path)],
            capture_output=True, text=True, cwd=ROOT, timeout=60, check=False,
        )  # fmt: skip
        assert f"catalog {path} cannot be opened" in done.stdout, done


def test_a_copy_has_everything_and_is_one_file(path: Path, tmp_path: Path) -> None:
    copy_database(path, tmp_path / "copy.sqlite3")
    assert count(tmp_path / "copy.sqlite3") == 2_000
    assert files(tmp_path) <= {path.name, f"{path.name}-wal", f"{path.name}-shm", "copy.sqlite3"}
    with closing(Database(tmp_path / "copy.sqlite3")) as database:
        assert database.problems() == []


def test_a_copy_has_what_its_owner_has_not_yet_moved_from_the_log(path: Path, tmp_path: Path) -> None:
    with closing(Database(path)) as database:
        with database.transaction() as connection:
            connection.execute("INSERT INTO notes VALUES ('late', 'x')")
        copy_database(path, tmp_path / "copy.sqlite3")
    assert count(tmp_path / "copy.sqlite3") == 2_001


def test_a_copy_made_while_another_process_writes_is_of_one_moment_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite3"
    with closing(Database(path)) as database, database.transaction() as connection:
        connection.execute("INSERT INTO summaries (key, paper_id, document) VALUES ('large', '', ?)", ("x" * 10**7,))
    with writer(path):
        for number in range(3):
            copy_database(path, tmp_path / f"copy{number}.sqlite3")
    for number in range(3):
        with closing(Database(tmp_path / f"copy{number}.sqlite3")) as database:
            assert database.problems() == []
            names = {row[0] for row in database.connection.execute("SELECT name FROM notes")}
        whole = len(names) // 2
        assert names == {f"{place} {index}" for place in ("first", "second") for index in range(1, whole + 1)}


def test_an_existing_file_is_never_overwritten(path: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.sqlite3").write_text("precious")
    (tmp_path / "folder").mkdir()
    for name in ("copy.sqlite3", "folder", path.name):
        with pytest.raises(HomeError, match="exists already"):
            copy_database(path, tmp_path / name)
    assert (tmp_path / "copy.sqlite3").read_text() == "precious"


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_of_a_damaged_catalog_no_copy_is_left(path: Path, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    damage(path)
    with pytest.raises(HomeError):
        copy_database(path, tmp_path / "copy.sqlite3")
    assert not any(name.startswith("copy") for name in files(tmp_path))


@pytest.mark.parametrize("name", ["missing/copy", "catalog.sqlite3/copy", "x" * 250])
def test_a_copy_that_cannot_be_written_is_a_named_error_and_leaves_nothing(
    path: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(HomeError, match=r"copied|exists"):
        copy_database(path, tmp_path / name)
    assert files(tmp_path) <= {path.name, f"{path.name}-wal", f"{path.name}-shm"}


def test_what_a_killed_copy_left_does_not_hinder_the_next(path: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.sqlite3.unfinished").write_bytes(path.read_bytes()[:100_001])
    copy_database(path, tmp_path / "copy.sqlite3")
    assert count(tmp_path / "copy.sqlite3") == 2_000
    assert not (tmp_path / "copy.sqlite3.unfinished").exists()


@pytest.mark.parametrize("kind", ["empty", "other program", "newer", "missing"])
def test_what_is_no_catalog_is_not_copied(path: Path, tmp_path: Path, kind: str) -> None:
    source = tmp_path / "source.sqlite3"
    if kind == "empty":
        source.touch()
    elif kind == "newer":
        shutil.copy(path, source)
    if kind in ("other program", "newer"):
        with closing(sqlite3.connect(source)) as connection:
            connection.execute("CREATE TABLE bookmarks (url TEXT)")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + (kind == 'newer')}")
    with pytest.raises(HomeError):
        copy_database(source, tmp_path / "copy.sqlite3")
    assert not any(name.startswith("copy") for name in files(tmp_path))


@pytest.fixture
def damaged_home(tmp_path: Path) -> Path:
    """A home whose catalog can be opened and not be read."""
    home, papers = tmp_path / "home", tmp_path / "papers.jsonl"
    papers.write_text(json.dumps({"title": "A Title", "abstract": "We study the memory of large models."}))
    assert paperboy(home, "ingest", papers).status == 0
    overwrite(PAGE_BYTES, 10**6)(home / "catalog.sqlite3")
    return home


def test_a_command_on_a_damaged_catalog_is_one_clear_line(damaged_home: Path) -> None:
    assert "restore" in one_clear_line(paperboy(damaged_home, "search", "memory"))


def test_the_doctor_says_that_the_catalog_is_damaged(damaged_home: Path) -> None:
    done = paperboy(damaged_home, "doctor", "--json")
    assert (done.status, done.err) == (1, "")
    assert any("catalog itself is damaged" in problem for problem in done.document["problems"])


def test_a_file_that_is_no_backup_is_not_restored_and_the_home_stays_empty(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.sqlite3"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
        connection.execute("PRAGMA user_version = 1")
    assert "foreign.sqlite3" in one_clear_line(paperboy(tmp_path / "home", "restore", foreign))
    assert not (tmp_path / "home" / "catalog.sqlite3").exists()
