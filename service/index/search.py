"""What search gives besides a ranking: the newest papers where a query only narrows, and titles while one types."""

from service.index.query import Query
from service.index.stores import Stores
from service.text import title_key
from service.types import Hit, Quote

_SUGGESTED_FROM = 50
"""Best titles of which those that begin with the text come first."""


def newest_hits(stores: Stores, asked: Query, k: int) -> list[Hit]:
    """The `k` newest papers that pass, each with its first sentence; all have score 1: there is nothing to rank by."""
    rows = stores.retriever.passing(asked.condition, asked.required)
    papers = stores.catalog.newest(rows, k)
    sentences = stores.chunks.sentences([paper.row for paper in papers])
    hits = []
    for paper in papers:
        start, end = sentences[paper.row].spans[0]
        quote = Quote(paper_id=paper.paper_id, text=paper.abstract[start:end], start=start, end=end)
        hits.append(Hit(paper=paper, quote=quote, score=1.0))
    return hits


def suggested_titles(stores: Stores, text: str, k: int) -> list[str]:
    """At most `k` titles that have the words of a text, the last of which may be unfinished."""
    rows = stores.lexical.beginning(text, max(k, _SUGGESTED_FROM))
    papers = stores.catalog.at_rows(rows)
    titles = list(dict.fromkeys(papers[row].title for row in rows if row in papers))
    begun = title_key(text)
    return sorted(titles, key=lambda title: not title_key(title).startswith(begun))[:k]
