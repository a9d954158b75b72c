"""The JSON documents: names, shapes and values as contract.md promises them, and nothing that JSON does not know."""

import json
from datetime import date
from typing import Any

from service.contract import (
    answer_document,
    digest_document,
    ingest_document,
    search_document,
    summary_document,
    verification_document,
)
from service.types import (
    Answer,
    Claim,
    Digest,
    Failure,
    Hit,
    IngestReport,
    Paper,
    Passage,
    Provenance,
    Quote,
    Summary,
    Verdict,
    Verification,
)

QUOTE = Quote(paper_id="2401.1", text="We save 84\\% “memory”.", start=3, end=25)
PAPER = Paper(paper_id="2401.1", title="Émilie <b>", abstract="An abstract.", published=date(2024, 1, 2))
UNDATED = Paper(paper_id="t2", title="Undated", abstract="An abstract.", listed=date(2024, 1, 3))
CLAIM = Claim(text="It saves 84%.", citations=(1, 2), quotes=(QUOTE,), verdict=Verdict.MISCITED, reason="why")
CLAIM_DOCUMENT = {
    "text": "It saves 84%.",
    "verdict": "miscited",
    "citations": [1, 2],
    "quotes": [{"paper_id": "2401.1", "text": "We save 84\\% “memory”."}],
}
PROVENANCE = Provenance(engine="writer", mode="quotes", seed=7, prompt="chat/answer-1@ab", seconds=0.25)


def through_json(document: dict[str, Any]) -> Any:
    """The document as a script reads it; fails on what JSON does not know."""
    return json.loads(json.dumps(document, ensure_ascii=False, allow_nan=False))


def summary() -> Summary:
    return Summary(
        paper_id="2401.1", title="T", text="It saves 84%.", length="sentence", claims=(CLAIM,), provenance=PROVENANCE
    )


def test_the_document_of_an_ingest() -> None:
    report = IngestReport(
        papers=426, added=1, updated=2, unchanged=3, duplicates=99, failures=(Failure(where="f:1", reason="r"),),
        seconds=1.5,
    )  # fmt: skip
    assert through_json(ingest_document(report)) == {
        "papers": 426,
        "added": 1,
        "updated": 2,
        "unchanged": 3,
        "duplicates": 99,
        "failures": [{"where": "f:1", "reason": "r"}],
        "seconds": 1.5,
    }


def test_the_document_of_a_search_has_one_hit_per_paper_in_the_order_given() -> None:
    hits = [Hit(paper=PAPER, quote=QUOTE, score=0.75), Hit(paper=UNDATED, quote=QUOTE, score=0.5)]
    quote = "We save 84\\% “memory”."
    assert through_json(search_document("memory?", hits)) == {
        "query": "memory?",
        "hits": [
            {"paper_id": "2401.1", "title": "Émilie <b>", "published": "2024-01-02", "score": 0.75, "quote": quote},
            {"paper_id": "t2", "title": "Undated", "published": None, "score": 0.5, "quote": quote},
        ],
    }
    assert search_document("none", []) == {"query": "none", "hits": []}


def test_the_document_of_an_answer() -> None:
    passages = (
        Passage(marker=1, hit=Hit(paper=PAPER, quote=QUOTE, score=0.9)),
        Passage(marker=2, hit=Hit(paper=UNDATED, quote=QUOTE, score=0.4)),
    )
    answer = Answer(
        question="Q?", text="It saves 84%. [1]", abstained=False, kind="list", claims=(CLAIM,), passages=passages,
        provenance=PROVENANCE,
    )  # fmt: skip
    document = through_json(answer_document(answer))
    provenance = document.pop("provenance")
    assert document == {
        "question": "Q?",
        "text": "It saves 84%. [1]",
        "abstained": False,
        "kind": "list",
        "claims": [CLAIM_DOCUMENT],
        "papers": [
            {"marker": 1, "paper_id": "2401.1", "title": "Émilie <b>", "score": 0.9},
            {"marker": 2, "paper_id": "t2", "title": "Undated", "score": 0.4},
        ],
    }
    assert (provenance["engine"], provenance["mode"], provenance["seed"]) == ("writer", "quotes", 7)


def test_the_document_of_an_abstention_has_its_reason_and_no_claims() -> None:
    answer = Answer(
        question="Q?", text="None of the papers.", abstained=True, kind="factoid", claims=(), passages=(),
        provenance=Provenance(engine="extractive", reason="none of the papers answers this"),
    )  # fmt: skip
    document = through_json(answer_document(answer))
    assert (document["abstained"], document["claims"], document["papers"]) == (True, [], [])
    assert document["provenance"]["reason"] == "none of the papers answers this"


def test_the_document_of_a_summary() -> None:
    document = through_json(summary_document(summary()))
    assert set(document) == {"paper_id", "title", "text", "claims", "provenance"}
    assert (document["paper_id"], document["title"], document["text"]) == ("2401.1", "T", "It saves 84%.")
    assert document["claims"] == [CLAIM_DOCUMENT]


def test_the_document_of_a_digest_has_its_summaries_and_what_failed() -> None:
    digest = Digest(
        day="2024-01-02", papers=2, summaries=(summary(),), failures=(Failure(where="t2", reason="the writer failed"),)
    )
    document = through_json(digest_document(digest))
    assert set(document) == {"day", "papers", "summaries", "failures"}
    assert (document["day"], document["papers"]) == ("2024-01-02", 2)
    assert document["summaries"] == [through_json(summary_document(summary()))]
    assert document["failures"] == [{"where": "t2", "reason": "the writer failed"}]


def test_the_document_of_a_verification_gives_the_reason_of_each_verdict() -> None:
    verification = Verification(score=0.5, faithful=False, claims=(CLAIM,))
    assert through_json(verification_document(verification)) == {
        "score": 0.5,
        "faithful": False,
        "claims": [CLAIM_DOCUMENT | {"reason": "why"}],
    }
