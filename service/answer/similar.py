"""Papers like a named one, without it: the nearest to its title, each with the sentence that is nearest."""

import time

from service.answer.lookup import paper_known
from service.answer.workbench import Workbench
from service.answer.write import claims_text, quoted_claim
from service.index.catalog import Stored
from service.index.plan import Plan
from service.text import counted
from service.types import Answer, Claim, Hit, Passage, Verdict

_USUAL = 10
"""Papers that are given where the question names no number."""


def answer_similar(bench: Workbench, question: str, plan: Plan, most: int) -> Answer | None:
    """The papers nearest to the title of the one that the plan names; `None` where no paper is known by that name.

    No writer takes part: what is near is measured, and the sentences are the papers' own.
    """
    start = time.perf_counter()
    paper = paper_known(bench, plan.subjects[0])
    if paper is None:
        return None
    # On 138 papers of the sample pages, ten found so had 0.39 of the other papers that the same list question wants,
    # by the cosine of the vectors 0.36. The abstract behind the title adds 0.03 and takes six seconds.
    ranking = bench.stores.retriever.rank(paper.title, plan.condition)
    nearest = [found for found in ranking.candidates if found.row != paper.row]
    nearest = nearest[: min(most, plan.limit or _USUAL)]
    papers = bench.stores.catalog.at_rows([found.row for found in nearest])
    sentences = bench.stores.retriever.near_sentences(ranking, list(papers.values()))
    passages = []
    for marker, found in enumerate(nearest, start=1):
        one = papers[found.row]
        hit = Hit(paper=one, quote=sentences[one.paper_id][0].quote, score=round(found.fused, 6))
        passages.append(Passage(marker=marker, hit=hit))
    claims = _claims(paper, passages)
    reason = "" if passages else f"no other paper that fits is near “{paper.title}”"
    provenance = bench.provenance("extractive", start).model_copy(
        update={"searched": ranking.searched, "listed": len(passages), "reason": reason}
    )
    return Answer(
        question=question,
        text=claims_text(claims) if claims else f"{reason[0].upper()}{reason[1:]}.",
        abstained=not passages,
        kind="list",
        claims=tuple(claims),
        passages=tuple(passages),
        provenance=provenance,
    )


def _claims(paper: Stored, passages: list[Passage]) -> list[Claim]:
    """First which paper was meant, then a sentence of each paper."""
    if not passages:
        return []
    first = Claim(
        text=f"{counted(len(passages), 'paper')} nearest to “{paper.title}”",
        citations=tuple(passage.marker for passage in passages),
        quotes=tuple(passage.hit.quote for passage in passages),
        verdict=Verdict.SUPPORTED,
        reason="measured by the search",
    )
    return [first, *(quoted_claim(passage.hit.quote, passage.marker) for passage in passages)]
