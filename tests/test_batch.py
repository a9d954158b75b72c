"""Batches: one line out for each line in, in order, whatever is in them."""

import io
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.batch import Record, each, read_text, run_batch, run_together
from service.errors import EngineError, InputError, PaperboyError
from service.sources.lines import MAX_LINE_BYTES

Capture = pytest.CaptureFixture[str]


def echo(record: Record) -> Record:
    return {"said": record["question"]}


def lines_of(capsys: Capture) -> list[Any]:
    """The lines on stdout, each of them strict JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in capsys.readouterr().out.splitlines()]


def batch(tmp_path: Path, *lines: str | bytes) -> str:
    file = tmp_path / "batch.jsonl"
    file.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))
    return str(file)


def test_each_line_is_answered_in_order_with_its_id(tmp_path: Path, capsys: Capture) -> None:
    file = batch(tmp_path, *(json.dumps({"id": name, "question": f"q {name}"}) for name in ("b", 7, None, "a")))
    assert run_batch(file, ("question",), echo) == 0
    assert lines_of(capsys) == [{"id": name, "said": f"q {name}"} for name in ("b", 7, None, "a")]


def test_a_record_without_an_id_has_none(tmp_path: Path, capsys: Capture) -> None:
    assert run_batch(batch(tmp_path, '{"question": "q"}'), ("question",), echo) == 0
    assert lines_of(capsys) == [{"id": None, "said": "q"}]


FAULTY = [
    ("no json", "not valid JSON"),
    ("[1]", "a JSON object is expected"),
    ("null", "a JSON object is expected"),
    ('{"id": 1}', "question is missing or no text"),
    ('{"id": 1, "question": 5}', "question is missing or no text"),
    ('{"id": 1, "question": null}', "question is missing or no text"),
    ('{"id": 1, "question"', "not valid JSON"),
    ("[" * 100_000, "not valid JSON"),
    ('{"id": ' + "9" * 5_000 + "}", "not valid JSON"),
    (b'{"id": 1, "question": "\xff"}', "UTF-8"),
    (b'{"id": 1, "question": "' + b"x" * 2_000_000 + b'"}', "more than"),
]


@pytest.mark.parametrize(("line", "said"), FAULTY, ids=lambda value: str(value)[:40])
def test_a_line_that_cannot_be_served_says_so_with_its_place_and_the_rest_goes_on(
    tmp_path: Path, capsys: Capture, line: str | bytes, said: str
) -> None:
    good = '{"id": "good", "question": "q"}'
    file = batch(tmp_path, good, line, good)
    assert run_batch(file, ("question",), echo) == 1
    first, faulty, last = lines_of(capsys)
    assert first == last == {"id": "good", "said": "q"}
    assert said in faulty["error"]
    assert f"{file}:2" in faulty["error"]
    assert set(faulty) == {"id", "error"}


def test_a_faulty_record_keeps_the_id_that_could_be_read(tmp_path: Path, capsys: Capture) -> None:
    run_batch(batch(tmp_path, '{"id": "x1", "question": 5}'), ("question",), echo)
    assert lines_of(capsys)[0]["id"] == "x1"


@pytest.mark.parametrize("error", [InputError("the question is empty"), EngineError("the writer failed")])
def test_a_request_that_is_refused_is_an_error_of_its_line(
    tmp_path: Path, capsys: Capture, error: InputError | EngineError
) -> None:
    def refuse_second(record: Record) -> Record:
        if record["id"] == 2:
            raise error
        return echo(record)

    file = batch(tmp_path, *(json.dumps({"id": number, "question": "q"}) for number in (1, 2, 3)))
    assert run_batch(file, ("question",), refuse_second) == 1
    assert lines_of(capsys) == [{"id": 1, "said": "q"}, {"id": 2, "error": str(error)}, {"id": 3, "said": "q"}]


def test_empty_lines_are_passed_over_and_windows_line_ends_do_not_matter(tmp_path: Path, capsys: Capture) -> None:
    file = batch(tmp_path, b"\xef\xbb\xbf" + b'{"id": 1, "question": "q"}\r', "", "  ", '{"id": 2, "question": "q"}\r')
    assert run_batch(file, ("question",), echo) == 0
    assert [line["id"] for line in lines_of(capsys)] == [1, 2]


def test_an_empty_file_gives_nothing(tmp_path: Path, capsys: Capture) -> None:
    assert run_batch(batch(tmp_path), ("question",), echo) == 0
    assert lines_of(capsys) == []


def test_text_that_is_not_ascii_comes_out_readable(tmp_path: Path, capsys: Capture) -> None:
    run_batch(batch(tmp_path, '{"id": "é", "question": "漢字"}'), ("question",), echo)
    assert capsys.readouterr().out == '{"id": "é", "said": "漢字"}\n'


@pytest.mark.parametrize("constant", ["NaN", "-Infinity", "1e999"])
def test_a_number_that_json_does_not_know_is_refused_in_json(tmp_path: Path, capsys: Capture, constant: str) -> None:
    assert run_batch(batch(tmp_path, f'{{"id": {constant}, "question": "q"}}'), ("question",), echo) == 1
    assert "not valid JSON" in lines_of(capsys)[0]["error"]


def test_half_a_character_in_a_record_becomes_a_question_mark(tmp_path: Path, capsys: Capture) -> None:
    file = batch(tmp_path, '{"id": "\\ud800", "question": "a\\udfff b"}')
    assert run_batch(file, ("question",), echo) == 0
    assert lines_of(capsys) == [{"id": "?", "said": "a? b"}]


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        run_batch(str(tmp_path / name), ("question",), echo)


def test_each_line_is_out_before_the_next_is_handled(tmp_path: Path, capsys: Capture) -> None:
    """So that a reader of a long batch sees progress, and an interruption loses one line only."""
    seen: list[str] = []

    def handle(record: Record) -> Record:
        seen.append(capsys.readouterr().out)
        return echo(record)

    run_batch(batch(tmp_path, '{"id": 1, "question": "q"}', '{"id": 2, "question": "q"}'), ("question",), handle)
    assert seen[0] == ""
    assert json.loads(seen[1])["id"] == 1


def test_lines_that_are_served_together_keep_their_ids_and_a_faulty_one_its_place(
    tmp_path: Path, capsys: Capture
) -> None:
    """Three lines are read before the first is served, and a line that is refused later has its own id."""

    def serve(records: Iterator[Record | PaperboyError]) -> Iterator[Record | PaperboyError]:
        while ahead := list(islice(records, 3)):
            yield from each(refuse_the_fourth, ahead)

    def refuse_the_fourth(record: Record) -> Record:
        if record["id"] == 4:
            raise InputError("not this one")
        return echo(record)

    lines = [json.dumps({"id": number, "question": "q"}) for number in range(1, 8)]
    file = batch(tmp_path, lines[0], "no json", *lines[2:])
    assert run_together(file, ("question",), serve) == 1
    served = lines_of(capsys)
    assert [line["id"] for line in served] == [1, None, 3, 4, 5, 6, 7]
    assert [index for index, line in enumerate(served, 1) if "error" in line] == [2, 4]
    assert served[3]["error"] == "not this one"


def test_a_long_file_is_read_as_it_is_served(tmp_path: Path) -> None:
    file, read = batch(tmp_path, *['{"id": 1, "question": "q"}'] * 10_000), 0

    def serve(records: Iterator[Record | PaperboyError]) -> Iterator[Record | PaperboyError]:
        nonlocal read
        for record in records:
            read += 1
            if read == 5:
                raise KeyboardInterrupt
            yield record

    with pytest.raises(KeyboardInterrupt):
        run_together(file, ("question",), serve)
    assert read == 5


def test_a_reader_who_goes_ends_what_is_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    ended: list[bool] = []

    def serve(records: Iterator[Record | PaperboyError]) -> Iterator[Record | PaperboyError]:
        try:
            yield from records
        finally:
            ended.append(True)

    monkeypatch.setattr("sys.stdout", Closed())
    with pytest.raises(BrokenPipeError):
        run_together(batch(tmp_path, '{"question": "q"}'), ("question",), lambda records: each(echo, serve(records)))
    assert ended


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=40), max_size=6))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_line_that_is_not_empty_has_exactly_one_answer(tmp_path: Path, capsys: Capture, lines: list[str]) -> None:
    capsys.readouterr()
    status = run_batch(batch(tmp_path, *lines), ("question",), echo)
    answers = lines_of(capsys)
    assert status == int(bool(answers))
    assert len(answers) == sum(bool(line.lstrip("\ufeff").strip()) for line in lines)


# Single texts


def test_a_text_file_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfIt is fast.\n")
    assert read_text(tmp_path / "a") == "It is fast.\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\xff", "not valid UTF-8"), (b"x" * (MAX_LINE_BYTES + 1), "more than 1,048,576 bytes")],
    ids=["no text", "too long"],
)
def test_a_file_that_is_no_text_or_too_long_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_text(tmp_path / "a")


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match="cannot be read"):
            read_text(path)
