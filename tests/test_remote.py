"""A command prints the same whether it opens the library itself or uses the service that owns the home."""

import json
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.errors import HomeError
from service.index.home import Home
from service.remote import connect, short_address
from service.settings import Settings
from tests.command_line import Done, one_clear_line, paperboy, served
from tests.web.conftest import RECORDS

QUESTION = "which papers reduce activation memory?"


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("papers") / "papers.jsonl"
    file.write_text("\n".join([*(json.dumps(record) for record in RECORDS), "no JSON"]))
    return file


@pytest.fixture(scope="module")
def homes(papers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Two homes with the same papers, the second owned by a service, into which the papers went through it."""
    folder = tmp_path_factory.mktemp("homes")
    alone, owned = folder / "alone", folder / "owned"
    with served(owned):
        done = [paperboy(home, "ingest", papers, "--json") for home in (alone, owned)]
        assert_same(*done)
        assert done[0].status == 1
        assert done[0].document["added"] == 3
        yield alone, owned


def without_seconds(value: Any) -> Any:
    """A document without what differs from run to run."""
    if isinstance(value, dict):
        return {name: without_seconds(item) for name, item in value.items() if name != "seconds"}
    return [without_seconds(item) for item in value] if isinstance(value, list) else value


def assert_same(first: Done, second: Done) -> None:
    assert (first.status, first.err) == (second.status, second.err)
    assert [without_seconds(line) for line in first.lines] == [without_seconds(line) for line in second.lines]


@pytest.mark.parametrize(
    "command",
    [
        ("search", "activation memory", "--json"),
        ("search", "memory cat:cs.CL", "-k", "1", "--day", "2026-01-05", "--json"),
        ("ask", QUESTION, "--json"),
        ("ask", "what is the newest paper?", "--json"),
        ("ask", "how do bees navigate in winter?", "--mode", "extractive", "--json"),
        ("ask", QUESTION, "-k", "1", "--json"),
        ("summarize", "gamma", "--length", "paragraph", "--json"),
        ("summarize", "Beta: Picturs from Noise", "--json"),
        ("digest", "latest", "--json"),
        ("digest", "--since", "2026-01-01", "--json"),
        ("reindex", "--json"),
    ],
)
def test_a_command_prints_the_same_document(homes: tuple[Path, Path], command: tuple[str, ...]) -> None:
    alone, owned = (paperboy(home, *command) for home in homes)
    assert alone.status == 0, alone
    assert_same(alone, owned)


@pytest.mark.parametrize(
    "command",
    [("search", "memory"), ("summarize", "alpha"), ("digest", "latest"), ("ask", "what is the newest paper?")],
)
def test_a_command_prints_the_same_for_people(homes: tuple[Path, Path], command: tuple[str, ...]) -> None:
    alone, owned = (paperboy(home, *command) for home in homes)
    assert (alone.status, owned.status) == (0, 0)
    assert alone.out.partition(" · ")[0] == owned.out.partition(" · ")[0]


@pytest.mark.parametrize(
    "command",
    [
        ("search", ""),
        ("search", "the of"),
        ("search", "x", "-k", "0"),
        ("ask", "x" * 2_001),
        ("summarize", "nothing of the kind"),
        ("digest", "1999-01-01"),
        ("ingest", "FILE", "--format", "nothing"),
    ],
)
def test_a_command_is_refused_with_the_same_line(homes: tuple[Path, Path], command: tuple[str, ...]) -> None:
    lines = [one_clear_line(paperboy(home, *command)) for home in homes]
    assert lines[0] == lines[1]


def test_an_abstract_on_stdin_is_summarized_the_same(homes: tuple[Path, Path]) -> None:
    text = "It was slow. We propose Quick, which is 3 times as fast."
    assert_same(*(paperboy(home, "summarize", "-", "--title", "Quick", "--json", stdin=text) for home in homes))


def test_batches_print_the_same_lines_in_order(homes: tuple[Path, Path], tmp_path: Path) -> None:
    questions, texts = tmp_path / "questions.jsonl", tmp_path / "texts.jsonl"
    asked = [QUESTION, "", "which papers draw cats?", "what is the newest paper?", "how do bees navigate?"] * 20
    questions.write_text("\n".join([*(json.dumps({"id": n, "question": q}) for n, q in enumerate(asked)), "no JSON"]))
    texts.write_text(
        "\n".join(
            json.dumps(
                {"id": n, "title": f"T{n}", "abstract": f"It was slow. We propose T{n}, which is {n} times as fast."}
            )
            for n in range(5)
        )
    )
    for command in (("ask", "--batch", questions), ("search", "--batch", questions), ("summarize", "--batch", texts)):
        done = [paperboy(home, *command) for home in homes]
        assert_same(*done)
        assert [line["id"] for line in done[0].lines][:5] == [0, 1, 2, 3, 4]


def test_a_setting_that_the_service_does_not_have_is_refused(homes: tuple[Path, Path]) -> None:
    said = one_clear_line(paperboy(homes[1], "ask", QUESTION, "--context", "1024"))
    assert "runs with context 'auto', not 1024" in said


def test_what_needs_the_home_alone_is_told_who_owns_it(homes: tuple[Path, Path]) -> None:
    assert "in use by another paperboy" in one_clear_line(paperboy(homes[1], "doctor"))
    assert "in use by another paperboy" in one_clear_line(paperboy(homes[1], "serve", "--port", "0"))


def test_the_socket_is_its_owners_alone_and_goes_with_the_service(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with served(home) as (process, _):
        assert Home(home).socket.stat().st_mode & 0o777 == 0o600
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert not Home(home).socket.exists()


def test_a_service_that_was_killed_is_not_waited_for(tmp_path: Path, papers: Path) -> None:
    home = tmp_path / "home"
    with served(home) as (process, _):
        process.kill()
        process.wait(20)
        assert Home(home).socket.exists()
        assert paperboy(home, "ingest", papers).status == 1
    with served(home):
        assert paperboy(home, "search", "memory", "--json").document["hits"]


def test_a_service_that_ends_meanwhile_is_told_in_one_line(tmp_path: Path) -> None:
    home = Home(tmp_path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_address(home.socket) as address:
        listening.bind(address)
    listening.listen()
    with listening:
        child = os.fork()
        if not child:
            accepted, _ = listening.accept()
            accepted.recv(100)
            os._exit(0)
        with pytest.raises(HomeError, match="has ended"):
            connect(Settings(home=tmp_path), print)
        os.waitpid(child, 0)


def test_a_home_with_a_long_name_has_a_socket_too(tmp_path: Path, papers: Path) -> None:
    home = tmp_path / ("long" * 30)
    with served(home):
        assert paperboy(home, "ingest", papers).status == 1
        assert len(paperboy(home, "search", "memory", "--json").document["hits"]) >= 2
    shutil.rmtree(home)


def test_an_ingest_that_is_broken_off_keeps_what_had_come(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with served(home):
        library = connect(Settings(home=home), print)
        assert library is not None
        number = library._send("ingest", {})
        paper = {"paper_id": "a", "title": "A", "abstract": "We propose A."}
        library._write({"number": number, "records": [paper] * 500})
        # So many are stored at a time.
        assert library._read()["value"][0] == "reading"
        library.close()
        done = paperboy(home, "search", "propose", "--json")
        assert done.document["hits"][0]["paper_id"] == "a"
