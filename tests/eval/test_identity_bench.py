"""Records that are one paper, counted by reason; and those of the sample and of arXiv."""

import json
from itertools import islice
from pathlib import Path

import pytest

from eval.bench.identity import identified
from eval.bench.lexical import ABSTRACTS
from eval.data import read_lines
from eval.questions import SAMPLE_PAGES

ABSTRACT = "We look at many large models on nine tasks and find that none of them can count beyond ten in any of them."


def test_merges_are_counted_by_what_the_records_have_in_common(tmp_path: Path) -> None:
    records = [
        {"id": "2404.12345v1", "title": "Counting Models", "abstract": ABSTRACT},
        {"id": "2404.12345v2", "title": "Counting Models, Again", "abstract": f"{ABSTRACT} We add more."},
        {"title": "Counting Models, Again", "abstract": f"{ABSTRACT} We add more."},
        {"id": "2404.99999", "title": "Counting Far Beyond Ten", "abstract": f"{ABSTRACT} It is so."},
        {"id": "2404.77777", "title": "Another", "abstract": "Nothing of this has a word in common with the rest."},
    ]
    (tmp_path / "papers.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records) + "{}\n")
    found = identified([tmp_path / "papers.jsonl"])
    assert (found.records, found.papers, found.failures) == (5, 3, 1)
    assert found.merges == {"id": 1, "title, same abstract": 1}
    assert found.doubtful == [("Counting Models", "Counting Models, Again")]
    assert [(pair.first_title, pair.second_title) for pair in found.near] == [
        ("Counting Models, Again", "Counting Far Beyond Ten")
    ]


def test_of_the_sample_99_copies_are_merged_and_none_wrongly() -> None:
    found = identified([SAMPLE_PAGES])
    assert (found.records, found.papers, sum(found.merges.values())) == (525, 426, 99)
    assert found.doubtful == []
    assert set(found.merges) <= {"title, same abstract", "title, abstract nearly the same"}


def test_abstracts_of_arxiv_are_merged_by_their_ids_and_nothing_else(data: Path, tmp_path: Path) -> None:
    if not data.joinpath(*ABSTRACTS).exists():
        pytest.skip("the abstracts of arXiv are absent")
    records = list(islice(read_lines(*ABSTRACTS), 3_000))
    (tmp_path / "papers.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    found = identified([tmp_path / "papers.jsonl"])
    assert (found.records, found.papers) == (3_000, len({record["id"] for record in records}))
    assert set(found.merges) <= {"id"}
    assert found.doubtful == []
