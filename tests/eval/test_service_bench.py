"""The parts of the service's benchmark, without a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eval.bench.http_load import Load, Outcome, percentiles, pulse, rate, run_load
from eval.bench.service import crowd_row, health_row, written_prompts
from service.library import Library


class Answers(BaseHTTPRequestHandler):
    """Says what the path asks for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b"{}")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name above
        """Nothing."""

    def _answer(self, body: bytes) -> None:
        if self.path == "/closed":
            self.close_connection = True
            return
        self.send_response(503 if self.path.startswith("/busy") else 200)
        if self.path == "/busy":
            self.send_header("Retry-After", "3")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def answering() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_requests_are_answered_refused_or_lost() -> None:
    bodies = ({"n": 0}, {"n": 1})
    with answering() as url:
        served = run_load(Load(f"{url}/", bodies, clients=3, requests=5))
        busy, without_time, closed = (
            run_load(Load(f"{url}/{path}", bodies))[0] for path in ("busy", "busy2", "closed")
        )
    assert sorted(outcome.document["n"] for outcome in served) == [0, 0, 0, 1, 1]
    assert all(outcome.answered and not outcome.refused for outcome in served)
    assert busy.refused
    assert (without_time.status, without_time.refused) == (503, False)
    assert (closed.status, closed.answered, closed.refused) == (0, False, False)
    row = crowd_row([*served, busy, without_time, closed], {"service": 100.0})
    assert "5 answered, 1 refused, 2 lost" in row.figure
    assert row.ok is False
    assert crowd_row([*served, busy], {}).ok


def test_a_pulse_goes_on_until_it_is_ended() -> None:
    with answering() as url, pulse(f"{url}/", 0.01) as beats:
        while_it_beats = run_load(Load(f"{url}/", requests=3))
        assert beats == []
    assert len(while_it_beats) == 3
    assert beats
    assert all(beat.answered for beat in beats)


def test_a_health_check_that_waits_or_is_not_answered_misses_its_bound() -> None:
    quick = [Outcome(200, 0.01, 0.0)] * 99
    assert health_row(quick).ok
    assert health_row([*quick, Outcome(200, 0.2, 0.0)]).ok is False
    assert health_row([*quick, Outcome(0, 0.01, 0.0)]).ok is False


def test_a_rate_counts_from_the_first_request_to_the_last_answer() -> None:
    assert rate([Outcome(200, 2.0, 10.0), Outcome(200, 1.0, 13.0)]) == pytest.approx(2 / 4)
    with pytest.raises(SystemExit, match="1 of 2 requests were not answered"):
        rate([Outcome(200, 1.0, 0.0), Outcome(503, 1.0, 0.0)])


def test_percentiles_are_values_that_occurred() -> None:
    values = [number / 1_000 for number in range(1, 101)]
    assert percentiles(values, 50, 95, 99, 100) == pytest.approx([50, 95, 99, 100])
    assert percentiles([0.004], 50, 100) == pytest.approx([4, 4])


def test_the_other_server_is_given_the_prompt_that_the_service_writes_with(sample: Library) -> None:
    questions = ["by how much does MEFT cut activation memory?", "what is the newest paper?"]
    written = list(written_prompts(sample, questions))
    assert [item.question for item in written] == questions[:1]
    body = written[0].body
    assert "84%" in str(body["messages"])
    assert body["max_tokens"] > 1
