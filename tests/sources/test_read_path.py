"""Reading files and folders: what a file is, what it may not do, and in which order they come."""

import gzip
import io
import json
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import SourceError
from service.sources import read_path
from service.sources.lines import MAX_LINE_BYTES, Line, read_lines
from service.types import Failure, Paper
from tests.conftest import SAMPLE_PAGES

PAGE = "new\n\nbyAK and the research community\n\nOct 17\n\nA Title\n\nAn abstract of the page.\n"
JSON = '{"title": "A Title", "abstract": "An abstract of the list."}\n'


def titles(path: Path, format_name: str | None = None) -> list[str]:
    return [record.title for record in read_path(path, format_name) if isinstance(record, Paper)]


def reasons(path: Path, format_name: str | None = None) -> list[str]:
    return [record.reason for record in read_path(path, format_name) if isinstance(record, Failure)]


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.json", "a", "a.pdf"])
@pytest.mark.parametrize(("content", "abstract"), [(PAGE, "of the page"), (JSON, "of the list")])
def test_the_format_is_found_by_the_content_whatever_the_name(
    tmp_path: Path, name: str, content: str, abstract: str
) -> None:
    (record,) = read_path(written(tmp_path / name, content))
    assert isinstance(record, Paper)
    assert abstract in record.abstract


def test_the_format_can_be_named_where_it_cannot_be_found(tmp_path: Path) -> None:
    file = written(tmp_path / "a", "A Title\n\nAn abstract without any header above it.\n")
    assert "--format" in reasons(file)[0]
    assert titles(file, "page") == ["A Title"]


def test_a_format_that_was_named_is_used_even_where_another_would_be_found(tmp_path: Path) -> None:
    assert titles(written(tmp_path / "a", PAGE), "jsonl") == []
    assert "not valid JSON" in reasons(tmp_path / "a", "jsonl")[0]


def test_a_format_that_is_not_known_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"docx is not known; known are pdf, page, .*plain"):
        list(read_path(tmp_path / "missing", "docx"))


@pytest.mark.parametrize("content", [PAGE, JSON])
def test_a_gzipped_file_is_read_like_a_plain_one(tmp_path: Path, content: str) -> None:
    plain = list(read_path(written(tmp_path / "a", content)))
    packed = list(read_path(written(tmp_path / "b", gzip.compress(content.encode()))))
    assert [record.model_dump(exclude={"source"}) for record in packed] == [
        record.model_dump(exclude={"source"}) for record in plain
    ]


def test_a_gzip_bomb_is_refused_without_being_unpacked_to_memory(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as writer:
        writer.write(JSON.encode())
        for _ in range(200):
            writer.write(b" " * 2**20)
    file = written(tmp_path / "bomb.gz", packed.getvalue())
    tracemalloc.start()
    try:
        found = list(read_path(file))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [type(record) for record in found] == [Paper, Failure]
    assert "expands more than" in reasons(file)[0]
    assert peak < 20 * 2**20


def test_a_list_that_merely_compresses_well_is_read(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"title": f"Paper {n}", "abstract": "The same words. " * 50}) + "\n" for n in range(500))
    file = written(tmp_path / "a.gz", gzip.compress(lines.encode()))
    assert len(titles(file)) == 500
    assert reasons(file) == []


@pytest.mark.parametrize("cut", [5, 20, -9])
def test_a_gzipped_file_that_is_cut_off_is_a_listed_failure(tmp_path: Path, cut: int) -> None:
    file = written(tmp_path / "a.gz", gzip.compress(JSON.encode() * 50)[:cut])
    assert "cannot be read" in reasons(file)[0]


def test_a_damaged_gzipped_file_is_a_listed_failure(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress("".join(JSON.replace("Title", f"T{n}") for n in range(999)).encode()))
    packed[len(packed) // 2] ^= 0xFF
    assert len(reasons(written(tmp_path / "a.gz", bytes(packed)))) >= 1


def test_the_files_of_a_folder_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl", "c.jsonl"):
        written(tmp_path / name, JSON.replace("A Title", name))
    (tmp_path / "aa").mkdir()
    written(tmp_path / "aa" / "nested.jsonl", JSON.replace("A Title", "nested"))
    found = titles(tmp_path)
    assert [title for title in found if title != "nested"] == ["a.jsonl", "b.jsonl", "c.jsonl"]
    assert sorted(found) == ["a.jsonl", "b.jsonl", "c.jsonl", "nested"]


def test_the_samples_are_read_from_their_folder_file_after_file() -> None:
    sources = [record.source for record in read_path(SAMPLE_PAGES) if isinstance(record, Paper)]
    files = list(dict.fromkeys(source.rpartition(":")[0] for source in sources))
    assert files == sorted(str(path) for path in SAMPLE_PAGES.iterdir())
    assert len(sources) == 525


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    written(tmp_path / ".DS_Store", b"\0\0\0\1Bud1")
    written(tmp_path / "a.jsonl", JSON)
    assert (titles(tmp_path), reasons(tmp_path)) == (["A Title"], [])


def test_files_in_hidden_folders_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    written(tmp_path / ".git" / "index", b"DIRC\0\0")
    written(tmp_path / "a.jsonl", JSON)
    assert (titles(tmp_path), reasons(tmp_path)) == (["A Title"], [])


def test_a_hidden_file_that_is_named_is_read(tmp_path: Path) -> None:
    assert titles(written(tmp_path / ".papers.jsonl", JSON)) == ["A Title"]


def test_one_unreadable_file_does_not_keep_the_others_of_the_folder_out(tmp_path: Path) -> None:
    written(tmp_path / "a.bin", b"\0\1\2")
    written(tmp_path / "b.jsonl", JSON)
    written(tmp_path / "c.txt", "")
    records = list(read_path(tmp_path))
    assert [record.title for record in records if isinstance(record, Paper)] == ["A Title"]
    assert [record.where for record in records if isinstance(record, Failure)] == [
        str(tmp_path / "a.bin"),
        str(tmp_path / "c.txt"),
    ]


def test_an_empty_folder_and_a_missing_file_are_listed(tmp_path: Path) -> None:
    assert reasons(tmp_path) == ["the folder has no files"]
    assert reasons(tmp_path / "missing") == ["no such file"]


def test_a_pipe_is_refused_instead_of_being_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert reasons(tmp_path / "pipe") == ["not a regular file"]
    assert reasons(tmp_path) == ["the folder has no files"]


def test_a_link_that_leads_nowhere_is_listed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    assert reasons(tmp_path / "link") == ["no such file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_listed(tmp_path: Path) -> None:
    file = written(tmp_path / "a.jsonl", JSON)
    file.chmod(0)
    assert "cannot be read" in reasons(file)[0]


def test_a_file_name_that_is_no_utf8_is_no_reason_to_fail(tmp_path: Path) -> None:
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9.jsonl")  # noqa: PTH118 - bytes have no Path
    try:
        Path(os.fsdecode(name)).write_text(JSON)
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    records = list(read_path(tmp_path))
    assert len(records) == 1
    records[0].model_dump_json().encode()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("content", [PAGE, JSON])
def test_byte_order_mark_and_line_ends_of_windows_do_not_matter(
    tmp_path: Path, content: str, mark: bytes, end: str
) -> None:
    file = written(tmp_path / "a", mark + content.replace("\n", end).encode())
    assert titles(file) == ["A Title"]
    assert reasons(file) == []


def test_a_line_of_100_megabytes_is_skipped_in_constant_memory(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    with file.open("wb") as stream:
        stream.write(b'{"title": "')
        for _ in range(100):
            stream.write(b"x" * 1_000_000)
        stream.write(b'"}\n' + JSON.encode())
    tracemalloc.start()
    try:
        records = list(read_path(file))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [type(record) for record in records] == [Failure, Paper]
    assert "100,000,0" in reasons(file)[0]
    assert peak < 8 * MAX_LINE_BYTES


def lines(data: bytes) -> list[Line]:
    return list(read_lines(io.BytesIO(data)))


def test_a_line_of_exactly_the_limit_is_read_and_one_byte_more_is_not() -> None:
    assert lines(b"x" * MAX_LINE_BYTES + b"\nnext")[0].text == "x" * MAX_LINE_BYTES
    long = lines(b"x" * (MAX_LINE_BYTES + 1) + b"\nnext")
    assert (long[0].text, bool(long[0].problem)) == ("", True)
    assert (long[1].number, long[1].text) == (2, "next")


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\ufeff")), min_size=1))
@settings(deadline=None)
def test_lines_are_numbered_and_complete(texts: list[str]) -> None:
    found = lines("\n".join([*texts, "end"]).encode())
    assert [(line.number, line.text) for line in found] == list(enumerate([*texts, "end"], start=1))
