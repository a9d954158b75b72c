"""What search gives: the best papers, the newest where a query only narrows, and titles while one types."""

from collections.abc import Callable

from service.errors import InputError
from service.index.query import Query
from service.index.relevance import judge, read_again, scored_rows
from service.index.stores import Stores
from service.ports import Reranker
from service.text import title_key
from service.types import Hit, Quote

_SUGGESTED_FROM = 50
"""Best titles of which those that begin with the text come first."""


def search(stores: Stores, asked: Query, k: int, reranker: Callable[[], Reranker | None]) -> list[Hit]:
    """The `k` best papers, each with the sentence nearest to the query.

    Raises:
        InputError: there is no word to search for.
    """
    if asked.narrows and not stores.lexical.analyzer.query_terms(asked.text):
        return _newest(stores, asked, k)
    ranking = stores.retriever.rank(asked.text, asked.condition, required=asked.required)
    if not ranking.terms:
        raise InputError("the query has no word to search for: name a subject, a method or a paper")
    judged = read_again(asked.text, judge(ranking, stores.catalog, stores.lexical), reranker())
    best = scored_rows(ranking, judged, k)
    papers = {item.candidate.row: item.paper for item in judged[:k]}
    papers |= stores.catalog.at_rows([row for row, _ in best if row not in papers])
    near = stores.retriever.near_sentences(ranking, list(papers.values()))
    return [
        Hit(paper=papers[row], quote=near[papers[row].paper_id][0].quote, score=round(score, 6)) for row, score in best
    ]


def _newest(stores: Stores, asked: Query, k: int) -> list[Hit]:
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
