"""When two records are the same paper, and what becomes of them."""

from typing import Any, TypeVar

from service.text import content_hash, derived_paper_id, title_key
from service.types import Paper

# Copies share nearly all of their word triples, revisions most; two papers of one title share almost none.
_SAME_ABSTRACT = 0.3


def same_text(first: str, second: str) -> bool:
    """Whether two abstracts are versions of one text: Jaccard similarity of their word triples."""
    if first == second:
        return True
    a, b = _triples(first), _triples(second)
    return len(a & b) / max(1, len(a | b)) >= _SAME_ABSTRACT


def same_paper(known: Paper, new: Paper) -> bool:
    """Whether `new` is a copy or a newer version of `known`.

    Ids that the sources gave decide where both have one; otherwise the whole title and the abstract must agree.
    """
    if known.own_id and new.own_id:
        return known.paper_id == new.paper_id
    return title_key(known.title) == title_key(new.title) and same_text(known.abstract, new.abstract)


AnyPaper = TypeVar("AnyPaper", bound=Paper)


def merge(known: AnyPaper, new: Paper) -> AnyPaper:
    """One paper of two records: the newer text, and of id and metadata what either has.

    A printed date is kept against an inferred one.
    """
    changes: dict[str, Any] = {}
    for field in ("authors", "n_authors", "listed", "categories", "url", "comments", "upvotes"):
        value = getattr(new, field)
        if value not in (None, ()):
            changes[field] = value
    if new.published and (not known.published or known.published_inferred or not new.published_inferred):
        changes |= {"published": new.published, "published_inferred": new.published_inferred}
    if known.own_id == new.own_id or new.own_id:
        changes |= {"title": new.title, "abstract": new.abstract}
    if new.own_id:
        changes |= {"paper_id": new.paper_id, "own_id": True}
    return known.model_copy(update=changes)


def separate_id(paper: Paper) -> Paper:
    """The paper with an id of its own, for a title that another paper has too."""
    return paper.model_copy(update={"paper_id": derived_paper_id(paper.title, content_hash(paper.abstract))})


def _triples(text: str) -> set[tuple[str, ...]]:
    words = text.lower().split()
    return {tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2))}
