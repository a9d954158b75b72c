"""The shapes of the answers, for the OpenAPI document; `contract.py` and the routes make them."""

from collections.abc import Mapping
from typing import Any, Literal

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from service.settings import Mode
from service.types import QuestionKind, Verdict
from service.web.problems import MEDIA_TYPE, Problem

EVENTS = "text/event-stream"
Kwargs = dict[str, Any]
"""Of a route's decorator."""
_REFUSALS = {
    400: "The request cannot be read, or is of a foreign host.",
    401: "A key is missing or wrong.",
    403: "Another site sent it.",
    404: "There is no such thing.",
    405: "The route does not serve this method.",
    408: "The request did not come in time.",
    409: "The catalog has no papers yet.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    422: "A field makes no sense.",
    429: "Too many requests with this key.",
    500: "The service failed.",
    502: "The writer failed.",
    503: "Too many requests wait, or a model is not there.",
    504: "The writer took too long.",
    507: "The catalog cannot be written.",
}
_WITH_RETRY = {429, 503}
_RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Quoted(_Shape):
    """A verbatim span."""

    paper_id: str
    text: str


class ClaimShape(_Shape):
    """One sentence with the check of it."""

    text: str
    verdict: Verdict
    citations: list[int]
    quotes: list[Quoted]


class CheckedClaim(ClaimShape):
    """With the reason for the verdict."""

    reason: str


class CitedPaper(_Shape):
    """A paper that an answer rests on."""

    marker: int
    paper_id: str
    title: str
    score: float


class ProvenanceShape(_Shape):
    """What made a text."""

    engine: str
    engine_fingerprint: str
    prompt: str
    mode: Mode | Literal[""]
    seed: int | None
    prompt_tokens: int
    output_tokens: int
    seconds: float
    index_fingerprint: str
    searched: int
    judged: int
    listed: int
    reason: str


class AnswerShape(_Shape):
    """As `paperboy ask --json` prints it."""

    question: str
    text: str
    abstained: bool
    kind: QuestionKind
    claims: list[ClaimShape]
    papers: list[CitedPaper]
    provenance: ProvenanceShape


class NumberedAnswer(AnswerShape):
    """With the id under which it is kept."""

    id: str


class RetrievedShape(_Shape):
    """Why a paper was looked at."""

    paper_id: str
    title: str
    score: float
    cosine: float | None
    terms: list[str]


class KeptAnswerShape(_Shape):
    """An answer as it was given."""

    id: str
    created: str
    answer: AnswerShape
    retrieved: list[RetrievedShape]


class AnswerLineShape(_Shape):
    """One of the answers."""

    id: str
    created: str
    question: str
    abstained: bool
    kind: QuestionKind


class AnswersShape(_Shape):
    """Answers, newest first."""

    answers: list[AnswerLineShape]
    next: str | None


class PaperShape(_Shape):
    """A paper without its abstract."""

    paper_id: str
    title: str
    published: str | None
    listed: str | None
    authors: list[str]
    n_authors: int | None
    categories: list[str]
    url: str | None
    comments: int | None
    upvotes: int | None


class SpanShape(_Shape):
    """Characters of the abstract."""

    start: int
    end: int


class MadeSummaries(_Shape):
    """Those that were made."""

    sentence: str | None
    paragraph: str | None


class WholePaperShape(PaperShape):
    """With its abstract."""

    abstract: str
    sentences: list[SpanShape]
    summaries: MadeSummaries


class PapersShape(_Shape):
    """A part of the catalog."""

    papers: list[PaperShape]
    total: int
    next: str | None


class DayShape(_Shape):
    """A day."""

    day: str
    papers: int


class DaysShape(_Shape):
    """Ascending."""

    days: list[DayShape]


class CategoryShape(_Shape):
    """A category."""

    category: str
    papers: int


class CategoriesShape(_Shape):
    """Most papers first."""

    categories: list[CategoryShape]


class FailureShape(_Shape):
    """What could not be taken in or made."""

    where: str
    reason: str


class IngestShape(_Shape):
    """As `paperboy ingest --json` prints it."""

    papers: int
    added: int
    updated: int
    unchanged: int
    duplicates: int
    failures: list[FailureShape]
    seconds: float


class HitShape(_Shape):
    """A paper with the sentence nearest to the query."""

    paper_id: str
    title: str
    published: str | None
    score: float
    quote: str


class SearchShape(_Shape):
    """As `paperboy search --json` prints it."""

    query: str
    hits: list[HitShape]


class SuggestShape(_Shape):
    """Titles."""

    titles: list[str]


class SummaryShape(_Shape):
    """As `paperboy summarize --json` prints it."""

    paper_id: str
    title: str
    text: str
    claims: list[ClaimShape]
    provenance: ProvenanceShape


class DigestShape(_Shape):
    """As `paperboy digest --json` prints it."""

    day: str
    papers: int
    summaries: list[SummaryShape]
    failures: list[FailureShape]


class JobShape(_Shape):
    """A digest and how far it is."""

    id: str
    kind: Literal["digest"]
    day: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    done: int
    total: int
    created: str
    problem: str | None


class FinishedJobShape(JobShape):
    """With the digest once it is done."""

    result: DigestShape | None = None


class JobsShape(_Shape):
    """Newest first."""

    digests: list[JobShape]


class VerifyShape(_Shape):
    """As `paperboy verify --json` prints it."""

    score: float = Field(ge=0, le=1)
    faithful: bool
    claims: list[CheckedClaim]


class ModelsShape(_Shape):
    """As `paperboy models list --json` prints it."""

    models: list[dict[str, Any]]


class OpenAiShape(BaseModel):
    """As OpenAI's API describes it."""

    model_config = ConfigDict(extra="allow")

    object: str


class HealthShape(_Shape):
    """Alive, or ready."""

    status: Literal["alive", "ready"]


def described(shape: type[BaseModel], example: object, *refusals: int, status: int = 200, stream: str = "") -> Kwargs:
    """What a route answers, for its decorator.

    Args:
        shape: of the JSON document.
        example: one.
        refusals: statuses of its problems, beside those that every route has.
        status: of the answer.
        stream: the same as events, where it can be had so: an example of them.
    """
    content: dict[str, Any] = {"application/json": {"example": example}}
    if stream:
        # Without a schema: what describes a stream event by event came with OpenAPI 3.2.
        content[EVENTS] = {"example": stream}
    responses: dict[int | str, Any] = {status: {"model": shape, "description": shape.__doc__, "content": content}}
    return {"response_model": None, "status_code": status, "responses": responses | problems(*refusals)}


def described_texts(description: str, *refusals: int, examples: Mapping[str, str]) -> Kwargs:
    """The same of a route that answers texts: an example for each media type."""
    texts = {"description": description, "content": {name: {"example": text} for name, text in examples.items()}}
    return {"response_class": Response, "response_model": None, "responses": {200: texts} | problems(*refusals)}


def problems(*refusals: int) -> dict[int | str, Any]:
    """Problem documents of a route."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": _REFUSALS[status],
            "content": {MEDIA_TYPE: {"schema": schema}},
            **({"headers": _RETRY_AFTER} if status in _WITH_RETRY else {}),
        }
        for status in sorted({400, 401, 422, 429, 500, 503, 507, *refusals})
    }


def problem_schema() -> dict[str, Any]:
    """The schema that `problems` refers to."""
    return Problem.model_json_schema()
