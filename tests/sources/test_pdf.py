"""PDF files: the first page of real ones, and what no reader should be made to do."""

import gzip
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.sources import read_path
from service.types import Failure, Paper
from tests.sources.conftest import EXAMPLES
from tests.sources.pdf_files import ABSTRACT, TITLE, paper_pdf


def read(folder: Path, data: bytes, name: str = "paper.pdf") -> Paper | Failure:
    (folder / name).write_bytes(data)
    (record,) = read_path(folder / name)
    return record


def test_title_and_abstract_of_the_first_page_are_read(tmp_path: Path) -> None:
    paper = read(tmp_path, paper_pdf())
    assert isinstance(paper, Paper), paper
    assert (paper.title, paper.abstract) == (TITLE, ABSTRACT)


def test_the_title_of_the_metadata_is_better_unless_nobody_wrote_it(tmp_path: Path) -> None:
    for metadata, title in (("The Printed Title", "The Printed Title"), ("paper.dvi", TITLE), ("untitled", TITLE)):
        paper = read(tmp_path, paper_pdf(metadata=metadata))
        assert isinstance(paper, Paper)
        assert paper.title == title


def test_the_stamp_of_arxiv_gives_the_id_and_is_not_the_title(tmp_path: Path) -> None:
    paper = read(tmp_path, paper_pdf(stamp="arXiv:2404.12345v2  [cs.CL]  5 Apr 2024"))
    assert isinstance(paper, Paper)
    assert (paper.paper_id, paper.version, paper.title) == ("2404.12345", 2, TITLE)


@pytest.mark.parametrize("heading", ["ABSTRACT", "A B S T R A C T", "Abstract."])
def test_headings_are_known_in_their_forms(tmp_path: Path, heading: str) -> None:
    paper = read(tmp_path, paper_pdf(heading=heading))
    assert isinstance(paper, Paper), paper
    assert paper.abstract == ABSTRACT


def test_a_gzipped_pdf_is_read_like_a_plain_one(tmp_path: Path) -> None:
    paper = read(tmp_path, gzip.compress(paper_pdf()), "paper.pdf.gz")
    assert isinstance(paper, Paper), paper
    assert paper.title == TITLE


def test_a_page_without_an_abstract_is_a_listed_failure(tmp_path: Path) -> None:
    failure = read(tmp_path, paper_pdf(heading="Greetings"))
    assert isinstance(failure, Failure)
    assert "no abstract was found" in failure.reason


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda _: b"%PDF-1.7\n",
        lambda data: data.replace(b"/Pages", b"/Sages"),
        lambda data: data.replace(b"/Kids [", b"/Kids [1 0 R "),
        lambda data: data[:9] + os.urandom(5_000),
    ],
    ids=["half of it", "the first line", "no pages", "pages within themselves", "noise"],
)
def test_a_damaged_pdf_is_a_paper_or_a_listed_failure(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    record = read(tmp_path, damage(paper_pdf()))
    assert isinstance(record, Paper) or record.reason


# A process each: a hundredth of the inputs that the other parsers get.
@given(st.lists(st.tuples(st.integers(0, 1_500), st.integers(0, 255)), min_size=1, max_size=20))
@settings(max_examples=max(3, EXAMPLES // 100), deadline=None)
def test_no_change_of_bytes_is_an_exception(changes: list[tuple[int, int]]) -> None:
    data = bytearray(paper_pdf())
    for place, value in changes:
        data[place % len(data)] = value
    data[:5] = b"%PDF-"
    with tempfile.TemporaryDirectory() as folder:
        record = read(Path(folder), bytes(data))
    assert isinstance(record, Paper) or record.reason
