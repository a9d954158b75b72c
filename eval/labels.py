"""The human labels of the development data, claim by claim where they say so much."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from eval.data import read_lines
from service.sentences import sentences

NEWS = ("frank", "factcc", "summeval")
"""Summaries of news by models of before 2021, mostly without capitals."""
DIFFERENT = ("polytope", "xsumfaith")
"""Their labels mix other faults in, and nine in ten summaries have one: for reporting only, never trained on."""
EDITED = "summedits"
_SPLIT = re.compile(r"\s*\n\s*|(?<=\s[.!?])\s+(?=\w)")
_UNEDITED = "_og"


class Labelled(NamedTuple):
    """A summary that people labelled."""

    set: str
    document: int
    """Number of its source; the same source has the same number."""
    source: str
    claims: tuple[str, ...]
    faithful: bool
    claim_labels: tuple[bool | None, ...]
    """`None` where the label of the whole does not say which claim is wrong."""
    kind: str = ""
    """How it was made, of one that was made by an edit of our own."""


def claims_of(summary: str) -> list[str]:
    """The sentences of a summary, also of one in which words and signs stand apart."""
    return [s for line in _SPLIT.split(summary) for s in sentences(line) if any(map(str.isalnum, s))]


def labelled(sets: Sequence[str] | None = None) -> list[Labelled]:
    """The labelled summaries of the development data, at most those of the named sets."""
    records = [r for r in read_lines("faithfulness", "dev.jsonl.gz") if sets is None or r["set"] in sets]
    numbers: dict[str, int] = {}
    unedited: dict[str, set[str]] = defaultdict(set)
    for record in records:
        numbers.setdefault(record["source"], len(numbers))
        if record["id"].endswith(_UNEDITED):
            unedited[record["source"]].update(claims_of(record["summary"]))
    found = []
    for record in records:
        claims = tuple(claims_of(record["summary"]))
        kept = unedited[record["source"]] if record["set"].startswith(EDITED) else set()
        faithful = bool(record["faithful"])
        labels = _claim_labels(claims, faithful, kept)
        found.append(Labelled(record["set"], numbers[record["source"]], record["source"], claims, faithful, labels))
    return [item for item in found if item.claims]


def _claim_labels(claims: Sequence[str], faithful: bool, unedited: set[str]) -> tuple[bool | None, ...]:
    """The sentences of an edited summary that stand in the unedited one too were not edited."""
    if faithful:
        return (True,) * len(claims)
    changed = [claim for claim in claims if claim not in unedited]
    if len(claims) == 1 or (unedited and len(changed) == 1):
        return tuple(claim in unedited for claim in claims) if len(claims) > 1 else (False,)
    return tuple(True if claim in unedited else None for claim in claims)
