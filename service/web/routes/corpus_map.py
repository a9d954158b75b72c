"""The map of the corpus."""

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from service.contract import Document
from service.index.corpus_map import MOST_POINTS, kept_map, map_source
from service.index.home import Home
from service.web.documents import described
from service.web.service import ServiceOf

router = APIRouter(prefix="/api/v1", tags=["papers"])


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PointShape(_Shape):
    """A paper as a point of the unit square."""

    paper_id: str
    title: str
    x: float = Field(ge=0, le=1)
    y: float = Field(ge=0, le=1)
    topic: int


class TopicShape(_Shape):
    """A topic with its most typical terms."""

    topic: int
    terms: list[str]
    papers: int


class MapShape(_Shape):
    """The newest papers as points, newest first, and the topics, the largest first."""

    points: list[PointShape] = Field(max_length=MOST_POINTS)
    topics: list[TopicShape]
    papers: int
    """Papers in the catalog, of which the points may be a part."""


_EXAMPLE = {
    "points": [
        {"paper_id": "t7e06ace18a7", "title": "Make Pre-trained Model Reversible", "x": 0.61, "y": 0.34, "topic": 0}
    ],
    "topics": [{"topic": 0, "terms": ["parameter-efficient fine-tuning", "LoRA"], "papers": 1}],
    "papers": 1,
}


@router.get("/map", **described(MapShape, _EXAMPLE))
async def corpus_map(service: ServiceOf) -> Document:
    """The papers as points of a plane, so that those on like subjects lie near each other, and their topics."""
    source = await service.do(lambda library: map_source(library.workbench().stores))
    # Seconds for thousands of papers: neither the event loop nor the library's thread may wait for it.
    made = await asyncio.to_thread(kept_map, source, Home(service.settings.home).map)
    return {
        "points": [point._asdict() for point in made.points],
        "topics": [
            {"topic": number, "terms": list(topic.terms), "papers": topic.papers}
            for number, topic in enumerate(made.topics)
        ],
        "papers": made.papers,
    }
