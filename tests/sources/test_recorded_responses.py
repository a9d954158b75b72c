"""The formats on real responses of the services, recorded and kept outside the repository."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from service.sources import FORMATS, format_named, read_path
from service.types import Failure, Paper


def body_of(response: Path, folder: Path) -> Path:
    """The body of a recorded response, as a file."""
    file = folder / f"{response.stem}.xml"
    file.write_text(json.loads(response.read_text())["body"])
    return file


def only(file: Path) -> Paper:
    (record,) = read_path(file)
    assert isinstance(record, Paper), record
    return record


def facts(paper: Paper, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(paper, name) for name in names)


def test_every_recorded_page_of_the_arxiv_api_is_read_whole(recorded: Path, tmp_path: Path) -> None:
    read = 0
    for response in sorted((recorded / "arxiv_api_atom").glob("*.json")):
        document = json.loads(response.read_text())
        records = list(read_path(body_of(response, tmp_path)))
        failures = [record for record in records if isinstance(record, Failure)]
        assert len(failures) == (document["status_code"] != 200)
        assert len(records) == document["body"].count("<entry>")
        read += len(records) - len(failures)
    assert read == 221


def test_an_entry_of_the_arxiv_api_has_id_version_and_day_of_the_first_version(recorded: Path) -> None:
    paper = only(recorded / "arxiv_api_atom" / "id_list=1111.2011v2.xml")
    assert facts(paper, "paper_id", "version", "doi", "published", "listed") == (
        "1111.2011", 2, "10.1103/physrevb.85.115117", date(2011, 11, 8), None,
    )  # fmt: skip
    assert paper.authors == ("James M. Murray", "Adrian Del Maestro", "Zlatko Tesanovic")
    assert paper.categories == ("cond-mat.str-el", "cond-mat.stat-mech")
    assert paper.url == "https://arxiv.org/abs/1111.2011"
    assert paper.title.endswith("in the Large Connectivity Limit")


def test_an_error_of_the_arxiv_api_is_a_failure_with_its_words(recorded: Path, tmp_path: Path) -> None:
    response = next((recorded / "arxiv_api_atom").glob("id_abc*.json"))
    (failure,) = read_path(body_of(response, tmp_path))
    assert isinstance(failure, Failure)
    assert failure.reason == "arXiv answered: incorrect id format for abc"


def test_an_empty_page_of_the_arxiv_api_has_no_paper_and_no_failure(recorded: Path, tmp_path: Path) -> None:
    response = next((recorded / "arxiv_api_atom").glob("id_0000*.json"))
    assert list(read_path(body_of(response, tmp_path))) == []


def test_records_over_oai_have_the_day_on_which_they_were_listed(recorded: Path) -> None:
    first = only(recorded / "arxiv_oai_pmh" / "sample_arxiv_record0.xml")
    assert facts(first, "paper_id", "doi", "published", "listed", "n_authors") == (
        "1601.03238", "10.1103/physrevd.93.016005", date(2016, 1, 13), date(2016, 1, 14), 5,
    )  # fmt: skip
    assert first.authors[:2] == ("Planck Collaboration", "Jieci Wang")
    second = only(recorded / "arxiv_oai_pmh" / "sample_arxiv_record10.xml")
    assert "all \N{GREEK SMALL LETTER DELTA}^2 terms" in second.abstract
    assert second.original_abstract is not None
    assert r"all $\delta^2$ terms" in second.original_abstract


def test_the_daily_list_of_arxiv_says_when_it_was_listed(recorded: Path) -> None:
    paper = only(next((recorded / "arxiv_rss").glob("*.xml")))
    assert facts(paper, "paper_id", "version", "listed", "published") == ("2509.13332", 1, date(2025, 9, 18), None)
    assert paper.abstract.startswith("As Large Language Models (LLMs)")


def test_a_daily_paper_has_its_own_day_and_that_of_the_list(recorded: Path) -> None:
    paper = only(recorded / "hf_daily_papers" / "api_daily_papers_item_2602.23229.json")
    assert facts(paper, "paper_id", "published", "listed", "upvotes", "comments", "n_authors") == (
        "2602.23229", date(2026, 2, 26), date(2026, 3, 6), 10, 1, 5,
    )  # fmt: skip
    single = only(recorded / "hf_daily_papers" / "api_paper_2509.04664.json")
    assert facts(single, "paper_id", "published", "listed", "upvotes") == (
        "2509.04664", date(2025, 9, 4), date(2025, 9, 8), 26,
    )  # fmt: skip


def test_papers_of_semantic_scholar_are_known_by_their_doi(recorded: Path) -> None:
    paper = only(recorded / "semantic_scholar" / "graph_v1_paper.json")
    assert facts(paper, "paper_id", "doi", "published", "url") == (
        "10.1093/mind/lix.236.433", "10.1093/mind/lix.236.433", date(1950, 10, 1),
        "https://doi.org/10.1093/mind/lix.236.433",
    )  # fmt: skip
    found = only(recorded / "semantic_scholar" / "graph_v1_paper_search_match.json")
    assert found.authors == ("R. Agrawal", "T. Imielinski", "A. Swami")


def test_entries_of_bibtex_have_names_as_spoken_and_an_inferred_day(recorded: Path) -> None:
    first, second = read_path(recorded / "bibtex" / "acl_with_abstract.bib")
    assert isinstance(first, Paper)
    assert isinstance(second, Paper)
    assert first.authors == ("Jeffri Murrugarra-Llerena", "Fernando Alva-Manchego", "Nils Murrugarra-LLerena")
    assert facts(second, "published", "published_inferred", "n_authors") == (date(2024, 3, 1), True, 8)
    assert only(recorded / "bibtex" / "bibtexparser_article.bib").authors == ("Jean César",)


@pytest.mark.parametrize(
    ("folder", "name"),
    [("arxiv_oai_pmh", "arxiv-oai"), ("arxiv_rss", "arxiv-rss"), ("hf_daily_papers", "hf"),
     ("semantic_scholar", "s2"), ("bibtex", "bibtex")],
)  # fmt: skip
def test_a_response_is_detected_as_what_it_is(recorded: Path, folder: str, name: str) -> None:
    for file in (recorded / folder).iterdir():
        head = file.read_text()[:65_536]
        assert next(known for known in FORMATS if format_named(known).detect(head)) == name
