"""A digest posted to a webhook of this machine: once, as Slack reads it, and without telling the address."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest

from service.delivery.once import Outcome, Result, deliver
from service.delivery.webhook import WebhookCarrier, checked_webhook, slack_document
from service.errors import SettingsError
from tests.answer.editions import edition, paper
from tests.delivery.conftest import Ledger
from tests.delivery.mail_server import free_port


class Hook(NamedTuple):
    """A webhook that runs, and what was posted to it."""

    url: str
    posted: list[dict[str, Any]]
    answers: list[int]
    """Statuses of the next answers; 0 ends the connection. Then 200."""


@contextmanager
def hook() -> Iterator[Hook]:
    posted: list[dict[str, Any]] = []
    answers: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            status = answers.pop(0) if answers else 200
            if status:
                self.send_response(status)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Hook(f"http://127.0.0.1:{server.server_address[1]}/secret-path", posted, answers)
        server.shutdown()
        thread.join()


def post(ledger: Ledger, url: str) -> Outcome:
    (outcome,) = deliver(ledger, edition("It is so."), [WebhookCarrier(checked_webhook(url))])
    return outcome


def test_a_digest_is_posted_once(ledger: Ledger) -> None:
    with hook() as run:
        assert [post(ledger, run.url).result for _ in range(2)] == [Result.SENT, Result.ALREADY]
        assert [document["text"] for document in run.posted] == ["Papers of 2023-07-27: 1 paper."]


@pytest.mark.parametrize("status", [400, 404, 429, 503, 307])
def test_what_was_not_taken_for_certain_is_posted_the_next_time(ledger: Ledger, status: int) -> None:
    with hook() as run:
        run.answers.append(status)
        refused = post(ledger, run.url)
        assert (refused.result, str(status) in refused.reason) == (Result.REFUSED, True)
        assert post(ledger, run.url).result is Result.SENT


@pytest.mark.parametrize("status", [0, 500, 502])
def test_what_may_have_been_taken_is_not_posted_again(ledger: Ledger, status: int) -> None:
    with hook() as run:
        run.answers.append(status)
        assert [post(ledger, run.url).result for _ in range(2)] == [Result.UNSURE] * 2
        assert len(run.posted) == 1


def test_the_address_is_told_nowhere(ledger: Ledger) -> None:
    outcome = post(ledger, f"http://127.0.0.1:{free_port()}/secret-path")
    assert outcome.result is Result.REFUSED
    assert "secret-path" not in str(outcome)
    assert not [row for row in ledger.connection.iterdump() if "secret-path" in row]


@pytest.mark.parametrize(
    "url", ["", "http://hooks.example.org/secret", "ftp://x/secret", "https://", "secret", "https://[secret"]
)
def test_an_address_that_is_none_or_in_plain_text_is_refused_without_telling_it(url: str) -> None:
    with pytest.raises(SettingsError) as raised:
        checked_webhook(url)
    assert "secret" not in str(raised.value)


def texts(document: dict[str, Any]) -> list[str]:
    return [block["text"]["text"] for block in document["blocks"]]


def test_no_text_becomes_a_mention_a_link_or_emphasis() -> None:
    hostile = "<!channel> <https://evil|click> *bold* _x_ `code` & more"
    document = slack_document(
        edition(hostile, of=paper(hostile, "https://x.org/a|b>c&d"), terms=(hostile,), reason=hostile)
    )
    marked = "".join(block["text"]["text"] for block in document["blocks"] if block["text"]["type"] == "mrkdwn")
    assert "<!channel>" not in marked
    assert "<https://evil" not in marked
    assert "<https://x.org/a%7Cb%3Ec&amp;d|" in marked
    assert "*bold*" not in marked


def test_a_large_digest_keeps_to_the_bounds_of_slack() -> None:
    many = edition(*["word " * 300] * 400, of=paper("title " * 60), terms=("memory",))
    one = many.sections[0]
    document = slack_document(many._replace(sections=tuple(one._replace(entries=one.entries[:8]) for _ in range(60))))
    assert len(document["blocks"]) <= 50
    assert all(0 < len(text) <= 3_000 for text in texts(document))
    assert len(document["text"]) <= 150
