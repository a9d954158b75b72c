"""A question on its way through the service: answered, counted, kept with what was retrieved for it."""

from typing import NamedTuple

from service.answer.find import Findings, retrieved
from service.answer.running import Steps
from service.contract import answer_document
from service.index.answer_log import KeptAnswer
from service.library import Library
from service.settings import Mode
from service.types import Answer, Retrieved
from service.web.service import Service


class Asked(NamedTuple):
    """An answer, and under which id it is kept."""

    answer: Answer
    kept: KeptAnswer


def asked(
    service: Service, library: Library, question: str, mode: Mode | None = None, most: int | None = None
) -> Steps[Asked]:  # fmt: skip
    """Answer a question for somebody, as steps for the desk."""
    found: list[Findings] = []
    answer = yield from library.asking(question, mode, most, on_findings=found.append)
    service.metrics.answer(answer.abstained)
    service.metrics.claims(answer.claims)
    evidence = retrieved(found[0]) if found else _without_findings(answer)
    return Asked(answer, service.answers.put(answer_document(answer), evidence))


def _without_findings(answer: Answer) -> tuple[Retrieved, ...]:
    """Of an answer that needed no search by meaning: its papers."""
    return tuple(
        Retrieved(
            paper_id=passage.hit.paper.paper_id,
            title=passage.hit.paper.title,
            score=passage.hit.score,
            cosine=None,
            terms=(),
        )
        for passage in answer.passages
    )
