"""Abstracts that nothing here was trained on: those listed from 2026-05 on, drawn by a hash of their ids."""

import hashlib
from typing import NamedTuple

from eval.data import read_lines
from service.sentences import sentences

HELD_OUT_FROM = "2026-05"
"""Papers listed from this month on are never trained on."""
_FEWEST_SENTENCES, _MOST_SENTENCES = 4, 16


class Abstract(NamedTuple):
    """A paper that was held out."""

    id: str
    title: str
    text: str
    sentences: tuple[str, ...]


def held_out(count: int, salt: str = "") -> list[Abstract]:
    """The same abstracts every time, whatever the order of the file; another salt draws others.

    Raises:
        SystemExit: there is no data folder.
    """
    ranked = []
    for record in read_lines("arxiv", "arxiv_ml_abstracts.jsonl.gz"):
        if record["listed"] >= HELD_OUT_FROM:
            rank = hashlib.sha256(f"{salt}{record['id']}".encode()).hexdigest()
            ranked.append((rank, record["id"], record["title"], " ".join(record["abstract"].split())))
    found = []
    for _, paper_id, title, text in sorted(set(ranked)):
        parts = tuple(sentences(text))
        if _FEWEST_SENTENCES <= len(parts) <= _MOST_SENTENCES:
            found.append(Abstract(paper_id, title, text, parts))
        if len(found) == count:
            break
    return found
