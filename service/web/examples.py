"""What each route answers, with an example of it."""

import json
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST

from service.web.documents import (
    EVENTS,
    AnswersShape,
    CategoriesShape,
    DaysShape,
    FinishedJobShape,
    HealthShape,
    IngestShape,
    JobShape,
    JobsShape,
    KeptAnswerShape,
    ModelsShape,
    NumberedAnswer,
    OpenAiShape,
    PapersShape,
    SearchShape,
    SuggestShape,
    SummaryShape,
    VerifyShape,
    WholePaperShape,
    described,
    described_texts,
)

ATOM, JSON_FEED = "application/atom+xml", "application/feed+json"
DIGEST_MEDIA_TYPES = {
    "md": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "atom": ATOM,
    "txt": "text/plain; charset=utf-8",
}
_PAPER: dict[str, Any] = {
    "paper_id": "t7e06ace18a7",
    "title": "Make Pre-trained Model Reversible: From Parameter to Memory Efficient Fine-Tuning",
    "published": "2023-06-01",
    "listed": None,
    "authors": [],
    "n_authors": 3,
    "categories": [],
    "url": None,
    "comments": 1,
    "upvotes": None,
}
_QUOTE = "MEFT significantly reduces the activation memory up to 84% of full fine-tuning."
_CLAIM = {
    "text": _QUOTE,
    "verdict": "supported",
    "citations": [1],
    "quotes": [{"paper_id": _PAPER["paper_id"], "text": _QUOTE}],
}
_PROVENANCE = {
    "engine": "paperboy-writer-trial-f16",
    "engine_fingerprint": "0b9f2c6f1d3e4a57",
    "prompt": "trial/answer-1@5a8d3c1b2e4f6071",
    "mode": "quotes",
    "seed": 0,
    "prompt_tokens": 181,
    "output_tokens": 74,
    "seconds": 0.05,
    "index_fingerprint": "9c1d2e3f4a5b6c7d",
    "searched": 426,
    "judged": 60,
    "listed": 1,
    "reason": "",
}
_ANSWER = {
    "question": "by how much does MEFT cut activation memory?",
    "text": f"{_QUOTE} [1]",
    "abstained": False,
    "kind": "factoid",
    "claims": [_CLAIM],
    "papers": [{"marker": 1, "paper_id": _PAPER["paper_id"], "title": _PAPER["title"], "score": 0.71}],
    "provenance": _PROVENANCE,
}
_SUMMARY = {
    "paper_id": _PAPER["paper_id"],
    "title": _PAPER["title"],
    "text": _QUOTE,
    "claims": [_CLAIM],
    "provenance": _PROVENANCE,
}
_JOB = {
    "id": "x3Vd0pQy7a1b",
    "kind": "digest",
    "day": "2023-07-27",
    "state": "running",
    "done": 3,
    "total": 12,
    "created": "2026-05-02T07:00:00+00:00",
    "problem": None,
}
_TIME = "2026-05-02T07:00:00+00:00"
_ANSWER_LINE = {
    "id": "q1W2e3R4t5Y6",
    "created": _TIME,
    "question": _ANSWER["question"],
    "abstained": False,
    "kind": "factoid",
}
_RETRIEVED = {
    "paper_id": _PAPER["paper_id"],
    "title": _PAPER["title"],
    "score": 0.71,
    "cosine": 0.62,
    "terms": ["MEFT", "memory"],
}


def _events(*said: tuple[str, object]) -> str:
    """A stream as it is sent."""
    return "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in said)


_ANSWER_EVENTS = _events(
    ("token", {"text": "MEFT significantly reduces "}),
    ("claim", {"index": 0, "claim": _CLAIM}),
    ("answer", _ANSWER | {"id": "q1W2e3R4t5Y6"}),
)
_SUMMARY_EVENTS = _events(("token", {"text": _QUOTE}), ("claim", {"index": 0, "claim": _CLAIM}), ("summary", _SUMMARY))
_DIGEST_EVENTS = _events(
    ("progress", {"done": 1, "total": 1}),
    ("summary", _SUMMARY),
    ("digest", _JOB | {"state": "done", "done": 1, "total": 1}),
)
_CHUNK = {
    "id": "chatcmpl-q1W2e3R4t5Y6",
    "object": "chat.completion.chunk",
    "created": 1_777_705_200,
    "model": "paperboy",
}
_CHAT_EVENTS = "".join(
    f"data: {data}\n\n"
    for data in (
        json.dumps(_CHUNK | {"choices": [{"index": 0, "delta": {"content": _QUOTE}, "finish_reason": None}]}),
        "[DONE]",
    )
)
_ATOM_FEED = f"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <title>Papers of 2023-07-27</title>
  <entry><title>{_PAPER["title"]}</title><summary>{_QUOTE}</summary></entry>
</feed>
"""
_JSON_FEED = json.dumps(
    {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "which papers reduce activation memory?",
        "items": [{"id": _PAPER["paper_id"], "title": _PAPER["title"], "content_text": _QUOTE}],
    }
)
_DIGEST_TEXTS = {
    DIGEST_MEDIA_TYPES["md"]: f"# Papers of 2023-07-27\n\n## {_PAPER['title']}\n\n{_QUOTE}\n",
    DIGEST_MEDIA_TYPES["html"]: f"<!doctype html>\n<title>Papers of 2023-07-27</title>\n<p>{_QUOTE}</p>\n",
    DIGEST_MEDIA_TYPES["json"]: json.dumps({"day": "2023-07-27", "papers": 1, "summaries": [_SUMMARY], "failures": []}),
    ATOM: _ATOM_FEED,
    DIGEST_MEDIA_TYPES["txt"]: f"Papers of 2023-07-27\n\n{_PAPER['title']}\n{_QUOTE}\n",
}
_METRICS = """# HELP paperboy_waiting Requests that somebody waits for.
# TYPE paperboy_waiting gauge
paperboy_waiting 0.0
paperboy_answers_total{abstained="true"} 3.0
"""

OF_PAPERS = described(PapersShape, {"papers": [_PAPER], "total": 426, "next": "1"})
OF_PAPER = described(
    WholePaperShape,
    _PAPER
    | {
        "abstract": _QUOTE,
        "sentences": [{"start": 0, "end": len(_QUOTE)}],
        "summaries": {"sentence": _QUOTE, "paragraph": None},
    },
    404,
)
OF_DAYS = described(DaysShape, {"days": [{"day": "2023-07-27", "papers": 12}]})
OF_CATEGORIES = described(CategoriesShape, {"categories": [{"category": "cs.CL", "papers": 97}]})
OF_INGEST = described(
    IngestShape,
    {"papers": 427, "added": 1, "updated": 0, "unchanged": 0, "duplicates": 0, "failures": [], "seconds": 0.1},
    *(403, 408, 413, 415),
)
_BODY = (403, 408, 413, 415)
OF_SEARCH = described(
    SearchShape,
    {
        "query": "activation memory",
        "hits": [
            {
                "paper_id": _PAPER["paper_id"],
                "title": _PAPER["title"],
                "published": _PAPER["published"],
                "score": 0.83,
                "quote": _QUOTE,
            }
        ],
    },
    *(409, *_BODY),
)
OF_SUGGEST = described(SuggestShape, {"titles": [_PAPER["title"]]}, *_BODY)
OF_ASK = described(NumberedAnswer, _ANSWER | {"id": "q1W2e3R4t5Y6"}, *(409, 502, 504, *_BODY), stream=_ANSWER_EVENTS)
OF_ANSWER = described(
    KeptAnswerShape, {"id": "q1W2e3R4t5Y6", "created": _TIME, "answer": _ANSWER, "retrieved": [_RETRIEVED]}, 404
)
OF_ANSWERS = described(AnswersShape, {"answers": [_ANSWER_LINE], "next": None})
OF_SUMMARY = described(SummaryShape, _SUMMARY, *(404, 409, 502, 504, *_BODY), stream=_SUMMARY_EVENTS)
OF_NEW_DIGEST = described(JobShape, _JOB | {"state": "waiting", "done": 0}, *(409, *_BODY), status=202)
OF_DIGESTS = described(JobsShape, {"digests": [_JOB]})
OF_DIGEST = described(FinishedJobShape, _JOB, 404)
OF_DIGEST_CHANGE = described(JobShape, _JOB, 404, 409, *_BODY)
OF_DIGEST_EVENTS = described_texts("The digest as it is made.", 404, examples={EVENTS: _DIGEST_EVENTS})
OF_DIGEST_DOCUMENT = described_texts("The digest as a text.", 404, 409, examples=_DIGEST_TEXTS)
OF_VERIFY = described(VerifyShape, {"score": 1.0, "faithful": True, "claims": [_CLAIM | {"reason": ""}]}, *_BODY)
OF_MODELS = described(ModelsShape, {"models": [{"name": "all-MiniLM-L6-v2-Q8_0.gguf", "path": "…"}]})
OF_HEALTH = described(HealthShape, {"status": "alive"})
_USAGE = {"prompt_tokens": 181, "completion_tokens": 74, "total_tokens": 255}
OF_CHAT = described(
    OpenAiShape,
    {
        "id": "chatcmpl-q1W2e3R4t5Y6",
        "object": "chat.completion",
        "created": 1_777_705_200,
        "model": "paperboy",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": f"{_QUOTE} [1]\n\n[1] {_PAPER['title']}"},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": _USAGE,
        "citations": [
            {"marker": 1, "paper_id": _PAPER["paper_id"], "title": _PAPER["title"], "url": None, "quotes": [_QUOTE]}
        ],
    },
    *(409, 502, 504, *_BODY),
    stream=_CHAT_EVENTS,
)
OF_EMBEDDINGS = described(
    OpenAiShape,
    {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.01, -0.07]}],
        "model": "all-MiniLM-L6-v2-Q8_0.gguf",
        "usage": {"prompt_tokens": 2, "total_tokens": 2},
    },
    *_BODY,
)
OF_MODEL_NAMES = described(
    OpenAiShape,
    {"object": "list", "data": [{"id": "paperboy", "object": "model", "created": 0, "owned_by": "paperboy"}]},
)
OF_METRICS = described_texts("Counters and gauges.", examples={CONTENT_TYPE_LATEST: _METRICS})
OF_LATEST_FEED = described_texts("An Atom feed.", 404, examples={ATOM: _ATOM_FEED})
OF_WATCH_FEED = described_texts("An Atom feed.", 404, 409, examples={ATOM: _ATOM_FEED})
OF_WATCH_JSON = described_texts("A JSON Feed.", 404, 409, examples={JSON_FEED: _JSON_FEED})
