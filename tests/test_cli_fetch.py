"""`paperboy fetch` as a person calls it, with a server here in place of the services."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import Done, one_clear_line, paperboy, served
from tests.sources import written
from tests.sources.fetch.site import Reply, Site

HOSTS = ("huggingface.co", "rss.arxiv.org", "oaipmh.arxiv.org", "export.arxiv.org", "api.semanticscholar.org")


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


def mirrors(site: Site) -> str:
    return ",".join(f"{host}={site.url}" for host in HOSTS)


def fetch(home: Path, site: Site, *arguments: str, **environment: str) -> Done:
    return paperboy(home, "fetch", *arguments, PAPERBOY_FETCH_MIRRORS=mirrors(site), **environment)


def test_a_service_that_owns_the_home_fetches_and_remembers_what_was_said(site: Site, tmp_path: Path) -> None:
    home = tmp_path / "home"
    site.answer = lambda asked: (
        Reply(status=304)
        if "if-none-match" in asked.headers
        else Reply(written.DAILY.encode(), headers=(("ETag", '"1"'),))
    )
    with served(home, PAPERBOY_FETCH_MIRRORS=mirrors(site)):
        done = paperboy(home, "fetch", "hf", "--day", "2024-04-09", "--json")
        assert (done.status, done.document["papers"], done.document["added"]) == (0, 1, 1), done
        assert paperboy(home, "search", "adapters", "--json").document["hits"][0]["paper_id"] == "2404.12345"
        again = paperboy(home, "fetch", "hf", "--day", "2024-04-09")
        assert "nothing new" in again.err
        refused = paperboy(home, "fetch", "s2")
        assert "--query" in one_clear_line(refused)


def test_a_days_list_is_fetched_found_under_its_day_and_not_fetched_again(site: Site, tmp_path: Path) -> None:
    site.answer = lambda asked: (
        Reply(status=304)
        if "if-none-match" in asked.headers
        else Reply(written.DAILY.encode(), headers=(("ETag", '"1"'),))
    )
    done = fetch(tmp_path / "home", site, "hf", "--day", "2024-04-09", "--json")
    assert done.status == 0, done
    assert (done.document["papers"], done.document["added"], done.document["failures"]) == (1, 1, [])
    assert set(done.document) == {"papers", "added", "updated", "unchanged", "duplicates", "failures", "seconds"}
    found = paperboy(tmp_path / "home", "search", "adapters", "--day", "2024-04-09", "--json").document
    assert [hit["paper_id"] for hit in found["hits"]] == ["2404.12345"]
    again = fetch(tmp_path / "home", site, "hf", "--day", "2024-04-09")
    assert again.status == 0, again
    assert "nothing new" in again.err
    assert "if-none-match" in site.asked[-1].headers


def test_a_paper_of_two_services_is_one_paper(site: Site, tmp_path: Path) -> None:
    home = tmp_path / "home"
    bodies = {"/api/daily_papers": written.DAILY, "/oai": written.OAI, "/graph/v1/paper/search/bulk": written.SCHOLAR}
    site.answer = lambda asked: Reply(bodies[asked.path].encode())
    for arguments in (
        ("hf", "--day", "2024-04-09"), ("arxiv", "--day", "2024-04-09", "--category", "cs.CL"), ("s2", "--query", "x"),
    ):  # fmt: skip
        done = fetch(home, site, *arguments, "--json", PAPERBOY_SEMANTIC_SCHOLAR_KEY="secret-key")
        assert (done.status, done.document["papers"]) == (0, 1), done
        assert "secret-key" not in done.out + done.err
    assert [asked.headers.get("x-api-key") for asked in site.asked] == [None, None, "secret-key"]


def test_what_cannot_be_read_is_listed_and_the_rest_goes_in(site: Site, tmp_path: Path) -> None:
    site.replies(Reply(json.dumps([{"paper": {"title": "No abstract"}}, *json.loads(written.DAILY)]).encode()))
    done = fetch(tmp_path / "home", site, "hf", "--day", "2024-04-09", "--json")
    assert (done.status, done.document["added"]) == (1, 1)
    assert done.document["failures"][0]["reason"] == "no abstract: No abstract"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("arxiv",), "--category"),
        (("s2",), "--query"),
        (("arxiv", "--category", "cs.CL&x=1"), "no category"),
        (("hf", "--day", "2024-04-09", "--since", "2024-04-01"), "one or the other"),
        (("elsewhere",), "elsewhere"),
        (("hf", "--day", "yesterday"), "yesterday"),
    ],
)
def test_a_request_that_makes_no_sense_is_one_clear_line(
    site: Site, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    assert said in one_clear_line(fetch(tmp_path / "home", site, *arguments))
    assert site.asked == []


def test_a_refusal_of_the_service_is_one_clear_line_and_the_pages_before_are_kept(site: Site, tmp_path: Path) -> None:
    site.answer = lambda asked: (
        Reply(b"go away", status=403) if asked.query["date"] == "2024-04-10" else Reply(written.DAILY.encode())
    )
    done = fetch(tmp_path / "home", site, "hf", "--since", "2024-04-09", "--until", "2024-04-10", "--json")
    assert "HTTP 403): go away" in one_clear_line(done)
    assert paperboy(tmp_path / "home", "search", "adapters", "--json").document["hits"]


def test_a_mirror_of_a_host_that_is_not_known_is_refused(tmp_path: Path) -> None:
    done = paperboy(tmp_path, "fetch", "hf", PAPERBOY_FETCH_MIRRORS="evil.example=http://127.0.0.1:1")
    assert "evil.example" in one_clear_line(done)
