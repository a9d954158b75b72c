"""Digests as jobs: watched, cancelled, taken up again, also by the next process; nothing is made twice."""

import threading
from pathlib import Path
from xml.etree import ElementTree

from service.errors import EngineError
from service.ports import Generation
from service.web import documents
from tests.fakes import HeldEngine, ScriptedEngine
from tests.web.serving import QUESTION, Running, running, until_ready
from tests.web.test_streams import wait_until

RANGE = {"since": "2026-01-01", "until": "2026-12-31", "mode": "quotes"}


def begin(run: Running, **wanted: str) -> str:
    response = run.post("/api/v1/digests", wanted)
    assert response.status_code == 202, response.text
    documents.JobShape.model_validate(response.json())
    place = response.headers["location"]
    assert place.endswith(response.json()["id"])
    return str(place)


def state(run: Running, place: str) -> str:
    response = run.client.get(place)
    documents.FinishedJobShape.model_validate(response.json())
    return str(response.json()["state"])


def write(writer: HeldEngine, number: int) -> None:
    """Answer a request with the first sentence that it may choose."""
    writer.wait_for(number + 1)
    choices = writer.requests[number].choices
    assert choices is not None
    writer.futures[number].set_result(Generation(choices.options[0].text, (0,), 1, 1, 0.0))


def test_a_digest_is_watched_to_its_end_and_read_in_every_format(served: Running) -> None:
    place = begin(served, day="latest")
    events = list(served.events(f"{place}/events"))
    names = [event.name for event in events]
    assert names[0] == "progress"
    assert names.count("summary") == 2
    assert names[-1] == "digest"
    job = events[-1].data
    documents.FinishedJobShape.model_validate(job)
    assert (job["state"], job["done"], job["total"], job["day"]) == ("done", 2, 2, "2026-01-06")
    assert [s["text"] for s in job["result"]["summaries"]] == [
        s["text"] for s in served.client.get(place).json()["result"]["summaries"]
    ]
    # Who looks later is told the same.
    later = list(served.events(f"{place}/events"))
    assert [event.name for event in later] == ["progress", "summary", "summary", "digest"]
    assert later[-1].data == job
    markdown = served.client.get(f"{place}/document?format=md")
    assert "# Papers of 2026-01-06" in markdown.text
    html = served.client.get(f"{place}/document?format=html")
    assert html.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in html.headers["content-security-policy"]
    assert served.client.get(f"{place}/document?format=json").json()["papers"] == 2
    ElementTree.fromstring(served.client.get(f"{place}/document?format=atom").text)  # noqa: S314 - our own feed
    assert served.client.get("/api/v1/digests").json()["digests"][0]["id"] == job["id"]


def test_a_cancelled_digest_goes_on_where_it_stopped(home: Path) -> None:
    writer = HeldEngine()
    with running(home, writer=writer) as run:
        until_ready(run)
        place = begin(run, **RANGE)
        write(writer, 0)
        writer.wait_for(3)
        wait_until(lambda: run.client.get(place).json()["done"] == 1)
        assert run.post(f"{place}/cancel", {}).json()["state"] == "cancelled"
        wait_until(lambda: all(future.done() for future in writer.futures))
        assert run.client.get(f"{place}/document").status_code == 409
        assert run.post(f"{place}/resume", {}).json()["state"] == "waiting"
        for number in (3, 4):
            write(writer, number)
        wait_until(lambda: state(run, place) == "done")
        assert len(writer.requests) == 5
        assert run.post(f"{place}/resume", {}).status_code == 409


def test_the_next_process_goes_on_with_what_was_left_and_makes_nothing_twice(home: Path) -> None:
    first, second = HeldEngine(), HeldEngine()
    with running(home, writer=first, grace=0.5) as run:
        until_ready(run)
        place = begin(run, **RANGE)
        write(first, 0)
        first.wait_for(3)
        wait_until(lambda: run.client.get(place).json()["done"] == 1)
    assert [future.cancelled() for future in first.futures] == [False, True, True]
    with running(home, writer=second) as run:
        until_ready(run)
        for number in range(2):
            write(second, number)
        wait_until(lambda: state(run, place) == "done")
        assert len(second.requests) == 2
        assert len(run.client.get(place).json()["result"]["summaries"]) == 3


def test_digests_are_made_one_after_the_other_and_one_that_waits_can_be_cancelled(home: Path) -> None:
    writer = HeldEngine()
    with running(home, writer=writer) as run:
        until_ready(run)
        first, second = begin(run, **RANGE), begin(run, day="2026-01-05")
        writer.wait_for(3)
        assert (state(run, first), state(run, second)) == ("running", "waiting")
        assert run.post(f"{second}/cancel", {}).json()["state"] == "cancelled"
        for number in range(3):
            write(writer, number)
        wait_until(lambda: state(run, first) == "done")
        assert len(writer.requests) == 3


def test_a_paper_that_fails_is_listed_and_the_others_go_on(home: Path) -> None:
    writer = HeldEngine()
    with running(home, writer=writer) as run:
        until_ready(run)
        place = begin(run, **RANGE)
        write(writer, 0)
        writer.fail(1, EngineError("the writer has no opinion"))
        write(writer, 2)
        wait_until(lambda: state(run, place) == "done")
        result = run.client.get(place).json()["result"]
        assert len(result["summaries"]) == 2
        assert "no opinion" in result["failures"][0]["reason"]


def test_a_question_goes_before_a_digest(home: Path) -> None:
    writer = HeldEngine()
    with running(home, writer=writer) as run:
        until_ready(run)
        begin(run, **RANGE)
        writer.wait_for(3)
        asked = threading.Thread(
            target=lambda: list(run.events("/api/v1/ask", {"question": QUESTION, "mode": "free"})),
            daemon=True,
        )
        asked.start()
        writer.wait_for(4)
        assert [request.batch for request in writer.requests] == [True, True, True, False]
        writer.fail(3, EngineError("enough"))
        asked.join(20)


def test_leaving_a_digest_does_not_end_it(home: Path) -> None:
    writer = HeldEngine()
    with running(home, writer=writer) as run:
        until_ready(run)
        place = begin(run, **RANGE)
        events = run.events(f"{place}/events")
        next(events)
        events.close()  # type: ignore[attr-defined]
        for number in range(3):
            write(writer, number)
        wait_until(lambda: state(run, place) == "done")


def test_a_digest_that_was_made_before_needs_no_writer(home: Path) -> None:
    writer = ScriptedEngine()
    with running(home, writer=writer) as run:
        until_ready(run)
        for expected in (3, 3):
            place = begin(run, **RANGE)
            wait_until(lambda place=place: state(run, place) == "done")
            assert len(writer.requests) == expected
