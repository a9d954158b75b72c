"""Abstracts that nothing here was trained on: those listed from 2026-05 on, drawn by a hash of their ids."""

import hashlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

from eval.data import read_lines
from service.sentences import sentences

HELD_OUT_FROM = "2026-05"
"""Papers listed from this month on are never trained on."""
_FEWEST_SENTENCES, _MOST_SENTENCES = 4, 16


class Abstract(NamedTuple):
    """A paper to summarize."""

    id: str
    title: str
    text: str
    sentences: tuple[str, ...]


Draw = Callable[[int, str], list[Abstract]]
"""Draws so many abstracts; another second argument draws others."""


def held_out(count: int, salt: str = "") -> list[Abstract]:
    """The same abstracts every time.

    Raises:
        SystemExit: there is no data folder.
    """
    records = read_lines("arxiv", "arxiv_ml_abstracts.jsonl.gz")
    later = ((r["id"], r["title"], r["abstract"]) for r in records if r["listed"] >= HELD_OUT_FROM)
    return chosen(later, count, salt)


def chosen(papers: Iterable[tuple[str, str, str]], count: int, salt: str) -> list[Abstract]:
    """At most so many of the papers (id, title, abstract), whatever their order; another salt draws others."""
    ranked = {
        (hashlib.sha256(f"{salt}{paper_id}".encode()).hexdigest(), paper_id, title, " ".join(abstract.split()))
        for paper_id, title, abstract in papers
    }
    found = []
    for _, paper_id, title, text in sorted(ranked):
        parts = tuple(sentences(text))
        if _FEWEST_SENTENCES <= len(parts) <= _MOST_SENTENCES:
            found.append(Abstract(paper_id, title, text, parts))
        if len(found) == count:
            break
    return found
