"""Feeds for any feed reader: the latest digest, and each saved question."""

from fastapi import APIRouter, Response

from service.answer.feeds import to_atom_feed, to_json_feed
from service.answer.render import to_atom
from service.answer.watching import Feed
from service.editions import Editions
from service.index.jobs import JobState
from service.web.examples import ATOM, JSON_FEED, OF_LATEST_FEED, OF_WATCH_FEED, OF_WATCH_JSON
from service.web.problems import Refusal
from service.web.service import Service, ServiceOf

router = APIRouter(tags=["feeds"])
_DIGESTS = 100


@router.get("/feed.atom", **OF_LATEST_FEED)
async def latest_digest(service: ServiceOf) -> Response:
    """The newest digest that is done."""
    jobs = await service.digests.newest(_DIGESTS)
    done = next((job for job in jobs if job.state is JobState.DONE), None)
    made = await service.digests.result(done.id) if done else None
    if made is None:
        raise Refusal(404, "no-digest", "no digest has been made by this service yet: POST /api/v1/digests")
    interests = service.settings.interests
    edition = await service.do(lambda library: Editions(library, interests).make(made))
    return Response(to_atom(edition), media_type=ATOM)


@router.get("/watches/{number}.atom", **OF_WATCH_FEED)
async def atom_of_watch(service: ServiceOf, number: int) -> Response:
    """What was found for a saved question, as Atom."""
    return Response(to_atom_feed(await _feed(service, number)), media_type=ATOM)


@router.get("/watches/{number}.json", **OF_WATCH_JSON)
async def json_of_watch(service: ServiceOf, number: int) -> Response:
    """The same as JSON Feed."""
    return Response(to_json_feed(await _feed(service, number)), media_type=JSON_FEED)


async def _feed(service: Service, number: int) -> Feed:
    feed = await service.do(lambda library: Editions(library, ()).feed(number))
    if feed is None:
        raise Refusal(404, "watch-not-found", "no saved question has this number")
    return feed
