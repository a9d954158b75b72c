"""What people see, and the files that are written for them."""

import os
from pathlib import Path

import pytest

from service.console import Console
from service.errors import InputError
from service.library import Library
from service.types import Claim, Verdict, Verification

Capture = pytest.CaptureFixture[str]


def test_a_file_is_written_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    for text in ("first é", "second"):
        Console(as_json=False).write_file(tmp_path / "a.md", text)
        assert (tmp_path / "a.md").read_text(encoding="utf-8") == text
    assert [path.name for path in tmp_path.iterdir()] == ["a.md"]


def test_a_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real.md")
    Console(as_json=False).write_file(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real.md").read_text() == "text"


def test_a_pipe_or_a_device_is_written_to_and_never_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    Console(as_json=False).write_file(pipe, "text")
    assert os.read(reader, 100) == b"text"
    os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["missing/a.md", "."])
def test_a_file_that_cannot_be_written_is_refused_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        Console(as_json=False).write_file(tmp_path / name, "text")
    assert list(tmp_path.iterdir()) == []


def test_control_characters_of_a_text_to_verify_do_not_reach_the_terminal(capsys: Capture) -> None:
    claim = Claim(text="It is \x1b[2Jfast\x07.", verdict=Verdict.UNSUPPORTED, reason="the name X is not in the source")
    Console(as_json=False).verification(Verification(score=0.0, faithful=False, claims=(claim,)))
    shown = capsys.readouterr().out
    assert "It is [2Jfast.  unsupported (the name X is not in the source)" in shown
    assert not {"\x1b", "\x07"} & set(shown)


def test_a_search_without_hits_says_so_on_stderr(capsys: Capture) -> None:
    Console(as_json=False).hits([])
    assert capsys.readouterr() == ("", "no paper fits\n")


def test_papers_of_a_day_are_each_shown_once(sample: Library, capsys: Capture) -> None:
    Console(as_json=False).answer(sample.ask("what was published on 27 July 2023?"))
    shown = capsys.readouterr().out
    assert shown.count("Scaling TransNormer to 175 Billion Parameters") == 1
    assert shown.count("published 2023-07-27") == 3
    assert "listed 3 · no language model" in shown


def test_the_sentence_about_a_date_is_shown_with_its_paper(sample: Library, capsys: Capture) -> None:
    Console(as_json=False).answer(sample.ask("when was Scaling TransNormer to 175 Billion Parameters published?"))
    assert capsys.readouterr().out.startswith("“Scaling TransNormer to 175 Billion Parameters” (published 2023-07-27)")
