"""Processes that are killed, interrupted, or get in each other's way: nothing stored is lost or doubled."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.command_line import one_clear_line, paperboy
from tests.conftest import SAMPLE_PAGES

PAPERS = 100
# Pages are taken as they were printed, JSON lines as LaTeX: of these papers both give the same text.
NO_LATEX = " AND ".join(f"instr(title || abstract, '{sign}') = 0" for sign in ("\\", "$", "~", "``"))
GIVE_UP_AFTER = 120.0


@pytest.fixture(scope="module")
def papers(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JSON lines with some papers of the sample: few enough to be quick, more than are embedded at once."""
    file = tmp_path_factory.mktemp("papers") / "papers.jsonl"
    rows = query(sample_home, f"SELECT title, abstract FROM papers WHERE {NO_LATEX} ORDER BY title")[:PAPERS]  # noqa: S608
    file.write_text("".join(json.dumps({"title": title, "abstract": abstract}) + "\n" for title, abstract in rows))
    return file


def query(home: Path, sql: str) -> list[tuple[Any, ...]]:
    """Read a catalog from outside, also while its owner writes to it."""
    with closing(sqlite3.connect(f"{(home / 'catalog.sqlite3').as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def embedded(home: Path) -> int:
    """Number of papers whose vectors are stored."""
    try:
        return int(query(home, "SELECT count(*) FROM papers WHERE vectors_fingerprint IS NOT NULL")[0][0])
    except sqlite3.OperationalError:
        return 0


@contextmanager
def ingest_under_way(home: Path, file: Path, at_least: int) -> Iterator["subprocess.Popen[bytes]"]:
    """An ingest that has stored the vectors of so many papers and goes on."""
    # A background job is born with interrupts ignored, and these tests may run in one.
    heeding = "import signal, service.cli as c; signal.signal(signal.SIGINT, signal.default_int_handler); c.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", heeding, "--home", str(home), "ingest", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        until = time.monotonic() + GIVE_UP_AFTER
        while embedded(home) < at_least:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until, "the ingest stores nothing"
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.communicate()


def test_an_ingest_that_is_killed_again_and_again_loses_nothing_and_embeds_nothing_twice(
    papers: Path, sample_home: Path, tmp_path: Path
) -> None:
    home, kept = tmp_path / "home", 0
    for at_least in (1, 33, 65):
        with ingest_under_way(home, papers, at_least) as process:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert embedded(home) >= max(kept, at_least)
        kept = embedded(home)
    done = paperboy(home, "ingest", papers, "--json")
    assert done.status == 0
    assert (done.document["papers"], done.document["added"]) == (PAPERS, 0)
    assert paperboy(home, "doctor", "--no-mend", "--json").document["sound"]
    chosen = f"SELECT title FROM papers WHERE {NO_LATEX} ORDER BY title LIMIT {PAPERS}"  # noqa: S608
    columns = "p.title, c.number, c.start, c.end, c.sentences, c.vector"
    sql = (
        f"SELECT {columns} FROM chunks c JOIN papers p ON p.row = c.paper_row WHERE p.title IN ({chosen}) ORDER BY 1, 2"  # noqa: S608
    )
    never_killed, killed = query(sample_home, sql), query(home, sql)
    assert [row[:-1] for row in killed] == [row[:-1] for row in never_killed]
    for ours, theirs in zip(killed, never_killed, strict=True):
        assert np.frombuffer(ours[-1], np.float32) @ np.frombuffer(theirs[-1], np.float32) > 0.999


def test_a_backup_made_during_an_ingest_is_whole_and_its_restored_home_has_no_difference(
    papers: Path, tmp_path: Path
) -> None:
    home, copy, restored = tmp_path / "home", tmp_path / "copy.sqlite3", tmp_path / "restored"
    with ingest_under_way(home, papers, 1) as process:
        assert paperboy(home, "backup", copy).status == 0
        assert process.poll() is None, "the ingest had ended before the backup"
    assert paperboy(restored, "restore", copy).status == 0
    assert paperboy(restored, "doctor", "--no-mend", "--json").document["sound"]
    assert query(restored, "SELECT count(*) FROM papers") == [(PAPERS,)]
    assert len(paperboy(restored, "search", "language models", "--json").document["hits"]) == 10


def test_a_second_process_is_told_who_owns_the_home_and_the_first_goes_on(papers: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with ingest_under_way(home, papers, 1) as process:
        line = one_clear_line(paperboy(home, "search", "language models"))
        assert str(home) in line
        assert f"process {process.pid}" in line
        assert process.poll() is None


def test_an_interrupted_ingest_ends_with_one_line_and_status_130_and_goes_on_later(
    papers: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    with ingest_under_way(home, papers, 1) as process:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 130
        assert said.decode().strip().splitlines()[-1] == "paperboy: interrupted; what was stored is kept"
        assert b"Traceback" not in said
    kept = embedded(home)
    assert kept >= 1
    done = paperboy(home, "search", "language models", "--json")
    assert done.status == 0
    assert f"{PAPERS - kept} papers have no vectors yet" in done.err
    assert embedded(home) == PAPERS


@pytest.mark.parametrize("flag", ["--json", "--help", None])
def test_a_reader_that_leaves_early_gets_no_traceback(own_sample_home: Path, flag: str | None) -> None:
    command = [sys.executable, "-m", "service.cli", "--home", str(own_sample_home), "search", "models", "-k", "400"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*command, flag] if flag else command, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize(
    ("command", "room"), [("ingest", 50_000), ("ingest", 400_000), ("reindex", 100_000), ("reindex", 200_000)]
)
def test_a_full_disk_is_one_clear_line_and_with_room_again_the_work_goes_on(
    papers: Path, tmp_path: Path, command: str, room: int
) -> None:
    few = tmp_path / "few.jsonl"
    few.write_text("".join(papers.read_text().splitlines(keepends=True)[:20]))
    home = tmp_path / "home"
    if command == "reindex":
        assert paperboy(home, "ingest", few).status == 0
    # No file may grow beyond this size, for this process and its children.
    limited = "import resource, service.cli as c; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0})); c.main()"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            limited.format(room),
            "--home",
            str(home),
            command,
            *([few] if command == "ingest" else []),
        ],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done
    assert done.stderr.decode().strip().splitlines()[-1].startswith("paperboy: ")
    assert b"Traceback" not in done.stderr
    assert paperboy(home, "ingest", few, "--json").document["papers"] == 20
    assert paperboy(home, "doctor", "--no-mend", "--json").document["sound"]


def test_ingesting_the_sample_again_embeds_nothing(own_sample_home: Path) -> None:
    sql = "SELECT paper_row, number, vector, vectors FROM chunks JOIN sentence_vectors USING (paper_row) ORDER BY 1, 2"
    before = query(own_sample_home, sql)
    assert paperboy(own_sample_home, "ingest", SAMPLE_PAGES, "--json").document["unchanged"] == 426
    assert query(own_sample_home, sql) == before
