"""Find the paper that a person means: by id, by title, by the short name before the colon, or nearly."""

import re
from datetime import date

from rapidfuzz import fuzz, process

from service.answer.workbench import Workbench
from service.errors import EmptyCatalogError, PaperNotFoundError
from service.identity import arxiv_id
from service.index.catalog import Stored
from service.index.relevance import judge
from service.text import clean_text, one_line, title_key

_CLOSE_ENOUGH = 84.0
"""rapidfuzz's weighted ratio, 0 to 100: one wrong word in six, or a few wrong letters."""
_CLEARLY_BETTER = 3.0
_COVERED = 0.6
_SUGGESTIONS = 3
_WORDS_OF_A_TITLE = 4
_LOOKS_LIKE_A_NAME = re.compile(r"[A-Z\d]")
"""As names of systems do; subjects are written small."""


def paper_named(bench: Workbench, name: str) -> Stored:
    """The paper with this id or (nearly) this title.

    Raises:
        PaperNotFoundError: there is none, or several are as near; the message names the nearest.
        EmptyCatalogError: there are no papers.
    """
    catalog, name = bench.stores.catalog, clean_text(name)
    number = arxiv_id(name)
    # Whatever version or address is given, the paper is meant.
    found = catalog.get(name) or (catalog.get(number.id) if number else None)
    if found:
        return found
    titles = dict(catalog.titles())
    if not titles:
        raise EmptyCatalogError("the catalog has no papers yet: paperboy ingest PATH")
    exact = _exactly(titles, name)
    if len(exact) == 1:
        return _stored(bench, exact[0])
    near = _nearest({paper_id: titles[paper_id] for paper_id in (exact or titles)}, name)
    first, second = near[0], near[1] if len(near) > 1 else ("", 0.0)
    if not exact and first[1] >= _CLOSE_ENOUGH and first[1] - second[1] >= _CLEARLY_BETTER:
        return _stored(bench, first[0])
    listed = "; ".join(f"{paper_id} “{one_line(titles[paper_id], 60)}”" for paper_id, _ in near)
    what = "several papers have the title" if exact else "no paper has the id or title"
    raise PaperNotFoundError(f"{what} “{one_line(name, 60)}”; nearest: {listed}")


def paper_meant(bench: Workbench, name: str) -> Stored | None:
    """The paper that a question calls `name`; a system's name that stands in its abstract only is enough."""
    titles = dict(bench.stores.catalog.titles())
    exact = _exactly(titles, name) or [paper_id for paper_id, title in titles.items() if _abbreviates(name, title)]
    if exact:
        # Of several, such as those that build on "RAG", the first is meant.
        return min((_stored(bench, paper_id) for paper_id in exact), key=lambda p: (p.day or date.max, p.row))
    ranking = bench.stores.retriever.rank(name)
    if not ranking.candidates or not ranking.terms:
        return None
    judged = judge(ranking, bench.stores.catalog, bench.stores.lexical)
    return judged[0].paper if judged[0].evidence.coverage >= _COVERED else None


def paper_known(bench: Workbench, name: str) -> Stored | None:
    """The paper that certainly has this id, title or name; `None` where `name` may be a subject just as well."""
    catalog, name = bench.stores.catalog, clean_text(name)
    number = arxiv_id(name)
    # Whatever version or address is given, the paper is meant.
    found = catalog.get(name) or (catalog.get(number.id) if number else None)
    if found:
        return found
    titles = dict(catalog.titles())
    if _exactly(titles, name) or _LOOKS_LIKE_A_NAME.search(name):
        return paper_meant(bench, name)
    near = _nearest(titles, name) if len(name.split()) >= _WORDS_OF_A_TITLE else []
    certain = len(near) == 1 or (len(near) > 1 and near[0][1] - near[1][1] >= _CLEARLY_BETTER)
    return _stored(bench, near[0][0]) if certain and near[0][1] >= _CLOSE_ENOUGH else None


def _exactly(titles: dict[str, str], name: str) -> list[str]:
    """Ids of the papers of that title, or of that short name: "KVQuant" of "KVQuant: Towards 10 Million …"."""
    wanted = title_key(name)
    whole = [paper_id for paper_id, title in titles.items() if title_key(title) == wanted]
    if whole:
        return whole
    return [paper_id for paper_id, title in titles.items() if ":" in title and title_key(title.split(":")[0]) == wanted]


def _nearest(titles: dict[str, str], name: str) -> list[tuple[str, float]]:
    """Ids and similarity, 0 to 100, of the papers with the nearest whole or short titles, nearest first."""
    best: dict[str, float] = {}
    for short in (False, True):
        keys = {paper_id: title_key(title.split(":")[0] if short else title) for paper_id, title in titles.items()}
        for _, score, paper_id in process.extract(title_key(name), keys, scorer=fuzz.WRatio, limit=_SUGGESTIONS):
            best[paper_id] = max(score, best.get(paper_id, 0.0))
    return sorted(best.items(), key=lambda item: -item[1])[:_SUGGESTIONS]


def _abbreviates(name: str, title: str) -> bool:
    """Whether the title begins with the words that the capitals stand for."""
    if not re.fullmatch(r"[A-Z]{3,8}", name):
        return False
    return "".join(word[0] for word in re.findall(r"[^\W_]+", title)).upper().startswith(name)


def _stored(bench: Workbench, paper_id: str) -> Stored:
    found = bench.stores.catalog.get(paper_id)
    if found is None:
        raise PaperNotFoundError(f"no paper has the id {paper_id}")
    return found
