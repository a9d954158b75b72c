"""The parts of the ingest bench, at a size of a few papers and without looking at times."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree

import pytest

from eval.bench.ingest import sized
from eval.bench.ingest_report import table, written
from eval.bench.ingest_step import EACH, END, Line, TimedEmbedder, ingest, read_journal, search
from eval.bench.processes import bytes_on_disk, resident_bytes
from tests.fakes import FakeEmbedder

PAPERS = 40


def papers(file: Path, count: int) -> Path:
    record = {"abstract": "We study many things. One of them works. The others do not, and we say why."}
    file.write_text("".join(json.dumps({"id": f"p{n}", "title": f"Paper {n}", **record}) + "\n" for n in range(count)))
    return file


def test_one_batch_in_ten_is_embedded_by_itself_too() -> None:
    inner = FakeEmbedder()
    timed = TimedEmbedder(inner)
    for _ in range(2 * EACH):
        made = timed.embed_passages([["one two", "three"], ["four"]])
    assert len(made) == 2
    assert timed.spent.passages == 2 * 2 * EACH
    assert timed.spent.tried_passages == 2 * 2
    assert timed.spent.tried_tokens == 2 * 4
    assert inner.passages == 2 * (2 * EACH + 2)
    assert 0 < timed.spent.tried <= timed.spent.inside
    assert 0 < timed.spent.alone <= timed.aside


def test_a_journal_ends_before_a_line_that_was_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    assert read_journal(file) == []
    lines = [Line(stage="embedding", papers=32, seconds=1.5), Line(stage=END)]
    file.write_text("".join(json.dumps(asdict(line)) + "\n" for line in lines) + '{"stage": "emb')
    assert read_journal(file) == lines


def test_an_ingest_that_was_stopped_goes_on_and_all_its_papers_are_counted_once(tmp_path: Path) -> None:
    journal, home = tmp_path / "journal.jsonl", tmp_path / "home"
    ingest(home, papers(tmp_path / "some.jsonl", PAPERS // 2), journal)
    ingest(home, papers(tmp_path / "all.jsonl", PAPERS), journal)
    lines = read_journal(journal)
    assert sum(line.papers for line in lines) == sum(line.passages for line in lines) == PAPERS
    assert [line.stage for line in lines].count(END) == 2
    assert all(line.service_peak and line.worker_peak for line in lines) or not Path("/proc/self/status").exists()
    found = search(home)
    assert len(found["milliseconds"]) > PAPERS
    size = sized(PAPERS, home, lines, found["milliseconds"], found["peak"])
    assert size.added == PAPERS
    assert {"reading", "embedding", "indexing", "near-duplicates"} == set(size.stages)
    assert sum(size.stages.values()) == pytest.approx(size.seconds)
    assert all(size.disk.values())


def test_the_speed_is_told_as_a_share_of_that_of_the_embedder_by_itself(tmp_path: Path) -> None:
    # 8 of 10 seconds in the embedder, which beside the ingest takes 2 s for what takes it 1.5 s alone.
    line = Line("embedding", 50, 10.0, 8.0, 80, 2.0, 1.5, 20, 3_000)
    size = sized(50, tmp_path, [line, Line(stage=END)], [10.0, 20.0, 30.0], 2**20)
    assert size.papers_per_second == 5
    assert size.tokens_per_second == 80 * 150 / 10
    assert size.of_embedder == pytest.approx(0.8 * 1.5 / 2)
    assert size.alone_tokens_per_second == pytest.approx(1_200 / 0.6)


def test_the_report_has_a_column_for_each_size_and_says_which_bound_is_missed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = Line("embedding", 50, 10.0, 9.5, 80, 2.0, 2.0, 20, 3_000, 200 * 2**20, 100 * 2**20)
    good = sized(1_000, tmp_path, [line], [10.0, 20.0, 30.0], 2**20)
    line.service_peak += 9_000 * 50
    bad = sized(10_000, tmp_path, [line], [10.0, 20.0, 300.0], 2**20)
    rows = {row[0]: row[1:] for row in table([good, bad]).rows}
    assert ["MISSED" in cell for cell in rows["search p95, ms, at most 50"]] == [False, True]
    assert rows["ratio, at least 0.9"] == ["0.95", "0.95"]
    assert rows["memory grows by, bytes a paper"] == ["", "50"]
    assert written(tmp_path, [good], {}) == 0
    assert written(tmp_path, [good, bad], {}) == 1
    assert "MISSED" in capsys.readouterr().out
    assert ElementTree.parse(tmp_path / "ingest.svg").getroot().tag.endswith("svg")  # noqa: S314 - our own


def test_memory_and_disk_are_read_from_the_system(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"x" * 100)
    (tmp_path / "other").write_bytes(b"x" * 10)
    assert bytes_on_disk(tmp_path / "folder", tmp_path / "other", tmp_path / "none") == 110
    if Path("/proc/self/status").exists():
        assert resident_bytes("self", peak=True) >= resident_bytes(os.getpid()) > 2**20
