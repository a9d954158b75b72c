"""Batches that are killed, whenever that is, and begun again: all of it is there, and nothing was made twice."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from service import resources
from service.library import Library
from service.settings import Settings
from tests.command_line import paperboy

DAY = "2024-05-07"
PAPERS = 6
# A real kill, in the process itself, before or after the nth time that something finished is kept.
KILLED_AT = """
import os, signal, service.cli as c, service.index.results as r
kind, number, when = {point!r}
owner, count = getattr(r, kind), 0
original = owner.put

def put(self, *given):
    global count
    count += 1
    if count == number and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    original(self, *given)
    if count == number and when == "after":
        os.kill(os.getpid(), signal.SIGKILL)

owner.put = put
c.main()
"""
POINTS = [(1, "before"), (2, "after"), (5, "before")]
Kept = dict[str, int]
"""The number of the row in which each finished text is kept; one that is made again gets another."""


def records() -> list[dict[str, str]]:
    abstract = (
        "Large models are slow. We propose a method, {name}, which leaves out every layer that is not needed. "
        "{name} is {number} times as fast on three tasks. It costs no accuracy. The code of {name} is public."
    )
    names = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir")
    return [
        {"id": name, "title": f"{name} Leaves Layers Out", "abstract": abstract.format(name=name, number=number)}
        for number, name in enumerate(names, start=2)
    ]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("filled") / "home"
    papers = home.parent / "papers.jsonl"
    papers.write_text("".join(json.dumps(record | {"listed": DAY}) + "\n" for record in records()))
    (home.parent / "texts.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records()))
    questions = [{"id": r["id"], "question": f"how many times as fast is {r['id']}?"} for r in records()]
    (home.parent / "questions.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))
    assert paperboy(home, "ingest", papers).status == 0
    return home


@pytest.fixture
def home(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "home"))


def kept(home: Path) -> Kept:
    found: Kept = {}
    for file, table in (("catalog.sqlite3", "summaries"), ("cache.sqlite3", "texts")):
        if (home / file).exists():
            with closing(sqlite3.connect(home / file)) as connection:
                found |= dict(connection.execute(f"SELECT key, rowid FROM {table}").fetchall())  # noqa: S608
    return found


def killed(home: Path, command: list[str], point: tuple[str, int, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT.format(point=point), "--home", str(home), *command],
        env=dict(os.environ),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done


COMMANDS = {
    "digest": ("Results", ["digest", DAY, "--json"], 2 * PAPERS),
    "digest, extractive": ("Results", ["digest", DAY, "--mode", "extractive", "--json"], PAPERS),
    "run": ("Results", ["run", "papers.jsonl", "--out", "OUT", "--format", "json", "--json"], 2 * PAPERS),
    "summarize --batch": ("Cache", ["summarize", "--batch", "texts.jsonl"], 2 * PAPERS),
    "ask --batch": ("Cache", ["ask", "--batch", "questions.jsonl"], PAPERS),
}


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point[1]} text {point[0]}")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_batch_that_was_killed_goes_on_and_makes_nothing_twice(
    filled: Path, home: Path, name: str, point: tuple[int, str]
) -> None:
    kind, command, made = COMMANDS[name]
    command = [str(filled.parent / part) if part.endswith(".jsonl") else part for part in command]
    command = [str(home.parent / "out.json") if part == "OUT" else part for part in command]
    killed(home, command, (kind, *point))
    before = kept(home)
    done = paperboy(home, *command)
    assert done.status == 0, done
    after = kept(home)
    assert before.items() <= after.items()
    assert len(after) == made
    if "--batch" in command:
        assert [line["id"] for line in done.lines] == [record["id"] for record in records()]
        assert not any("error" in line for line in done.lines)
    else:
        assert done.document["papers"] == PAPERS
        assert done.document["failures"] == []


def test_a_changed_prompt_makes_every_summary_anew_and_the_old_ones_are_kept(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def summarized() -> Kept:
        with Library.open(Settings(home=home, mode="quotes")) as library:
            library.summarize("Alder")
        return kept(home)

    first = summarized()
    assert first
    assert summarized() == first
    prompts = Path(shutil.copytree(resources.prompts_folder(), tmp_path / "prompts"))
    for file in prompts.rglob("sentence-1.toml"):
        file.write_text(file.read_text().replace("one sentence", "a single sentence"))
    monkeypatch.setattr(resources, "prompts_folder", lambda: prompts)
    second = summarized()
    assert first.items() < second.items()
