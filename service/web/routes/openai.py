"""What programs made for OpenAI's API need: chat completions over the catalog, the models, embeddings.

The last message of the user is the question; the answer has its citations as footnotes and in `citations`. Parameters
that shape sampling are taken and have no effect: how a text is written is the service's setting.
"""

import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import format_sse_event
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from service.contract import Document
from service.errors import InputError, PaperboyError
from service.ports import Vector
from service.types import Answer
from service.web import problems
from service.web.asking import Asked, asked
from service.web.examples import OF_CHAT, OF_EMBEDDINGS, OF_MODEL_NAMES
from service.web.service import ServiceOf
from service.web.streams import EventStream, Growing, pieces, while_there

router = APIRouter(prefix="/v1", tags=["openai"])
MODEL = "paperboy"
_LONGEST = 100_000
_MOST_INPUTS = 256


class Lenient(BaseModel):
    """Clients of OpenAI's API send fields that come and go, so unknown ones are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class TextPart(Lenient):
    """A part of a message."""

    type: Literal["text"]
    text: Annotated[str, Field(max_length=_LONGEST)]


class ChatMessage(Lenient):
    """One turn."""

    role: Annotated[str, Field(max_length=50)]
    content: Annotated[str, Field(max_length=_LONGEST)] | list[TextPart] | None = None

    def text(self) -> str:
        """What it says."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(Lenient):
    """What a stream has beside the text."""

    include_usage: StrictBool = False


class ChatBody(Lenient):
    """A chat of which the last question is answered."""

    model: Annotated[str, Field(max_length=200, examples=[MODEL])] = MODEL
    messages: Annotated[
        list[ChatMessage],
        Field(min_length=1, max_length=500, examples=[[{"role": "user", "content": "what reduces memory?"}]]),
    ]
    stream: StrictBool = False
    stream_options: StreamOptions | None = None

    def question(self) -> str:
        """The last message of the user.

        Raises:
            InputError: there is none.
        """
        said = [message.text() for message in self.messages if message.role == "user"]
        if not said or not said[-1].strip():
            raise InputError("no message of the user has a question")
        return said[-1]


class EmbeddingsBody(Lenient):
    """Texts to embed."""

    model: Annotated[str, Field(max_length=200)] = MODEL
    input: (
        Annotated[str, Field(min_length=1, max_length=_LONGEST, examples=["activation memory"])]
        | Annotated[
            list[Annotated[str, Field(min_length=1, max_length=_LONGEST)]],
            Field(min_length=1, max_length=_MOST_INPUTS),
        ]
    )
    encoding_format: Literal["float", "base64"] = "float"

    def texts(self) -> list[str]:
        """One or many."""
        return [self.input] if isinstance(self.input, str) else self.input


@router.get("/models", **OF_MODEL_NAMES)
async def models(service: ServiceOf) -> Document:
    """The one model: answers over the catalog; and the embedder."""
    names = (MODEL, service.settings.embedder)
    return {"object": "list", "data": [{"id": n, "object": "model", "created": 0, "owned_by": MODEL} for n in names]}


@router.post("/embeddings", **OF_EMBEDDINGS)
async def embeddings(service: ServiceOf, body: EmbeddingsBody) -> Document:
    """Unit vectors of texts, as questions are embedded; what exceeds the embedder's window is cut."""
    texts = body.texts()
    embedder = await service.do(lambda library: library.workbench().embedder)

    def embed() -> tuple[list[Vector], int]:
        return [embedder.embed_query(text) for text in texts], sum(embedder.count_each(texts))

    # The embedder is for many threads, and so many texts would keep the library's own from the others.
    vectors, tokens = await run_in_threadpool(embed)
    data = [
        {"object": "embedding", "index": index, "embedding": _encoded(vector, body.encoding_format)}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": service.settings.embedder, "usage": usage}


@router.post("/chat/completions", **OF_CHAT)
async def chat(service: ServiceOf, request: Request, body: ChatBody) -> Any:
    """The last question, answered over the catalog."""
    question = body.question()

    def start(on_text: Callable[[str], None] | None) -> Future[Asked]:
        return service.desk.write(
            lambda library: asked(service, library, question), on_text, lambda made: made.answer.text
        )

    if body.stream:
        growing = Growing()
        future = start(growing.tell)
        future.add_done_callback(lambda _done: growing.tell(None))
        usage = bool(body.stream_options and body.stream_options.include_usage)
        return EventStream(_chunks(request.url.path, growing, future, usage), future.cancel)
    made = await while_there(request, start(None))
    message = {"role": "assistant", "content": made.answer.text + footnotes(made.answer)}
    head = {"id": f"chatcmpl-{made.kept.answer_id}", "object": "chat.completion", "created": int(time.time())}
    return head | {
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": _usage(made.answer),
        "citations": citations(made.answer),
    }


async def _chunks(path: str, growing: Growing, future: "Future[Asked]", usage: bool) -> AsyncIterator[bytes]:
    """The text as it grows, then footnotes and `citations`, in the form that OpenAI's clients read."""
    head = {"id": f"chatcmpl-{id(future):x}", "object": "chat.completion.chunk", "created": int(time.time())}

    def chunk(delta: Document, finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return _data(head | {"model": MODEL, "choices": [choice]} | more)

    yield chunk({"role": "assistant", "content": ""})
    async for piece in pieces(growing):
        yield chunk({"content": piece}) if piece is not None else format_sse_event(comment="")
    try:
        made = future.result()
    except Exception as error:  # noqa: BLE001 - the response has begun: the client learns of it by an event
        if not isinstance(error, PaperboyError):
            problems.log_unexpected(error)
        document = problems.document_of(error, path)
        yield _data({"error": {"message": document["detail"], "type": document["type"], "code": document["status"]}})
        return
    yield chunk({"content": footnotes(made.answer)})
    yield chunk({}, "stop", citations=citations(made.answer))
    if usage:
        yield _data(head | {"model": MODEL, "choices": [], "usage": _usage(made.answer)})
    yield format_sse_event(data_str="[DONE]")


def citations(answer: Answer) -> list[Document]:
    """The papers of an answer with the sentences of theirs that are quoted."""
    quotes: dict[str, list[str]] = {}
    for quote in (quote for claim in answer.claims for quote in claim.quotes):
        quotes.setdefault(quote.paper_id, []).append(quote.text)
    return [
        {
            "marker": passage.marker,
            "paper_id": passage.hit.paper.paper_id,
            "title": passage.hit.paper.title,
            "url": passage.hit.paper.url,
            "quotes": quotes.get(passage.hit.paper.paper_id, []),
        }
        for passage in answer.passages
    ]


def footnotes(answer: Answer) -> str:
    """The papers of an answer as lines below it; nothing where it rests on none."""
    lines = [
        f"[{passage.marker}] {passage.hit.paper.title} ({passage.hit.paper.url or passage.hit.paper.paper_id})"
        for passage in answer.passages
    ]
    return "\n\n" + "\n".join(lines) if lines else ""


def _usage(answer: Answer) -> Document:
    made = answer.provenance
    total = made.prompt_tokens + made.output_tokens
    return {"prompt_tokens": made.prompt_tokens, "completion_tokens": made.output_tokens, "total_tokens": total}


def _encoded(vector: Vector, form: str) -> list[float] | str:
    if form == "base64":
        return base64.b64encode(vector.astype(np.float32).tobytes()).decode()
    return [float(value) for value in vector]


def _data(document: Document) -> bytes:
    return format_sse_event(data_str=json.dumps(document, ensure_ascii=False))
