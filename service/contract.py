"""Records as the JSON documents that scripts rely on; field names and shapes are fixed."""

from collections.abc import Sequence
from typing import Any

from service.types import Answer, Claim, Digest, Failure, Hit, IngestReport, Summary, Verification

Document = dict[str, Any]


def ingest_document(report: IngestReport) -> Document:
    """`ingest`."""
    return report.model_dump(exclude={"near_duplicates"}) | {"failures": _failures(report.failures)}


def search_document(query: str, hits: Sequence[Hit]) -> Document:
    """`search`: one hit per paper, best first."""
    return {
        "query": query,
        "hits": [
            {
                "paper_id": hit.paper.paper_id,
                "title": hit.paper.title,
                "published": hit.paper.published.isoformat() if hit.paper.published else None,
                "score": hit.score,
                "quote": hit.quote.text,
            }
            for hit in hits
        ],
    }


def answer_document(answer: Answer) -> Document:
    """`ask`: `papers` are those that the answer rests on, best first."""
    return {
        "question": answer.question,
        "text": answer.text,
        "abstained": answer.abstained,
        "kind": answer.kind,
        "claims": [_claim(claim) for claim in answer.claims],
        "papers": [
            {
                "marker": passage.marker,
                "paper_id": passage.hit.paper.paper_id,
                "title": passage.hit.paper.title,
                "score": passage.hit.score,
            }
            for passage in answer.passages
        ],
        "provenance": answer.provenance.model_dump(),
    }


def summary_document(summary: Summary) -> Document:
    """`summarize`."""
    return {
        "paper_id": summary.paper_id,
        "title": summary.title,
        "text": summary.text,
        "claims": [_claim(claim) for claim in summary.claims],
        "provenance": summary.provenance.model_dump(),
    }


def digest_document(digest: Digest) -> Document:
    """`digest`."""
    return {
        "day": digest.day,
        "papers": digest.papers,
        "summaries": [summary_document(summary) for summary in digest.summaries],
        "failures": _failures(digest.failures),
    }


def verification_document(verification: Verification) -> Document:
    """`verify`: with the reason for each verdict."""
    return {
        "score": verification.score,
        "faithful": verification.faithful,
        "claims": [_claim(claim) | {"reason": claim.reason} for claim in verification.claims],
    }


def _claim(claim: Claim) -> Document:
    return {
        "text": claim.text,
        "verdict": claim.verdict.value,
        "citations": list(claim.citations),
        "quotes": [{"paper_id": quote.paper_id, "text": quote.text} for quote in claim.quotes],
    }


def _failures(failures: Sequence[Failure]) -> list[Document]:
    return [failure.model_dump() for failure in failures]
