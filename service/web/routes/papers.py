"""Papers: listed, looked up, counted by day and category, taken in."""

import io
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query

from service.answer.summarize import kept_summary
from service.contract import Document, ingest_document
from service.errors import PaperNotFoundError
from service.index.catalog import Order, Stored
from service.index.results import Results
from service.library import Library
from service.sentences import sentence_spans
from service.settings import Mode
from service.sources import jsonl
from service.types import Filter, Paper
from service.web.bodies import DaysQuery, PapersBody, PapersQuery
from service.web.desk import Urgency
from service.web.documents import PaperShape
from service.web.examples import OF_CATEGORIES, OF_DAYS, OF_INGEST, OF_PAPER, OF_PAPERS
from service.web.service import ServiceOf

router = APIRouter(prefix="/api/v1", tags=["papers"])
_ORDERS: dict[str, Order] = {
    "newest": "newest",
    "oldest": "oldest",
    "upvotes": "most_upvotes",
    "comments": "most_comments",
}


@router.get("/papers", **OF_PAPERS)
async def papers(service: ServiceOf, query: Annotated[PapersQuery, Query()]) -> Document:
    """A part of the catalog."""
    offset = int(query.cursor or 0)

    def read(library: Library) -> tuple[list[Stored], int]:
        catalog = library.workbench().stores.catalog
        condition = query.condition()
        found = catalog.select(condition, _ORDERS[query.order], query.limit, offset=offset)
        return found, catalog.number(condition)

    found, total = await service.do(read)
    end = offset + len(found)
    return {
        "papers": [paper_document(paper) for paper in found],
        "total": total,
        "next": str(end) if found and end < total else None,
    }


@router.get("/days", **OF_DAYS)
async def days(service: ServiceOf, query: Annotated[DaysQuery, Query()]) -> Document:
    """Days with the number of their papers, ascending."""
    condition = Filter(since=query.since, until=query.until)
    found = await service.do(lambda library: library.workbench().stores.catalog.days(condition))
    return {"days": [{"day": day.isoformat(), "papers": count} for day, count in found]}


@router.get("/categories", **OF_CATEGORIES)
async def categories(service: ServiceOf) -> Document:
    """Categories with the number of their papers, most first."""
    found = await service.do(lambda library: library.workbench().stores.catalog.categories())
    return {"categories": [{"category": name, "papers": count} for name, count in found]}


@router.post("/papers", **OF_INGEST)
async def add_papers(service: ServiceOf, body: PapersBody) -> Document:
    """Take in papers: records as in the JSON lines that `paperboy ingest` reads."""
    lines = "\n".join(json.dumps(record, ensure_ascii=False) for record in body.papers)

    def take_in(library: Library) -> Document:
        records = jsonl.parse(io.BytesIO(lines.encode(errors="replace")), "request")
        report = library.ingest_records(records, lambda _what, _done, _total: service.desk.let_others_in())
        return ingest_document(report)

    # Goes on when the client leaves: what it sent is stored whole.
    return await service.do(take_in, Urgency.LONG)


@router.get("/papers/{paper_id:path}", **OF_PAPER)
async def paper(service: ServiceOf, paper_id: str) -> Document:
    """One paper with its abstract, the places of its sentences, and the summaries that were made."""
    return await service.do(lambda library: _whole_paper(library, paper_id, service.settings.mode))


def paper_document(paper: Paper) -> Document:
    """A paper without its abstract."""
    return paper.model_dump(include=set(PaperShape.model_fields), mode="json")


def _whole_paper(library: Library, paper_id: str, mode: Mode) -> Document:
    bench = library.workbench()
    found = bench.stores.catalog.get(paper_id)
    if found is None:
        raise PaperNotFoundError(f"no paper has the id {paper_id[:80]}")
    kept = Results(bench.stores.database)
    summaries: dict[str, Any] = {}
    for length in ("sentence", "paragraph"):
        summary = kept_summary(bench, kept, found, length, mode)
        summaries[length] = summary.text if summary else None
    spans = sentence_spans(found.abstract)
    return paper_document(found) | {
        "abstract": found.abstract,
        "sentences": [{"start": start, "end": end} for start, end in spans],
        "summaries": summaries,
    }
