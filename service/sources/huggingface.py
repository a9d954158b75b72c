"""Daily papers of Hugging Face: `huggingface.co/api/daily_papers` (a list) and `/api/papers/ID` (one).

`published` is the paper's own day, `listed` the day on which it was on the list.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from service.sources.dates import read_dates
from service.sources.fields import count_of, member, members_of, text_of, texts_of
from service.sources.json_stream import Record, begins_json, parse_records
from service.sources.records import identity, make_paper
from service.types import Failure, Paper


def detect(head: str) -> bool:
    """Whether the first record has the keys of such a paper."""
    return (
        begins_json(head)
        and re.search(r'"(?:submittedOnDailyAt|discussionId|upvotes)"\s*:', head) is not None
        and '"summary"' in head
    )


def parse(stream: BinaryIO, name: str) -> Iterator[Paper | Failure]:
    """Papers of a list or of a single answer."""
    return parse_records(stream, name, _paper_of)


def _paper_of(record: Record, where: str) -> Iterator[Paper | Failure]:
    inner = record.get("paper")
    paper = inner if isinstance(inner, dict) else record
    listed = paper.get("submittedOnDailyAt") or record.get("submittedOnDailyAt")
    if listed is None and paper is not record:
        # In a list, the outer date is that of the list, the inner one that of the paper.
        listed = record.get("publishedAt")
    values, failures = read_dates(where, {"published": paper.get("publishedAt"), "listed": listed})
    yield from failures
    # Names that are not to be shown are authors all the same.
    authors = texts_of([member(author, "name") for author in members_of(paper.get("authors"))])
    comments = record.get("numComments", member(record.get("discussion"), "numComments"))
    yield make_paper(
        where,
        title=text_of(paper.get("title") or record.get("title")),
        abstract=text_of(paper.get("summary") or record.get("summary")),
        known_as=identity(arxiv=paper.get("id"), own=paper.get("id")),
        authors=authors,
        n_authors=len(authors) or None,
        upvotes=count_of(paper.get("upvotes")),
        comments=count_of(comments),
        markup="latex",
        **values,
    )
