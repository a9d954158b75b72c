"""Search and questions, and the answers that were given."""

from concurrent.futures import Future
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from service.contract import Document, search_document
from service.ports import OnText
from service.web.asking import Asked, asked
from service.web.bodies import AskBody, PageQuery, SearchBody, SuggestBody
from service.web.examples import OF_ANSWER, OF_ANSWERS, OF_ASK, OF_SEARCH, OF_SUGGEST
from service.web.problems import Refusal
from service.web.service import Service, ServiceOf
from service.web.streams import Event, stream_text, wants_events, while_there

router = APIRouter(prefix="/api/v1", tags=["questions"])


@router.post("/search", **OF_SEARCH)
async def search(service: ServiceOf, body: SearchBody) -> Document:
    """The best papers, each with the sentence nearest to the query, which may have operators."""
    hits = await service.do(lambda library: library.search(body.query, body.k, body.condition()))
    return search_document(body.query, hits)


@router.post("/suggest", **OF_SUGGEST)
async def suggest(service: ServiceOf, body: SuggestBody) -> Document:
    """Titles for what has been typed so far."""
    return {"titles": await service.do(lambda library: library.suggest(body.text, body.k))}


@router.post("/ask", **OF_ASK)
async def ask(service: ServiceOf, request: Request, body: AskBody) -> Any:
    """An answer with checked citations.

    With `Accept: text/event-stream` it comes as it is written: `token`, then each `claim` with its verdict, then the
    whole `answer`; or `error`.
    """
    asking = _Asking(service, body)
    if wants_events(request):
        return stream_text(request, asking.start, asking.events)
    return asking.document(await while_there(request, asking.start(None)))


@router.get("/answers", **OF_ANSWERS)
async def answers(service: ServiceOf, query: Annotated[PageQuery, Query()]) -> Document:
    """The answers that were given, newest first."""
    before = int(query.cursor) if query.cursor else None
    lines = await service.do(lambda _library: service.answers.newest(query.limit, before))
    return {
        "answers": [
            {
                "id": line.answer_id,
                "created": line.created,
                "question": line.question,
                "abstained": line.abstained,
                "kind": line.kind,
            }
            for line in lines
        ],
        "next": str(lines[-1].number) if len(lines) == query.limit else None,
    }


@router.get("/answers/{answer_id}", **OF_ANSWER)
async def answer(service: ServiceOf, answer_id: str) -> Document:
    """An answer as it was given, and why each paper was retrieved for it."""
    kept = await service.do(lambda _library: service.answers.get(answer_id))
    if kept is None:
        raise Refusal(404, "answer-not-found", "no answer has this id")
    return {
        "id": kept.answer_id,
        "created": kept.created,
        "answer": kept.document,
        "retrieved": [item.model_dump(mode="json") for item in kept.retrieved],
    }


class _Asking:
    """One question and how its answer is told."""

    def __init__(self, service: Service, body: AskBody) -> None:
        self._service, self._body = service, body

    def start(self, on_text: OnText | None) -> Future[Asked]:
        """Begin."""
        body = self._body
        return self._service.desk.write(
            lambda library: asked(self._service, library, body.question, body.mode, body.k),
            on_text,
            lambda made: made.answer.text,
        )

    def document(self, made: Asked) -> Document:
        """The answer with its id."""
        return made.kept.document | {"id": made.kept.answer_id}

    def events(self, made: Asked) -> list[Event]:
        """The last events of a stream."""
        claims = enumerate(made.kept.document["claims"])
        checked: list[Event] = [("claim", {"index": index, "claim": claim}) for index, claim in claims]
        return [*checked, ("answer", self.document(made))]
