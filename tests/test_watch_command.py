"""`paperboy watch` and the feeds of the service, as their users meet them."""

import json
from pathlib import Path
from xml.etree import ElementTree

import httpx2

from tests.command_line import one_clear_line, paperboy, served
from tests.web.conftest import RECORDS

QUESTION = "which papers reduce activation memory?"
ATOM = "{http://www.w3.org/2005/Atom}"


def entries(feed: str) -> list[str | None]:
    return [entry.findtext(f"{ATOM}title") for entry in ElementTree.fromstring(feed).iter(f"{ATOM}entry")]  # noqa: S314


def test_a_saved_question_has_feeds_as_files_and_in_the_service(tmp_path: Path) -> None:
    home, papers, out = tmp_path / "home", tmp_path / "papers.jsonl", tmp_path / "feeds"
    papers.write_text("\n".join(json.dumps(record) for record in RECORDS))
    assert paperboy(home, "ingest", papers).status == 0
    done = paperboy(home, "watch", QUESTION, "--out", out, "--json")
    assert done.status == 0, done
    (saved,) = done.document["watches"]
    titles = [found["title"] for found in saved["new"]]
    assert titles
    assert sorted(path.name for path in out.iterdir()) == ["watch-1.atom", "watch-1.json"]
    assert entries((out / "watch-1.atom").read_text()) == titles
    assert [item["title"] for item in json.loads((out / "watch-1.json").read_text())["items"]] == titles
    with served(home) as (_, address), httpx2.Client(base_url=address) as client:
        assert entries(client.get("/watches/1.atom").text) == titles
        assert client.get("/watches/1.json").headers["content-type"].startswith("application/feed+json")
        assert client.get("/watches/2.atom").status_code == 404
        assert client.get("/feed.atom").status_code == 404
        assert paperboy(home, "watch", "--json").document["watches"][0]["new"] == []
        assert QUESTION in paperboy(home, "watch", "--list").out
        job = client.post("/api/v1/digests", json={"day": "latest", "mode": "extractive"}).json()
        with client.stream("GET", f"/api/v1/digests/{job['id']}/events") as events:
            assert "event: digest" in events.read().decode()
        assert entries(client.get("/feed.atom").text)
    assert paperboy(home, "watch", "--remove", "1", "--json").document["watches"] == []
    assert "no saved question has the number 1" in one_clear_line(paperboy(home, "watch", "--remove", "1"))
    assert "asks for papers" in one_clear_line(paperboy(home, "watch", "what is the newest paper?"))
