"""All formats that are text: one paper written in each, and what is particular to one of them."""

import gzip
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from service.sources import FORMATS, format_named, read_path
from service.types import Failure, Paper
from tests.sources import written

KNOWN_BY_ID = set(written.FILES) - {"page", "plain", "table", "venue"}


def parse(name: str, text: str | bytes) -> list[Paper | Failure]:
    return list(format_named(name).parse(io.BytesIO(text if isinstance(text, bytes) else text.encode()), "file"))


def paper_of(name: str, text: str) -> Paper:
    (record,) = parse(name, text)
    assert isinstance(record, Paper), record
    return record


def reasons(name: str, text: str | bytes) -> list[str]:
    return [record.reason for record in parse(name, text) if isinstance(record, Failure)]


def test_every_format_has_its_file_here() -> None:
    assert set(written.FILES) | {"pdf"} == set(FORMATS)


@pytest.mark.parametrize("name", written.FILES)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["no mark", "BOM"])
def test_the_paper_of_every_format_is_found_and_read(
    tmp_path: Path, name: str, packed: bool, ends: str, mark: str
) -> None:
    data = (mark + written.FILES[name].replace("\n", ends)).encode()
    file = tmp_path / "file"
    file.write_bytes(gzip.compress(data) if packed else data)
    (record,) = read_path(file)
    assert isinstance(record, Paper), record
    assert (record.title, record.abstract) == (written.TITLE, written.ABSTRACT)
    if name not in ("page", "plain"):
        assert (record.authors, record.n_authors) == (("Ada Lovelace", "Charles Babbage"), 2)
    if name not in ("page", "plain", "jsonl", "arxiv-rss"):
        assert (record.published, record.published_inferred) == (date(2024, 4, 5), False)
    if name in KNOWN_BY_ID:
        assert (record.paper_id, record.own_id) == ("2404.12345", True)


@pytest.mark.parametrize("name", ["arxiv-rss", "arxiv-oai", "hf"])
def test_the_day_of_the_list_is_known_where_the_source_knows_it(name: str) -> None:
    assert paper_of(name, written.FILES[name]).listed == date(2024, 4, 9)


@pytest.mark.parametrize(
    ("name", "version"), [("arxiv-atom", 2), ("arxiv-rss", 1), ("arxiv-oai", 1), ("arxiv-snapshot", 2), ("jsonl", 2)]
)
def test_the_version_is_known_where_the_source_knows_it(name: str, version: int) -> None:
    assert paper_of(name, written.FILES[name]).version == version


@pytest.mark.parametrize("name", ["arxiv-atom", "s2", "csl", "ris"])
def test_a_doi_stands_beside_the_id(name: str) -> None:
    assert paper_of(name, written.FILES[name]).doi == "10.1000/abc"


# Feeds


def test_a_replacement_was_on_a_list_before_and_is_not_listed_again() -> None:
    replaced = written.RSS.replace("Announce Type: new", "Announce Type: replace-cross").replace(">new<", ">replace<")
    paper = paper_of("arxiv-rss", replaced)
    assert (paper.listed, paper.abstract) == (None, written.ABSTRACT)


def test_a_list_of_a_day_without_papers_is_no_failure() -> None:
    assert parse("arxiv-rss", written.RSS[: written.RSS.index("<item>")] + "</channel></rss>") == []
    empty = '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><error code="noRecordsMatch">none</error></OAI-PMH>'
    assert parse("arxiv-oai", empty) == []
    assert parse("hf", "[]") == []
    assert parse("s2", '{"total": 0, "data": []}') == []


def test_an_error_over_oai_is_told() -> None:
    error = "<OAI-PMH><error code='badArgument'>no such set</error></OAI-PMH>"
    assert reasons("arxiv-oai", error) == ["arXiv answered: badArgument: no such set"]


@pytest.mark.parametrize(
    ("old", "new"),
    [("2024-04-09", "2025-01-01"), ('<version version="v1">', '<version version="v1"/><version version="v2">')],
)
def test_the_stamp_of_a_changed_record_is_not_the_day_on_which_it_was_listed(old: str, new: str) -> None:
    record = next(r for r in parse("arxiv-oai", written.OAI.replace(old, new)) if isinstance(r, Paper))
    assert record.listed is None


def test_a_deleted_record_is_a_listed_failure() -> None:
    deleted = written.OAI.replace("<header>", '<header status="deleted">')
    assert "deleted oai:arXiv.org:2404.12345" in reasons("arxiv-oai", deleted)[0]


@pytest.mark.parametrize("name", ["arxiv-atom", "arxiv-rss", "arxiv-oai", "arxiv-snapshot"])
def test_categories_are_cleaned_as_all_texts_are(name: str) -> None:
    paper = paper_of(name, written.FILES[name].replace("cs.CL", "cs.C\u202eL"))
    assert paper.categories == ("cs.CL", "cs.LG")


# JSON in its shapes


def shapes(record: dict[str, Any]) -> dict[str, str]:
    other = {**record, "title": "Another Title", "id": "2404.54321"}
    return {
        "lines": f"{json.dumps(record)}\n\n{json.dumps(other)}\n",
        "a list": json.dumps([record, other]),
        "a list on many lines": json.dumps([record, other], indent=2),
        "an envelope": json.dumps({"total": 2, "data": [record, other], "next": None}),
        "an envelope on many lines": json.dumps({"offset": 0, "data": [record, other]}, indent=1),
        "objects on many lines": json.dumps(record, indent=1) + "\n" + json.dumps(other, indent=1),
        "lists one after the other": json.dumps([record]) + json.dumps([other]),
    }


RECORD = {"id": "2404.12345", "title": written.TITLE, "abstract": written.ABSTRACT, "keywords": ["a"]}


@pytest.mark.parametrize("shape", shapes(RECORD))
@pytest.mark.parametrize("name", ["jsonl", "venue"])
def test_json_is_read_in_all_its_shapes(name: str, shape: str) -> None:
    records = parse(name, shapes(RECORD)[shape])
    assert [r.title for r in records if isinstance(r, Paper)] == [written.TITLE, "Another Title"]
    assert len({r.source for r in records if isinstance(r, Paper)}) == 2


def test_what_a_batch_did_not_find_is_a_listed_failure() -> None:
    found = json.loads(written.SCHOLAR)["data"]
    records = parse("s2", json.dumps([None, *found, 3, "text", found]))
    assert [type(record) for record in records] == [Failure, Paper, Failure, Failure, Failure]


def test_an_item_that_is_too_large_is_listed_and_the_rest_goes_in() -> None:
    large = {**RECORD, "more": ["x" * 1_000] * 2_000}
    nested: Any = 1
    for _ in range(60):
        nested = [nested]
    records = parse("venue", json.dumps([large, {**RECORD, "more": nested}, RECORD]))
    assert [type(record) for record in records] == [Failure, Failure, Paper]


def test_the_arxiv_names_its_authors_in_parts_or_in_one_text() -> None:
    record = json.loads(written.SNAPSHOT)
    record["authors_parsed"] = "none"
    assert paper_of("arxiv-snapshot", json.dumps(record)).authors == ("Ada Lovelace", "Charles Babbage")


def test_a_citation_with_a_year_only_has_an_inferred_day() -> None:
    (record,) = json.loads(written.CSL)
    record["issued"] = {"date-parts": [[2021]]}
    paper = paper_of("csl", json.dumps([record]))
    assert (paper.published, paper.published_inferred) == (date(2021, 1, 1), True)


# Reference managers


def test_bibtex_without_an_id_is_known_by_its_title_and_not_by_its_key() -> None:
    text = written.BIBTEX.replace("archiveprefix", "nothing")
    assert not paper_of("bibtex", text).own_id


def test_an_id_of_arxiv_is_found_where_bibliographies_put_it() -> None:
    for place in ("journal = {arXiv preprint arXiv:2404.12345v1}", "url = {https://arxiv.org/abs/2404.12345}",
                  "doi = {10.48550/arXiv.2404.12345}"):  # fmt: skip
        text = written.BIBTEX.replace("eprint = {2404.12345}, archiveprefix = {arXiv}", place)
        assert paper_of("bibtex", text).paper_id == "2404.12345"


def test_latex_and_braces_of_bibtex_are_decoded() -> None:
    text = written.BIBTEX.replace("Babbage, Charles", r"G{\"o}del, Kurt and {The {BERT} Team}")
    assert paper_of("bibtex", text).authors == ("Ada Lovelace", "Kurt Gödel", "The BERT Team")


def test_one_damaged_entry_is_listed_and_the_others_go_in() -> None:
    text = f"@misc{{broken, title = {{never closed\n\n{written.BIBTEX}\n@comment{{x}}\n@misc{{empty,}}\n"
    records = parse("bibtex", text)
    assert [record.title for record in records if isinstance(record, Paper)] == [written.TITLE]
    assert ["not a sound" in reason or "title" in reason for reason in reasons("bibtex", text)] == [True, True]


def test_an_entry_that_says_its_title_twice_is_read() -> None:
    text = written.BIBTEX.replace("eprint", "title = {Other}, eprint")
    assert isinstance(parse("bibtex", text)[0], Paper)


def test_records_of_ris_without_an_end_are_read_and_those_without_an_abstract_are_listed() -> None:
    text = written.RIS.replace("ER  -\n", "") + "TY  - BOOK\nT1  - A Book\nER  - \n" + written.RIS
    records = parse("ris", text)
    assert [type(record) for record in records] == [Paper, Failure, Paper]
    assert reasons("ris", text) == ["no abstract: A Book"]


@pytest.mark.parametrize("separator", ["\t", ",", ";"])
def test_tables_have_any_separator_and_cells_of_several_lines(separator: str) -> None:
    cells = (
        ["id", "Title", "ABSTRACT", "Year"],
        ["2404.12345", written.TITLE, '"We study it,\n\tthe ""first""; so."', "2024"],
    )
    paper = paper_of("table", "\n".join(separator.join(row) for row in cells) + "\n")
    assert paper.abstract == 'We study it, the "first"; so.'
    assert (paper.paper_id, paper.published, paper.published_inferred) == ("2404.12345", date(2024, 1, 1), True)


def test_a_quotation_mark_that_is_never_closed_is_listed_and_not_read_to_the_end() -> None:
    table = 'title,abstract\nA,One.\nB,"Two.\n' + "C,Three.\n" * 20_000
    records = parse("table", table)
    assert isinstance(records[0], Paper)
    assert "quotation mark" in reasons("table", table)[0]
    assert isinstance(records[-1], Paper)


def test_a_table_without_the_two_columns_is_listed() -> None:
    assert reasons("table", "name,text\na,b\n") == ["the first line names no columns `title` and `abstract`"]


# Plain text


def test_a_text_that_is_no_abstract_is_not_taken_for_a_paper(tmp_path: Path) -> None:
    texts = ["# Notes\n\nBuy milk.\n", "word " * 5_000, "Dear all,\n\n" + "One. Two. Three. " * 40 + "\n\nBest\n\nA."]
    for text in texts:
        (tmp_path / "a.txt").write_text(text)
        (record,) = read_path(tmp_path / "a.txt")
        assert isinstance(record, Failure), text[:20]
        assert "not recognized" in record.reason


def test_an_abstract_without_a_title_is_called_as_its_file(tmp_path: Path) -> None:
    file = tmp_path / "Sparse Adapters.txt"
    file.write_text(f"Abstract\n\n{written.ABSTRACT}")
    (record,) = read_path(file, "plain")
    assert isinstance(record, Paper)
    assert (record.title, record.abstract) == ("Sparse Adapters", written.ABSTRACT)
