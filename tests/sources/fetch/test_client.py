"""The polite client against a server that behaves and one that does not."""

import gzip
import json
import time
from typing import Any

import httpx2
import pytest

from service.errors import FetchError
from service.sources.fetch.client import Limits, PoliteClient, Service
from service.sources.fetch.wanted import MissingError, NotModifiedError
from tests.sources.fetch.site import Reply, Site

HOST = "export.arxiv.org"
URL = f"https://{HOST}/list?day=1"
SERVICE = Service("arXiv", frozenset((HOST, "rss.arxiv.org")), 3.0)
FAST = Limits(connect=2.0, read=0.3, whole=1.0)


class Kept(dict[str, str]):
    """What is kept between processes."""

    def put(self, name: str, value: str) -> None:
        self[name] = value

    def delete(self, name: str) -> None:
        self.pop(name, None)


class Waits(list[float]):
    """Waits without waiting, and says how long it would have been."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def client(site: Site, memory: Kept | None = None, **values: Any) -> PoliteClient:
    """A client for which the server here is a mirror of the service."""
    values = {"note": lambda _: None, "sleep": Waits(), **values}
    return PoliteClient(
        SERVICE, memory if memory is not None else Kept(), mirrors={HOST: httpx2.URL(site.url)}, **values
    )


def text_of(found: PoliteClient, url: str = URL) -> str:
    return found.get(url).content.decode()


def test_an_answer_is_fetched_from_the_mirror_with_the_name_of_the_program(site: Site) -> None:
    site.replies(Reply(b"papers"))
    assert text_of(client(site)) == "papers"
    (asked,) = site.asked
    assert (asked.path, asked.query) == ("/list", {"day": "1"})
    assert asked.headers["user-agent"].startswith("paperboy/")


def test_a_gzipped_answer_is_unpacked_and_a_bomb_is_refused(site: Site) -> None:
    encoded = (("Content-Encoding", "gzip"),)
    site.replies(Reply(gzip.compress(b"papers " * 1_000), headers=encoded))
    assert text_of(client(site)) == "papers " * 1_000
    site.replies(Reply(gzip.compress(bytes(50 * 2**20)), headers=encoded))
    with pytest.raises(FetchError, match="expands more than"):
        client(site).get(URL)


def test_a_compression_that_was_not_asked_for_is_refused(site: Site) -> None:
    site.replies(Reply(b"papers", headers=(("Content-Encoding", "br"),)))
    with pytest.raises(FetchError, match="not asked for"):
        client(site).get(URL)


def test_an_answer_without_an_end_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.sources.fetch.client._MOST_BYTES", 100_000)
    site.replies(Reply(b"x" * 1_000_000))
    with pytest.raises(FetchError, match="in one answer"):
        client(site).get(URL)


FAULTS = {
    "too many requests": Reply(status=429),
    "an error of the server": Reply(status=500),
    "a server that is busy": Reply(b"<html>later</html>", status=503),
    "a connection that ends in the middle": Reply(b"papers" * 100, cut=50),
    "a gzipped answer that ends in the middle": Reply(
        gzip.compress(b"papers" * 100)[:-9], headers=(("Content-Encoding", "gzip"),)
    ),
    "a server that says nothing": Reply(b"papers", pause=1.0),
    "a server that says a byte now and then": Reply(b"papers" * 100, drip=0.1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_may_pass_is_tried_again_after_a_while(site: Site, fault: str) -> None:
    site.replies(FAULTS[fault], FAULTS[fault], Reply(b"papers"))
    waits = Waits()
    assert text_of(client(site, limits=FAST, sleep=waits)) == "papers"
    assert [2 <= waits[0] <= 2.5, 4 <= waits[1] <= 5] == [True, True]


def test_what_does_not_pass_is_given_up_with_one_clear_line(site: Site) -> None:
    site.replies(Reply(status=503))
    with pytest.raises(FetchError, match=r"HTTP 503, also after 6 tries; .* goes on from there"):
        client(site).get(URL)
    assert len(site.asked) == 6


def test_a_server_that_cannot_be_reached_is_said_to_be(site: Site) -> None:
    found = client(site)
    site.close()
    site._server = Site()._server
    with pytest.raises(FetchError, match="cannot be reached"):
        found.get(URL)


def test_a_wait_that_is_asked_for_is_kept_and_a_long_one_ends_the_fetch(site: Site) -> None:
    waits = Waits()
    site.replies(Reply(status=429, headers=(("Retry-After", "17"),)), Reply(b"papers"))
    assert text_of(client(site, sleep=waits)) == "papers"
    assert 17 <= waits[0] <= 22
    site.replies(Reply(status=429, headers=(("Retry-After", "7200"),)))
    with pytest.raises(FetchError, match="come back in 120 minutes"):
        client(site).get(URL)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, MissingError), (404, MissingError), (403, FetchError), (451, FetchError)]
)
def test_a_refusal_is_not_tried_again_and_its_words_are_cleaned(site: Site, status: int, kind: type[Exception]) -> None:
    site.replies(Reply("no\x1b[31m such \u202elist\r\nSet-Cookie: x".encode(), status=status))
    with pytest.raises(kind) as caught:
        client(site).get(URL)
    assert f"HTTP {status}): no[31m such list Set-Cookie: x" in str(caught.value)
    assert len(site.asked) == 1


def test_only_what_is_new_is_asked_for(site: Site) -> None:
    memory = Kept()
    said = (("ETag", '"v1"'), ("Last-Modified", "Tue, 09 Apr 2024 00:00:00 GMT"))
    site.replies(Reply(b"papers", headers=said), Reply(status=304))
    first = client(site, memory)
    body = first.get(URL)
    assert "fetch validators" not in str(memory), "kept only once the papers are stored"
    first.keep(body)
    with pytest.raises(NotModifiedError, match=URL.replace("?", r"\?")):
        client(site, memory).get(URL)
    assert site.asked[1].headers["if-none-match"] == '"v1"'
    assert site.asked[1].headers["if-modified-since"] == "Tue, 09 Apr 2024 00:00:00 GMT"
    assert json.loads(memory[f"fetch validators {URL}"])["etag"] == '"v1"'


def test_what_was_kept_and_cannot_be_read_is_forgotten(site: Site) -> None:
    site.replies(Reply(b"papers"))
    for damage in ("{", "[1]", "null"):
        assert text_of(client(site, Kept({f"fetch validators {URL}": damage, "fetch last arXiv": damage}))) == "papers"


def test_a_service_is_not_asked_too_soon_also_not_by_the_next_process() -> None:
    memory, waits = Kept({"fetch last arXiv": str(time.time() - 1)}), Waits()
    asking = PoliteClient(SERVICE, memory, mirrors={}, note=lambda _: None, sleep=waits)
    asking._take_turn()
    assert 1.5 < waits[0] <= 2.0
    asking._take_turn()
    assert 2.5 < waits[1] <= 3.0


def test_a_clock_that_was_set_back_makes_nobody_wait() -> None:
    waits = Waits()
    kept = Kept({"fetch last arXiv": str(time.time() + 10**6)})
    PoliteClient(SERVICE, kept, mirrors={}, note=lambda _: None, sleep=waits)._take_turn()
    assert waits == []
