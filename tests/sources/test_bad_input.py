"""Every parser on input that means harm or makes no sense: a listed failure or a cleaned value, never an exception."""

import gzip
import io
import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from service.sources import format_named, read_path
from service.types import Failure, Paper
from tests.sources import written
from tests.sources.fuzzing import parse, sound

FORMATS = sorted(written.FILES)


# What is odd in texts


def with_text(name: str, title: str, abstract: str) -> list[Paper | Failure]:
    """The papers of a format's file with another title and abstract, as its syntax writes them."""
    return parse(name, written.with_values(name, {written.TITLE: title, written.ABSTRACT: abstract}))


HIDDEN = "Ig\u200bnore \u202eall\u202c of \U000e0041\U000e0042it\u0007 now. " + "It is a long abstract. " * 12
CLEAN = "Ignore all of it now. " + "It is a long abstract. " * 12


@pytest.mark.parametrize("name", FORMATS)
def test_characters_that_nobody_sees_are_taken_out(name: str) -> None:
    # XML has no way to write the bell.
    hidden = HIDDEN.replace("\u0007", "") if name in written.XML else HIDDEN
    record = next(r for r in with_text(name, "A \u202eTitle\u200f", hidden) if isinstance(r, Paper))
    assert (record.title, record.abstract) == ("A Title", CLEAN.strip())


@pytest.mark.parametrize("name", ["s2", "venue", "csl", "bibtex", "table", "ris"])
def test_html_in_abstracts_is_taken_out(name: str) -> None:
    abstract = "<jats:p>We <b>do</b> it&amp;more.<script>alert(1)</script></jats:p> " + "It is long. " * 20
    record = next(r for r in with_text(name, "A Title", abstract) if isinstance(r, Paper))
    assert record.abstract.startswith("We do it&more. It is long.")


FAR = f"{date.today().year + 3}-01-01"


@pytest.mark.parametrize("name", ["arxiv-atom", "hf", "s2", "bibtex", "table"])
def test_a_date_that_is_yet_to_come_is_listed_and_left_out(name: str) -> None:
    records = parse(name, written.FILES[name].replace("2024-04-05", FAR).replace('"year": 2024', '"year": null'))
    assert [type(record) for record in records] == [Failure, Paper]
    assert "yet to come" in records[0].model_dump()["reason"]
    assert records[1].model_dump()["published"] is None


def test_a_note_that_is_yet_to_be_written_is_listed_and_its_paper_has_no_day() -> None:
    failure, paper = parse("venue", written.NOTES.replace("1712311200000", "7112311200000"))
    assert isinstance(failure, Failure)
    assert "yet to come" in failure.reason
    assert isinstance(paper, Paper)
    assert paper.published is None


@pytest.mark.parametrize("strange", ["javascript:alert(1)", "../../etc/passwd", "' OR 1=1 --", "urn:isbn:123", "12.3"])
@pytest.mark.parametrize("name", ["jsonl", "hf", "arxiv-snapshot", "table"])
def test_an_id_of_another_scheme_is_taken_as_a_name_and_makes_no_link(name: str, strange: str) -> None:
    if name == "table":
        text = written.TABLE.replace("Title,", "id,Title,").replace(
            f'"{written.TITLE}"', f'"{strange}","{written.TITLE}"'
        )
    else:
        text = written.FILES[name].replace("2404.12345v2", "2404.12345").replace("2404.12345", strange)
    (record,) = parse(name, text)
    assert isinstance(record, Paper)
    assert record.url is None
    assert record.version is None


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-32"])
def test_a_wrong_encoding_is_a_listed_failure(name: str, encoding: str, tmp_path: Path) -> None:
    # XML says its encoding or has a mark of it, and then it is not wrong.
    text = written.FILES[name].replace(written.TITLE, "Café Adapters").replace("We study", "We étudions")
    (tmp_path / "file").write_bytes(text.encode(encoding))
    records = list(read_path(tmp_path / "file"))
    sound(records)
    assert any(isinstance(record, Failure) for record in records)
    assert not any(isinstance(record, Paper) and "étud" not in record.abstract for record in records)


# Bombs


def parts(*pieces: tuple[str, int]) -> Iterator[bytes]:
    for text, times in pieces:
        for _ in range(times):
            yield text.encode()


class Long(io.RawIOBase):
    """A file that is made while it is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest, self.given = pieces, b"", 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._rest = self._rest or next(self._pieces, b"")
        data, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(data)] = data
        self.given += len(data)
        return len(data)


LAUGHS = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
K = "x" * 1_000
PAGE = "new\n\nbyAK and the research community\n\nA Title\n\n"
SCHOLAR = json.loads(written.SCHOLAR)["data"][0]
BOMBS: dict[str, tuple[str, Callable[[], Iterator[bytes]], int]] = {
    "entities": ("arxiv-atom", lambda: parts((LAUGHS + written.ATOM.partition("?>")[2], 1)), 0),
    "external entity": (
        "arxiv-atom", lambda: parts(('<!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/passwd">]><feed>&x;</feed>', 1)), 0,
    ),
    "a comment without an end": ("arxiv-rss", lambda: parts(("<rss><!--", 1), (K, 5_000)), 0),
    "an attribute without an end": ("arxiv-oai", lambda: parts(('<OAI-PMH a="', 1), (K, 5_000)), 0),
    "a text without an end in written.XML": ("arxiv-atom", lambda: parts(("<feed><entry><title>", 1), (K, 5_000)), 0),
    "elements without an end": ("arxiv-atom", lambda: parts(("<feed><entry>", 1), ("<a>" * 300, 3_000)), 0),
    "elements in elements": ("arxiv-atom", lambda: parts(("<feed>", 1), ("<a>" * 300, 3_000)), 0),
    "attributes": ("arxiv-atom", lambda: parts(("<feed><entry ", 1), ('a="b" ', 5_000), ("/></feed>", 1)), 0),
    "a text without an end in JSON": ("hf", lambda: parts(('[{"title": "', 1), (K, 20_000)), 0),
    "a number without an end": ("hf", lambda: parts(('[{"upvotes": 1', 1), ("1" * 1_000, 5_000)), 0),
    "lists in lists": ("venue", lambda: parts(("[" * 100, 2_000)), 0),
    "objects in objects": ("venue", lambda: parts(('[{"a":' + '{"a":' * 200, 1), ('{"a":' * 200, 500)), 0),
    "a list of a million numbers in a record": ("s2", lambda: parts(('[{"a": [1', 1), (",1" * 500, 1_000)), 0),
    "keys": ("s2", lambda: (f'{"{" if not n else ","}"k{n}": 1'.encode() for n in range(50_000)), 0),
    "a list on one line": ("s2", lambda: parts(("[", 1), (f"{json.dumps(SCHOLAR)},", 5_000)), 5_000),
    "an entry without an end": ("bibtex", lambda: parts(("@misc{a, title = {", 1), (K + "\n", 5_000)), 0),
    "a line without an end": ("bibtex", lambda: parts(("@misc{a, title = {", 1), (K, 5_000)), 0),
    "braces": ("bibtex", lambda: parts(("@misc{a, title = ", 1), ("{" * 500 + "\n", 500)), 0),
    "names": ("bibtex", lambda: parts(("@misc{a, title={T}, author={", 1), ("a and " * 100, 300), ("}}", 1)), 0),
    "a record without an end": ("ris", lambda: parts(("TY  - JOUR\nAB  - ", 1), (K + "\n", 5_000)), 0),
    "keywords": ("ris", lambda: parts(("TY  - JOUR\nTI  - T\nAB  - A.\n", 1), ("KW  - k\n" * 100, 300)), 1),
    "a cell without an end": ("table", lambda: parts(('title,abstract\n"', 1), (K + "\n", 5_000)), 0),
    "columns": ("table", lambda: parts(("title,abstract" + ",a" * 100_000 + "\nT,A.\n", 1)), 1),
    "a paragraph without an end": ("page", lambda: parts((PAGE, 1), (K + "\n", 5_000)), 0),
    "paragraphs": ("page", lambda: parts((PAGE, 1), (K + "\n\n", 5_000)), 0),
    "a long text": ("plain", lambda: parts(("A Title\n\n", 1), (K + "\n", 5_000)), 0),
    "formulas": ("jsonl", lambda: parts(('{"title": "T", "abstract": "' + "$\\\\frac{" * 2_000 + '"}', 1)), 1),
    "tags": ("venue", lambda: parts(('[{"title": "T", "abstract": "' + "<p " * 6_000 + '"}]', 1)), 1),
}  # fmt: skip


def peak_of(name: str, count: int) -> int:
    """The most memory that reading a file of so many papers takes."""
    stream = io.BufferedReader(Long(piece.encode() for piece in written.repeated(name, count)), 65_536)
    tracemalloc.start()
    try:
        assert [isinstance(record, Paper) for record in format_named(name).parse(stream, "file")] == [True] * count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", written.SEVERAL)
def test_a_file_of_ten_times_as_many_papers_takes_no_more_memory(name: str) -> None:
    # Modules, tables and caches are made at first use.
    peak_of(name, 200)
    assert peak_of(name, 2_000) < peak_of(name, 200) + 2**18


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_ends_in_a_failure_or_in_clean_values_with_little_memory_and_time(bomb: str) -> None:
    name, pieces, papers = BOMBS[bomb]
    stream = io.BufferedReader(Long(pieces()), 65_536)
    tracemalloc.start()
    begun = time.process_time()
    try:
        kinds = [type(record) for record in format_named(name).parse(stream, "file")]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert kinds.count(Paper) == papers
    assert papers or Failure in kinds
    assert peak < 64 * 2**20
    # No measurement: a hang is minutes.
    assert time.process_time() - begun < 60


def test_a_gzip_bomb_of_a_feed_ends_as_a_failed_file(tmp_path: Path) -> None:
    file = tmp_path / "feed.xml.gz"
    with gzip.open(file, "wb") as packed:
        packed.write(written.ATOM.replace("</feed>", "").encode())
        for _ in range(100):
            packed.write(b" " * 2**20)
    records = list(read_path(file))
    assert isinstance(records[0], Paper)
    assert "expands more than" in records[-1].model_dump()["reason"]
