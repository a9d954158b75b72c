"""When two records are the same paper, and what becomes of them."""

from typing import Any, TypeVar

from service.identity import Scheme, scheme_of
from service.text import content_hash, derived_paper_id, title_key
from service.types import Paper

# Copies share nearly all of their word triples, revisions most; two papers of one title share almost none.
_SAME_ABSTRACT = 0.3
_TEXT = ("title", "abstract", "original_title", "original_abstract", "version")


def same_text(first: str, second: str) -> bool:
    """Whether two abstracts are versions of one text."""
    return first == second or resemblance(word_triples(first), word_triples(second)) >= _SAME_ABSTRACT


def same_paper(known: Paper, new: Paper) -> bool:
    """Whether `new` is a copy or another version of `known`.

    Ids of one scheme decide where both have one, then DOIs; otherwise the whole title and the abstract must agree.
    """
    if known.own_id and new.own_id and scheme_of(known.paper_id) is scheme_of(new.paper_id):
        return known.paper_id == new.paper_id
    if known.doi and new.doi:
        return known.doi == new.doi
    return title_key(known.title) == title_key(new.title) and same_text(known.abstract, new.abstract)


AnyPaper = TypeVar("AnyPaper", bound=Paper)


def merge(known: AnyPaper, new: Paper) -> AnyPaper:
    """One paper of two records: the newer text, and of id and metadata what either has.

    A printed date is kept against an inferred one, a numbered version against an older or an unnumbered one, and the
    id and the text of the better-known scheme against those of another.
    """
    changes: dict[str, Any] = {}
    older = bool(known.version and new.version and new.version < known.version)
    for field in ("authors", "n_authors", "listed", "categories", "url", "comments", "upvotes", "doi"):
        value = getattr(new, field)
        if value not in (None, ()) and not (older and getattr(known, field) not in (None, ())):
            changes[field] = value
    if new.published and (not known.published or known.published_inferred or not new.published_inferred):
        changes |= {"published": new.published, "published_inferred": new.published_inferred}
    before, now = _rank(known), _rank(new)
    if now >= before and (new.version or 0) >= (known.version or 0):
        changes |= {field: getattr(new, field) for field in _TEXT}
    if now > before:
        changes |= {"paper_id": new.paper_id, "own_id": True}
    return known.model_copy(update=changes)


def separate_id(paper: Paper) -> Paper:
    """The paper with an id of its own, for a title that another paper has too."""
    return paper.model_copy(update={"paper_id": derived_paper_id(paper.title, content_hash(paper.abstract))})


def word_triples(text: str) -> set[tuple[str, ...]]:
    """All runs of three words, in lower case; of a shorter text the one that it is."""
    words = text.lower().split()
    return {tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2))}


def resemblance(first: set[tuple[str, ...]], second: set[tuple[str, ...]]) -> float:
    """Jaccard similarity of two sets, 0 to 1."""
    return len(first & second) / max(1, len(first | second))


def _rank(paper: Paper) -> int:
    """How good an id is to know a paper by; 0 for one that was made from its title."""
    return (Scheme.OTHER, Scheme.DOI, Scheme.ARXIV).index(scheme_of(paper.paper_id)) + 1 if paper.own_id else 0
