"""Bad input gets one clear line or a listed failure, never a traceback, and loses nothing that is stored."""

import json
import os
from pathlib import Path

import pytest

from tests.command_line import one_clear_line, paperboy
from tests.conftest import MINILM

GOOD = json.dumps({"id": "1", "title": "A good paper", "abstract": "We propose a good method. It works well."})


def failures(home: Path, file: Path) -> list[dict[str, str]]:
    """Ingest a file that has something wrong; the failures listed."""
    done = paperboy(home, "ingest", file, "--json")
    assert done.status == 1, done
    assert "Traceback" not in done.err
    listed: list[dict[str, str]] = done.document["failures"]
    return listed


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02binary\x00", "binary"),
        (b"\x1f\x8b\x08\x00broken gzip", "cannot be read"),
        (b"just some words of a text\n", "format"),
    ],
)
def test_a_file_that_is_no_list_of_papers_is_a_listed_failure(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "input"
    file.write_bytes(content)
    listed = failures(tmp_path / "home", file)
    assert len(listed) == 1
    assert said in listed[0]["reason"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"title": "x", "abstract": "' + b"a" * 100_000_000 + b'"}', "100,000,0"),
        (b'{"title": "\xff\xfe", "abstract": "y"}', "UTF-8"),
        (b'{"title": "half a rec', "JSON"),
        (b'{"title": "No abstract here"}', "no abstract"),
        (b'{"id": "2", "title": "", "abstract": "An abstract without a title."}', "title"),
        (b'{"id": "3", "title": "Odd", "abstract": "A day.", "published": "2023-02-30"}', "does not exist"),
        (b"[" * 100_000, "JSON"),
        (b'["no", "object"]', "object"),
    ],
)
def test_an_unreadable_record_is_a_failure_with_file_and_line_and_the_rest_goes_in(
    tmp_path: Path, line: bytes, said: str
) -> None:
    file = tmp_path / "papers.jsonl"
    file.write_bytes(b'{"id": "0", "title": "First", "abstract": "We do it first."}\n' + line + b"\n" + GOOD.encode())
    listed = failures(tmp_path / "home", file)
    assert [said in failure["reason"] for failure in listed] == [True], listed
    assert listed[0]["where"] == f"{file}:2"
    again = paperboy(tmp_path / "home", "ingest", file, "--json").document
    assert again["papers"] >= 2
    assert again["added"] == 0


def test_a_title_with_two_abstracts_and_no_ids_keeps_both_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "papers.jsonl"
    file.write_text(
        '{"title": "EMMA", "abstract": "We drive cars with a large model of roads and signs."}\n'
        '{"title": "EMMA", "abstract": "Images are generated from prompts of several kinds at once."}\n'
    )
    listed = failures(tmp_path / "home", file)
    assert len(listed) == 1
    assert "two different abstracts" in listed[0]["reason"]
    again = paperboy(tmp_path / "home", "ingest", file, "--json")
    assert again.status == 0
    assert again.document["papers"] == 2


@pytest.mark.skipif(os.geteuid() != 0 and not os.access("/proc", os.R_OK), reason="needs /proc")
def test_a_home_that_cannot_be_written_is_one_clear_line() -> None:
    line = one_clear_line(paperboy(Path("/proc/paperboy-home"), "search", "x"))
    assert "cannot be written" in line
    assert "--home" in line


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("a" * 100_000, "100,000 characters"),
        ("what is the of and", "no word to search for"),
        ("   ", "empty"),
        ("what was published on 31 February 2023?", "does not exist"),
    ],
)
def test_a_question_that_cannot_be_served_is_one_clear_line(sample_home: Path, question: str, said: str) -> None:
    assert said in one_clear_line(paperboy(sample_home, "ask", question))


def test_an_empty_catalog_says_what_to_do(tmp_path: Path) -> None:
    for command in (("search", "memory"), ("ask", "which papers?"), ("digest", "latest"), ("summarize", "x")):
        assert "paperboy ingest" in one_clear_line(paperboy(tmp_path / "home", *command))


@pytest.mark.parametrize("kind", ["missing", "truncated", "no gguf", "folder", "no template"])
def test_a_model_that_cannot_write_is_one_clear_line(sample_home: Path, tmp_path: Path, kind: str) -> None:
    model = tmp_path / "model.gguf"
    if kind == "truncated":
        model.write_bytes((MINILM.parent / "paperboy-writer-trial-f16.gguf").read_bytes()[:1_000_000])
    elif kind == "no gguf":
        model.write_bytes(b"PK\x03\x04 this is a zip file")
    elif kind == "folder":
        model.mkdir()
    elif kind == "no template":
        model = MINILM
    line = one_clear_line(paperboy(sample_home, "ask", "which papers reduce activation memory?", "--model", model))
    assert model.name in line
    assert paperboy(sample_home, "search", "memory", "-k", "1", "--json").status == 0


def test_a_misspelt_setting_in_the_environment_is_one_clear_line(sample_home: Path) -> None:
    line = one_clear_line(paperboy(sample_home, "search", "x", PAPERBOY_WRITRE="model.gguf"))
    assert "PAPERBOY_WRITRE" in line


def test_a_day_that_does_not_exist_or_has_no_papers_says_which_days_have(sample_home: Path) -> None:
    assert "not a day" in one_clear_line(paperboy(sample_home, "digest", "2023-02-30"))
    assert "2025-09-20" in one_clear_line(paperboy(sample_home, "digest", "1999-01-01"))


def test_a_paper_that_is_not_there_names_the_nearest(sample_home: Path) -> None:
    assert "nearest" in one_clear_line(paperboy(sample_home, "summarize", "no such paper at all"))
