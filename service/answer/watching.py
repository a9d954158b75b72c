"""Saved questions: which papers answer them now that were not found before. No language model takes part."""

from datetime import date
from typing import NamedTuple

from service.answer.ask import checked_question
from service.answer.find import find, list_passages
from service.answer.workbench import Workbench
from service.errors import InputError
from service.index.plan import make_plan
from service.index.retrieval import JUDGED
from service.index.watches import Watch, Watches
from service.types import Paper


class Found(NamedTuple):
    """A paper of a feed."""

    paper: Paper
    quote: str
    """The sentence of it that is nearest to the question."""
    score: float
    found: str
    """When it was found first, ISO 8601, UTC."""
    new: bool
    """The reader was not told yet."""


class Feed(NamedTuple):
    """A saved question and the papers that were found for it, the newest first."""

    watch: Watch
    papers: tuple[Found, ...]


def save(bench: Workbench, question: str) -> Watch:
    """Save a question.

    Raises:
        InputError: it does not ask for papers, or has no word to search for.
    """
    question = checked_question(question)
    try:
        plan = make_plan(question, date.today())
    except ValueError as error:
        raise InputError(str(error)) from None
    if plan.kind == "metadata" or plan.operation != "retrieve":
        raise InputError('a saved question asks for papers on a subject: paperboy watch "which papers …"')
    if not bench.stores.lexical.analyzer.query_terms(plan.topic or question):
        raise InputError("the question has no word to search for: name a subject, a method or a paper")
    return Watches(bench.stores.database).add(question)


def looked_after(bench: Workbench) -> list[Feed]:
    """Look for every saved question again, to tell the reader what is new: the next time it is not."""
    watches = Watches(bench.stores.database)
    feeds = [look_after(bench, watch) for watch in watches.all()]
    for feed in feeds:
        watches.tell(feed.watch.number)
    return feeds


def look_after(bench: Workbench, watch: Watch) -> Feed:
    """Look for one saved question again; what is found is kept with the time."""
    watches = Watches(bench.stores.database)
    plan = make_plan(watch.question, date.today())
    findings = find(bench, plan.topic or watch.question, plan.condition, "list")
    passages = [] if findings.answerable.refuse else list_passages(bench, findings, JUDGED)
    rows = bench.stores.catalog.rows_by_id([one.passage.hit.paper.paper_id for one in passages])
    hits = [one.passage.hit for one in passages]
    watches.put(watch.number, [(rows[hit.paper.paper_id], hit.quote.text, hit.score) for hit in hits])
    matches = watches.matches(watch.number)
    papers = bench.stores.catalog.at_rows([match.paper_row for match in matches])
    return Feed(
        watch,
        tuple(
            Found(papers[match.paper_row], match.quote, match.score, match.found, not match.told)
            for match in matches
            if match.paper_row in papers
        ),
    )
