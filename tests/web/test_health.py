"""Whether the service is ready: the models are there and the stores agree; and that an upgrade is seen at once."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from service.library import Library
from service.web.desk import Urgency
from tests.web.serving import Running, running, until_ready


def change(run: Running, work: Callable[[Library], object]) -> None:
    """Have something long done with the library, as an ingest is."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(run.service.do(work, Urgency.LONG))
    finally:
        loop.close()


def test_an_answer_is_sent_at_once_and_not_held_back_for_more(served: Running) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b"200 OK" in connection.recv(65_536)
        theirs = [one.transport.get_extra_info("socket") for one in served.server.server_state.connections]
        assert theirs
        assert all(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in theirs)


def test_it_is_not_ready_while_the_vector_store_has_other_chunks_than_the_catalog(home: Path) -> None:
    with running(home) as run:
        until_ready(run)
        run.service.desk.do(lambda library: library.stores.vectors().clear()).result(20)
        paper = {"title": "Delta", "abstract": "We propose Delta. It is quick."}
        assert run.post("/api/v1/papers", {"papers": [paper]}).status_code == 200
        refused = run.client.get("/readyz")
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:paperboy:problem:stores-disagree")
        assert "the vector store has 1 chunks and the catalog 4" in refused.json()["detail"]
        assert int(refused.headers["retry-after"]) > 0
        assert run.client.get("/healthz").status_code == 200
        change(run, lambda library: library.reindex())
        assert run.client.get("/readyz").status_code == 200


def test_it_is_not_ready_while_the_lexical_index_has_other_papers_than_the_catalog(home: Path) -> None:
    with running(home) as run:
        until_ready(run)
        change(run, lambda library: library.stores.lexical.clear())
        assert "the lexical index has 0 papers and the catalog 3" in run.client.get("/readyz").json()["detail"]


def test_a_change_that_fails_is_looked_at_too_and_a_store_that_cannot_be_read_is_no_readiness(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_library: Library) -> None:
        raise ValueError("no")

    with running(home) as run:
        until_ready(run)
        monkeypatch.setattr(run.service.desk.library.stores, "disagreement", lambda: 1 / 0)
        with pytest.raises(ValueError, match="no"):
            change(run, fail)
        assert "a store cannot be read (ZeroDivisionError)" in run.client.get("/readyz").json()["detail"]


@pytest.mark.parametrize("path", ["/", "/static/js/main.js", "/static/icon.svg"])
def test_a_browser_asks_again_for_the_page_and_its_files_and_gets_only_what_is_new(served: Running, path: str) -> None:
    first = served.client.get(path)
    assert first.headers["cache-control"] == "no-cache"
    again = served.client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "no-cache"
    assert served.client.get(path, headers={"If-None-Match": '"another"'}).content == first.content
