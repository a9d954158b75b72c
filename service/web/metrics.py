"""What the service counts, for Prometheus."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from service.ports import Generation
from service.types import Claim, Verdict

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SPAN_SECONDS = 60.0


class Speed:
    """How much came in a second, over the last minute; from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._came: deque[tuple[float, int]] = deque()

    def add(self, amount: int) -> None:
        """So much came now."""
        with self._lock:
            self._came.append((self._clock(), amount))
            self._forget()

    def __call__(self) -> float:
        """The mean."""
        with self._lock:
            self._forget()
            return sum(amount for _, amount in self._came) / _SPAN_SECONDS

    def _forget(self) -> None:
        begin = self._clock() - _SPAN_SECONDS
        while self._came and self._came[0][0] <= begin:
            self._came.popleft()


class Metrics:
    """One set of counters; no label has what somebody asked."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._speed = Speed()
        self.gauge("paperboy_tokens_per_second", "Tokens written a second, over the last minute.", self._speed)
        self._requests = Counter(
            "paperboy_requests", "Requests by route and status.", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "paperboy_request_seconds", "Until the last byte.", ("route",), buckets=_SECONDS, registry=self.registry
        )
        self._tokens = Counter("paperboy_tokens", "Tokens read and written.", ("kind",), registry=self.registry)
        self._writing = Counter(
            "paperboy_writing_seconds", "Spent on texts, which share steps: their sum.", registry=self.registry
        )
        self._texts = Counter(
            "paperboy_texts", "Texts, by whether they were kept from before.", ("kept",), registry=self.registry
        )
        self._answers = Counter(
            "paperboy_answers", "Answers given or withheld.", ("abstained",), registry=self.registry
        )
        self._claims = Counter("paperboy_claims", "Claims by verdict.", ("verdict",), registry=self.registry)
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """What has not happened yet is 0 and not absent: else a first unsupported claim is no increase to anybody."""
        for verdict in Verdict:
            self._claims.labels(verdict.value)
        for answer in ("true", "false"):
            self._answers.labels(answer)
            self._texts.labels(answer)
        for kind in ("prompt", "output"):
            self._tokens.labels(kind)

    def gauge(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        """Report a value as it is whenever somebody looks."""
        Gauge(name, help_text, registry=self.registry).set_function(value)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def generation(self, made: Generation, kept: bool) -> None:
        """A text was written, or was there already."""
        self._texts.labels(str(kept).lower()).inc()
        if not kept:
            self._tokens.labels("prompt").inc(made.prompt_tokens)
            self._tokens.labels("output").inc(made.output_tokens)
            self._writing.inc(made.seconds)
            self._speed.add(made.output_tokens)

    def claims(self, claims: Iterable[Claim]) -> None:
        """Claims were checked."""
        for claim in claims:
            self._claims.labels(claim.verdict.value).inc()

    def answer(self, abstained: bool) -> None:
        """A question was answered, or the answer withheld."""
        self._answers.labels(str(abstained).lower()).inc()

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)
