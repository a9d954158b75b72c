"""What the service counts, for Prometheus."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from service.ports import Generation
from service.types import Claim

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """One set of counters; no label has what somebody asked."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
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
