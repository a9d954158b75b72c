"""The fetchers against a server that replays what the services said, and what they may say."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx2
import huggingface_hub
import pytest
from huggingface_hub.utils import _detect_agent

from service.errors import FetchError, InputError
from service.sources.fetch import arxiv, hub, scholar
from service.sources.fetch.client import PoliteClient, Service
from service.sources.fetch.wanted import Memory, Page, Wanted
from service.types import Failure, Paper
from tests.sources import written
from tests.sources.fetch.site import Asked, Reply, Site
from tests.sources.fetch.test_client import Kept

DAY = date(2024, 4, 9)


def client(service: Service, site: Site, memory: Memory) -> PoliteClient:
    mirrors = {host: httpx2.URL(site.url) for host in service.hosts}
    return PoliteClient(service, memory, mirrors=mirrors, note=lambda _: None, sleep=lambda _: None)


def pages(site: Site, source: Any, wanted: Wanted, memory: Kept | None = None) -> Iterator[Page]:
    """Pages that are asked for as they are taken; who does not call `keep` was interrupted."""
    memory = memory if memory is not None else Kept()
    asking = client(source.SERVICE, site, memory)
    yield from source.pages(asking, wanted) if source is hub else source.pages(asking, wanted, memory)


def taken(site: Site, source: Any, wanted: Wanted, memory: Kept | None = None) -> list[Paper]:
    """The papers of all pages, each page kept."""
    papers: list[Paper] = []
    for page in pages(site, source, wanted, memory):
        assert not [record for record in page.records if isinstance(record, Failure)]
        papers += [record for record in page.records if isinstance(record, Paper)]
        page.keep()
    return papers


# Hugging Face


def daily(number: int, count: int = 1) -> bytes:
    (item,) = json.loads(written.DAILY)
    items = [{**item, "paper": {**item["paper"], "id": f"2404.{10_000 + number * 100 + n}"}} for n in range(count)]
    return json.dumps(items).encode()


def test_a_day_of_hugging_face_is_the_day_of_the_list(site: Site) -> None:
    site.replies(Reply(daily(0)))
    (paper,) = taken(site, hub, Wanted(DAY, DAY))
    assert (paper.listed, paper.published, paper.upvotes) == (DAY, date(2024, 4, 5), 7)
    (asked,) = site.asked
    assert (asked.path, asked.query["date"]) == ("/api/daily_papers", "2024-04-09")
    assert not {"authorization", "cookie"} & asked.headers.keys()


def test_nothing_but_the_list_is_asked_of_hugging_face(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With telemetry on, the library first asks which agents there are, and keeps whatever is answered."""
    assert huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_TELEMETRY", False)
    monkeypatch.setattr(huggingface_hub.constants, "AGENT_HARNESSES_PATH", str(tmp_path / "agents.json"))
    monkeypatch.setattr(_detect_agent, "_registry", None)
    site.replies(Reply(daily(0)))
    assert len(taken(site, hub, Wanted(DAY, DAY))) == 1
    assert [asked.path for asked in site.asked] == ["/api/daily_papers"]
    assert list(tmp_path.iterdir()) == []


def test_a_list_of_hugging_face_is_read_to_its_last_page(site: Site) -> None:
    site.answer = lambda asked: Reply(daily(n := int(asked.query["p"]), 100 if n < 2 else 3))
    assert len(taken(site, hub, Wanted(DAY, DAY))) == 203
    assert [asked.query["p"] for asked in site.asked] == ["0", "1", "2"]


def test_days_without_a_list_are_no_error(site: Site) -> None:
    site.answer = lambda asked: Reply(daily(0) if asked.query["date"] == "2024-04-08" else b"[]")
    assert len(taken(site, hub, Wanted(date(2024, 4, 6), date(2024, 4, 8)))) == 1
    assert [asked.query["date"] for asked in site.asked] == ["2024-04-06", "2024-04-07", "2024-04-08"]


def test_a_list_that_is_late_is_no_error_and_one_that_never_was_is(site: Site) -> None:
    site.replies(Reply(b'{"error": "Invalid date"}', status=400))
    today = date.today()
    assert taken(site, hub, Wanted(today, today)) == []
    with pytest.raises(FetchError, match="Invalid date"):
        taken(site, hub, Wanted(DAY, DAY))


def test_a_list_that_did_not_change_is_not_sent_again(site: Site) -> None:
    def answer(asked: Asked) -> Reply:
        tag = f'"{asked.query["p"]}"'
        if asked.headers.get("if-none-match") == tag:
            return Reply(status=304)
        return Reply(daily(int(asked.query["p"]), 100 if asked.query["p"] == "0" else 5), headers=(("ETag", tag),))

    site.answer = answer
    memory = Kept()
    assert len(taken(site, hub, Wanted(DAY, DAY), memory)) == 105
    assert taken(site, hub, Wanted(DAY, DAY), memory) == []
    assert [asked.query["p"] for asked in site.asked] == ["0", "1", "0", "1"]


def test_a_page_that_was_not_stored_is_asked_for_again(site: Site) -> None:
    site.replies(Reply(daily(0), headers=(("ETag", '"a"'),)))
    memory = Kept()
    assert len(list(pages(site, hub, Wanted(DAY, DAY), memory))) == 1
    assert len(taken(site, hub, Wanted(DAY, DAY), memory)) == 1
    assert "if-none-match" not in site.asked[1].headers


@pytest.mark.parametrize("spoilt", [daily(0, 3)[:-40], b"<html>", b"", b'{"error"'])
def test_a_list_that_was_cut_off_is_asked_for_again_and_given_up_in_the_end(site: Site, spoilt: bytes) -> None:
    site.replies(Reply(spoilt), Reply(daily(0, 3)))
    assert len(taken(site, hub, Wanted(DAY, DAY))) == 3
    site.replies(Reply(spoilt))
    with pytest.raises(FetchError, match="stays unreadable"):
        taken(site, hub, Wanted(DAY, DAY))


def test_what_the_library_of_hugging_face_cannot_read_is_a_listed_failure_and_the_rest_goes_in(site: Site) -> None:
    items = [{"paper": "none"}, {"id": 3, "authors": [3]}, *json.loads(daily(0))]
    site.replies(Reply(json.dumps(items).encode()))
    (page,) = pages(site, hub, Wanted(DAY, DAY))
    assert [type(record) for record in page.records] == [Failure, Failure, Paper]


def test_the_recorded_list_of_hugging_face_is_taken(site: Site, recorded: Path) -> None:
    site.replies(Reply((recorded / "hf_daily_papers" / "api_daily_papers_item_2602.23229.json").read_bytes()))
    (paper,) = taken(site, hub, Wanted(date(2026, 3, 6), date(2026, 3, 6)))
    assert (paper.paper_id, paper.listed, paper.upvotes) == ("2602.23229", date(2026, 3, 6), 10)


# arXiv


def oai(*records: str, more: str = "") -> bytes:
    text = written.OAI[: written.OAI.index("<record>")] + "".join(records)
    return f"{text}<resumptionToken>{more}</resumptionToken></ListRecords></OAI-PMH>".encode()


def record(number: str, stamp: str = "2024-04-09", categories: str = "cs.CL") -> str:
    one = written.OAI[written.OAI.index("<record>") : written.OAI.index("</ListRecords>")]
    one = one.replace("2404.12345", number).replace("2024-04-09", stamp).replace("cs.CL cs.LG", categories)
    return one.replace(written.TITLE, f"{written.TITLE} {number}")


LISTED = Wanted(DAY, DAY, ("cs.CL",))


def test_the_list_of_a_day_of_arxiv_has_what_is_new_in_its_categories(site: Site) -> None:
    version = '<version version="v1"><date>Fri, 5 Apr 2024 10:00:00 GMT</date></version>'
    changed = record("2404.00004").replace(version, version + version.replace("v1", "v2"))
    site.replies(
        Reply(
            oai(
                record("2404.00001"),
                record("2404.00002", categories="cs.CV"),
                record("2404.00003", categories="stat.ML cs.CL"),
                changed,
                record("1904.00005").replace("Fri, 5 Apr 2024", "Fri, 5 Apr 2019"),
            )
        )
    )
    assert [paper.paper_id for paper in taken(site, arxiv, LISTED)] == ["2404.00001", "2404.00003"]
    (asked,) = site.asked
    assert (asked.path, asked.query["set"], asked.query["from"], asked.query["until"]) == (
        "/oai", "cs", "2024-04-09", "2024-04-09",
    )  # fmt: skip


def test_categories_of_physics_and_whole_archives_are_asked_for_by_their_sets(site: Site) -> None:
    site.replies(Reply(oai(record("2404.00001", categories="hep-th"), record("2404.00002", categories="math.AG"))))
    assert len(taken(site, arxiv, Wanted(DAY, DAY, ("hep-th", "math", "cs.CL", "cs.CV")))) == 6
    assert [asked.query["set"] for asked in site.asked] == ["cs", "math", "physics:hep-th"]


def test_a_harvest_goes_on_with_its_token_also_in_the_next_process(site: Site) -> None:
    answers = {
        "": oai(record("2404.00001"), more="second|1"),
        "second|1": oai(record("2404.00002"), more="third|2"),
        "third|2": oai(record("2404.00003")),
    }
    site.answer = lambda asked: Reply(answers[asked.query.get("resumptionToken", "")])
    memory = Kept()
    first = pages(site, arxiv, LISTED, memory)
    next(first).keep()
    next(first)  # taken, and interrupted before it was stored
    first.close()  # type: ignore[attr-defined]
    rest = taken(site, arxiv, LISTED, memory)
    assert [paper.paper_id for paper in rest] == ["2404.00002", "2404.00003"]
    again = taken(site, arxiv, LISTED, memory)
    assert [paper.paper_id for paper in again] == ["2404.00001", "2404.00002", "2404.00003"]


def test_a_token_that_has_expired_begins_the_harvest_anew(site: Site) -> None:
    memory = Kept()
    site.replies(Reply(oai(record("2404.00001"), more="old")))
    next(pages(site, arxiv, LISTED, memory)).keep()
    error = b'<OAI-PMH><error code="badResumptionToken">expired</error></OAI-PMH>'
    site.answer = lambda asked: Reply(error if "resumptionToken" in asked.query else oai(record("2404.00001")))
    assert [paper.paper_id for paper in taken(site, arxiv, LISTED, memory)] == ["2404.00001"]


def test_a_page_that_was_cut_off_is_not_taken_for_the_last_one(site: Site) -> None:
    whole = oai(record("2404.00001"), record("2404.00002"))
    site.replies(Reply(whole[: whole.index(b"<resumptionToken>")]), Reply(whole))
    assert len(taken(site, arxiv, LISTED)) == 2


def test_a_day_without_a_list_of_arxiv_is_no_error(site: Site) -> None:
    site.replies(Reply(b'<OAI-PMH><error code="noRecordsMatch">none</error></OAI-PMH>'))
    assert taken(site, arxiv, LISTED) == []


def test_the_newest_list_of_arxiv_is_fetched_once(site: Site) -> None:
    def answer(asked: Asked) -> Reply:
        if "if-none-match" in asked.headers:
            return Reply(status=304)
        return Reply(written.RSS.encode(), headers=(("ETag", '"a"'),))

    site.answer = answer
    memory, newest = Kept(), Wanted(categories=("cs.CL", "cs.LG"))
    (paper,) = taken(site, arxiv, newest, memory)
    assert paper.listed == DAY
    assert taken(site, arxiv, newest, memory) == []
    assert site.asked[0].path == "/rss/cs.CL+cs.LG"


def replay(recorded: Path, site: Site) -> None:
    """Answer searches of the API as was recorded, for "testing" from any offset."""
    answers = {}
    for file in (recorded / "arxiv_api_atom").glob("q_testing_*.json"):
        document = json.loads(file.read_text())
        query = dict(httpx2.URL(document["url"]).params)
        answers[query["start"], query["max_results"]] = document["body"].encode()
    site.answer = lambda asked: Reply(answers[asked.query["start"], asked.query["max_results"]])


def test_a_search_of_the_recorded_api_is_read_page_by_page(site: Site, recorded: Path) -> None:
    replay(recorded, site)
    assert len(taken(site, arxiv, Wanted(query="testing", most=100))) == 100
    assert site.asked[0].query["search_query"] == "testing"


def test_a_search_goes_on_at_its_offset(site: Site, recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replay(recorded, site)
    monkeypatch.setattr(arxiv, "_ENTRIES_PER_PAGE", 10)
    memory = Kept()
    first = pages(site, arxiv, Wanted(query="testing", most=60), memory)
    for _ in range(2):
        next(first).keep()
    assert len(taken(site, arxiv, Wanted(query="testing", most=60), memory)) == 40
    assert [asked.query["start"] for asked in site.asked] == ["0", "10", "20", "30", "40", "50"]


def test_an_empty_page_in_the_middle_of_a_search_is_asked_for_again(site: Site) -> None:
    total = '<opensearch:totalResults xmlns:opensearch="x">1</opensearch:totalResults>'
    found = written.ATOM.replace("<title>arXiv Query</title>", total)
    empty = found[: found.index("<entry>")] + "</feed>"
    site.replies(Reply(empty.encode()), Reply(empty.encode()), Reply(found.encode()))
    assert len(taken(site, arxiv, Wanted(query="x"))) == 1


def test_a_search_is_narrowed_by_category_and_day_of_submission(site: Site) -> None:
    site.replies(Reply(written.ATOM.encode()))
    taken(site, arxiv, Wanted(DAY, DAY, ("cs.CL", "cs.LG"), 'ti:"sparse adapters"'))
    assert site.asked[0].query["search_query"] == (
        '(ti:"sparse adapters") AND (cat:cs.CL OR cat:cs.LG) AND submittedDate:[202404090000 TO 202404092359]'
    )


# Semantic Scholar


def test_a_search_of_semantic_scholar_is_read_to_its_last_page(site: Site, recorded: Path) -> None:
    document = json.loads((recorded / "semantic_scholar" / "graph_v1_paper_search_match.json").read_text())
    site.answer = lambda asked: Reply(
        json.dumps({**document, "token": "t2" if "token" not in asked.query else None}).encode()
    )
    assert len(taken(site, scholar, Wanted(DAY, DAY + timedelta(days=1), query="association rules"))) == 2
    assert site.asked[0].query["publicationDateOrYear"] == "2024-04-09:2024-04-10"
    assert [asked.query.get("token") for asked in site.asked] == [None, "t2"]


def test_no_more_papers_are_taken_than_were_asked_for(site: Site) -> None:
    many = json.loads(written.SCHOLAR)
    site.replies(Reply(json.dumps({"data": many["data"] * 30, "token": "more"}).encode()))
    assert len(taken(site, scholar, Wanted(query="x", most=50))) == 50


# What makes no sense


@pytest.mark.parametrize(
    ("source", "wanted", "said"),
    [
        (arxiv, Wanted(), "--category"),
        (scholar, Wanted(), "--query"),
        (hub, Wanted(DAY, DAY - timedelta(days=1)), "--since comes before --until"),
        (hub, Wanted(date(2020, 1, 1), DAY), "year by year"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_before_anything_is_sent(
    site: Site, source: Any, wanted: Wanted, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        taken(site, source, wanted)
    assert site.asked == []
