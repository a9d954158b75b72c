"""Summaries of papers and of texts, and the check of a text against its source."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from service.answer.running import Steps
from service.checking import check_texts
from service.contract import Document, summary_document, verification_document
from service.library import Library
from service.types import Summary
from service.web.bodies import SummaryBody, VerifyBody
from service.web.examples import OF_SUMMARY, OF_VERIFY
from service.web.service import ServiceOf
from service.web.streams import Event, stream_text, wants_events, while_there

router = APIRouter(prefix="/api/v1", tags=["summaries"])


@router.post("/summaries", **OF_SUMMARY)
async def summarize(service: ServiceOf, request: Request, body: SummaryBody) -> Any:
    """A summary of a paper by its id or title, or of a text; streamed as an answer is, with `summary` at the end."""

    def steps(library: Library) -> Steps[Summary]:
        if body.abstract is not None:
            return library.summarizing_text(body.title, body.abstract, body.length, body.mode)
        return library.summarizing(body.paper_id or "", body.length, body.mode)

    def start(on_text: Any) -> Any:
        return service.desk.write(steps, on_text, lambda made: made.text)

    def events(made: Summary) -> list[Event]:
        service.metrics.claims(made.claims)
        document = summary_document(made)
        checked: list[Event] = [
            ("claim", {"index": index, "claim": claim}) for index, claim in enumerate(document["claims"])
        ]
        return [*checked, ("summary", document)]

    if wants_events(request):
        return stream_text(request, start, events)
    made: Summary = await while_there(request, start(None))
    service.metrics.claims(made.claims)
    return summary_document(made)


@router.post("/verify", **OF_VERIFY)
async def verify(body: VerifyBody) -> Document:
    """A text claim by claim against its source: numbers, names, wording."""
    return verification_document(await run_in_threadpool(check_texts, body.source, body.summary))
