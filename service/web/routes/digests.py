"""Digests: begun, watched, cancelled, taken up again, read."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.sse import format_sse_event

from service.console import digest_text
from service.contract import Document
from service.editions import Editions
from service.index.jobs import Job, JobState
from service.web.bodies import Body, DigestBody, EmptyBody
from service.web.digests import job_document
from service.web.examples import (
    DIGEST_MEDIA_TYPES,
    OF_DIGEST,
    OF_DIGEST_CHANGE,
    OF_DIGEST_DOCUMENT,
    OF_DIGEST_EVENTS,
    OF_DIGESTS,
    OF_NEW_DIGEST,
)
from service.web.problems import Refusal
from service.web.service import Service, ServiceOf
from service.web.streams import EventStream, encode

router = APIRouter(prefix="/api/v1/digests", tags=["digests"])
_MOST = 100


class DocumentQuery(Body):
    """In which format."""

    format: Literal["md", "html", "json", "atom", "txt"] = "md"


@router.post("", **OF_NEW_DIGEST)
async def begin(service: ServiceOf, response: Response, body: DigestBody) -> Document:
    """Begin the digest of a day or of a range of days."""
    job = await service.digests.add("latest" if body.day == "latest" else "", body.condition(), body.mode)
    response.headers["Location"] = f"/api/v1/digests/{job.id}"
    return job_document(job)


@router.get("", **OF_DIGESTS)
async def digests(service: ServiceOf) -> Document:
    """The newest digests and how far they are."""
    return {"digests": [job_document(job) for job in await service.digests.newest(_MOST)]}


@router.get("/{job_id}", **OF_DIGEST)
async def digest(service: ServiceOf, job_id: str) -> Document:
    """One digest, with its result once it is done."""
    return await service.digests.document(await _found(service, job_id))


@router.get("/{job_id}/events", **OF_DIGEST_EVENTS)
async def watch(service: ServiceOf, job_id: str) -> EventStream:
    """A digest as it is made: `progress` and `summary`, then `digest`. Leaving does not end it."""
    job = await _found(service, job_id)

    async def events() -> Any:
        async for event in service.digests.watch(job):
            yield encode(*event) if event else format_sse_event(comment="")

    return EventStream(events(), lambda: None)


@router.post("/{job_id}/cancel", **OF_DIGEST_CHANGE)
async def cancel(service: ServiceOf, job_id: str, _body: EmptyBody) -> Document:
    """Give it up; the summaries that were made stay."""
    return job_document(await service.digests.cancel(await _found(service, job_id)))


@router.post("/{job_id}/resume", **OF_DIGEST_CHANGE)
async def resume(service: ServiceOf, job_id: str, _body: EmptyBody) -> Document:
    """Take it up again where it stopped."""
    return job_document(await service.digests.resume(await _found(service, job_id)))


@router.get("/{job_id}/document", **OF_DIGEST_DOCUMENT)
async def text(service: ServiceOf, job_id: str, query: Annotated[DocumentQuery, Query()]) -> Response:
    """The digest as a text to read or to subscribe to."""
    job = await _found(service, job_id)
    made = await service.digests.result(job.id) if job.state is JobState.DONE else None
    if made is None:
        raise Refusal(409, "not-done", f"this digest is {job.state}")
    interests = service.settings.interests
    edition = await service.do(lambda library: Editions(library, interests).make(made))
    return Response(digest_text(query.format, edition), media_type=DIGEST_MEDIA_TYPES[query.format])


async def _found(service: Service, job_id: str) -> Job:
    job = await service.digests.get(job_id)
    if job is None:
        raise Refusal(404, "digest-not-found", "no digest has this id")
    return job
