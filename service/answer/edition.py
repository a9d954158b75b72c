"""A digest as a reader gets it: grouped by topic, the most relevant first, with an opening that quotes the day.

Nothing here is written by a model: groups come from the vectors, the order from the reader's interests or the votes of
the source, the opening from sentences of the papers, each checked.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from service.answer.figures import Figure, main_figure
from service.answer.selector import states_contribution
from service.answer.verify import Source, check_cited
from service.answer.wording import by_itself, lead_over
from service.answer.workbench import Workbench
from service.index.catalog import Stored
from service.index.interests import Example, InterestModel, Judgement
from service.index.reader import Looks, Opinions
from service.index.topics import find_topics
from service.ports import Matrix
from service.text import clean_text, counted, one_line
from service.types import Claim, Digest, Filter, Paper, Summary, Verdict

_FEWEST_GROUPED = 8
"""Papers from which on they are grouped: fewer are read at a glance."""
_BACKGROUND = 2_000
"""Papers that interests are told apart from: the newest."""
_OPENING = 4
"""Groups that the opening speaks of."""
_CENTRAL = 5
"""Papers that may stand for a group."""
_LEADING = 3
"""Papers of a group that decide its place."""
_TITLE = 60


class Entry(NamedTuple):
    """One paper of an edition."""

    paper: Paper
    summary: Summary
    figure: Figure | None
    """Its main number."""
    reason: str
    """Why it stands where it stands; empty where there is nothing to say."""
    row: int
    """In the catalog; 0 where it is not there any more."""

    @property
    def text(self) -> str:
        """The summary as it reads without the abstract."""
        return by_itself(self.summary.text)


class Section(NamedTuple):
    """Papers on one topic, the most relevant first."""

    terms: tuple[str, ...]
    """What it is about; none where that is not known."""
    entries: tuple[Entry, ...]


class Opening(NamedTuple):
    """A sentence of the opening: a quote of the paper that stands for a group."""

    terms: tuple[str, ...]
    papers: int
    """Papers of the group."""
    claim: Claim
    """Its one citation is the place of the paper among `Edition.cited`, from 1."""


class Edition(NamedTuple):
    """A digest as a reader gets it."""

    digest: Digest
    opening: tuple[Opening, ...]
    cited: tuple[Paper, ...]
    """The papers that the opening quotes."""
    sections: tuple[Section, ...]
    newest_row: int
    """Of the catalog when the edition was made."""
    seen_until: int | None = None
    """The greatest row that was there when the reader last looked; `None` before the first time."""

    @property
    def entries(self) -> list[Entry]:
        """All papers, in order."""
        return [entry for section in self.sections for entry in section.entries]

    @property
    def new(self) -> frozenset[str]:
        """Ids of the papers that were not there when the reader last looked."""
        until = self.seen_until
        return frozenset(entry.paper.paper_id for entry in self.entries if until is not None and entry.row > until)


def make_edition(
    bench: Workbench, digest: Digest, papers: Mapping[str, Paper], interests: Sequence[str] = ()
) -> Edition:  # fmt: skip
    """Group and order the papers of a digest.

    Args:
        bench: where vectors and opinions are.
        digest: their summaries.
        papers: the papers by id.
        interests: topics that the reader likes, as phrases.
    """
    shown = [papers[summary.paper_id] for summary in digest.summaries]
    vectors, known = _vectors(bench, shown)
    judgements = _judged(bench, vectors, interests) or [_by_votes(paper) for paper in shown]
    entries = [
        _entry(paper, summary, judged.reason)
        for paper, summary, judged in zip(shown, digest.summaries, judgements, strict=True)
    ]
    groups = _groups(shown, vectors, known)
    opening, cited = _opening(bench, entries, groups)
    scores = np.array([judged.score for judged in judgements])
    sections = []
    for terms, members in sorted(groups, key=lambda group: -_lead(scores[list(group[1])])):
        # Of papers that are as relevant the most central of the topic comes first.
        ranked = sorted(members, key=lambda place: -scores[place])
        sections.append(Section(terms, tuple(entries[place] for place in ranked)))
    latest = Looks(bench.stores.database).latest_row()
    return Edition(digest, opening, cited, tuple(sections), latest)


def _entry(paper: Paper, summary: Summary, reason: str) -> Entry:
    # What is most like a liked paper is that paper.
    reason = "you like it" if reason == _like(paper) else reason
    return Entry(paper, summary, main_figure(paper), reason, paper.row if isinstance(paper, Stored) else 0)


_Group = tuple[tuple[str, ...], tuple[int, ...]]
"""Terms of a topic and the places of its papers, the most central first."""


def _vectors(bench: Workbench, papers: Sequence[Paper]) -> tuple[Matrix, list[int]]:
    """A vector for each paper, zeros where it has none, and the places of those that have one."""
    owners, found = bench.stores.chunks.paper_matrix([paper.row for paper in papers if isinstance(paper, Stored)])
    rows = {row: place for place, row in enumerate(owners.tolist())}
    vectors = np.zeros((len(papers), bench.embedder.dimensions), np.float32)
    known = [place for place, paper in enumerate(papers) if isinstance(paper, Stored) and paper.row in rows]
    for place in known:
        paper = papers[place]
        if isinstance(paper, Stored):
            vectors[place] = found[rows[paper.row]]
    return vectors, known


def _judged(bench: Workbench, vectors: Matrix, interests: Sequence[str]) -> list[Judgement]:
    """How near the papers are to what the reader likes; nothing where no interest is known."""
    stores = bench.stores
    opinions = Opinions(stores.database).all()
    examples = [
        Example(f"on your topic “{one_line(topic, _TITLE)}”", bench.embedder.embed_query(topic), True)
        for topic in interests
        if clean_text(topic)
    ]
    owners, found = stores.chunks.paper_matrix(list(opinions))
    rated = stores.catalog.at_rows(list(opinions))
    for row, vector in zip(owners.tolist(), found, strict=True):
        reason = _like(rated[row])
        examples.append(Example(reason, vector, opinions[row]))
    if not any(example.liked for example in examples):
        return []
    newest = [paper.row for paper in stores.catalog.select(Filter(), "newest", _BACKGROUND)]
    _, background = stores.chunks.paper_matrix([row for row in newest if row not in opinions])
    return InterestModel(examples, background).judge(vectors)


def _like(paper: Paper) -> str:
    return f"like “{one_line(paper.title, _TITLE)}”"


def _by_votes(paper: Paper) -> Judgement:
    """The place that the readers of the source give a paper."""
    if paper.upvotes:
        return Judgement(float(paper.upvotes), counted(paper.upvotes, "upvote"))
    # Comments are told in the line of facts.
    return Judgement(float(paper.comments or 0), "")


def _groups(papers: Sequence[Paper], vectors: Matrix, known: list[int]) -> list[_Group]:
    if len(known) < _FEWEST_GROUPED:
        return [((), tuple(range(len(papers))))] if papers else []
    texts = [f"{papers[place].title}\n{papers[place].abstract}" for place in known]
    groups: list[_Group] = [
        (topic.terms, tuple(known[member] for member in topic.members)) for topic in find_topics(vectors[known], texts)
    ]
    rest = tuple(sorted(set(range(len(papers))) - set(known)))
    return [*groups, ((), rest)] if rest else groups


def _lead(scores: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    return float(np.sort(scores)[::-1][:_LEADING].mean())


def _opening(
    bench: Workbench, entries: Sequence[Entry], groups: Sequence[_Group]
) -> tuple[tuple[Opening, ...], tuple[Paper, ...]]:  # fmt: skip
    """A checked quote for each of the largest groups: of one of its most central papers."""
    said: list[Opening] = []
    cited: list[Paper] = []
    for terms, members in groups:
        if len(said) == _OPENING or not terms:
            break
        found = [(place, _quoted(bench, entries[place], len(cited) + 1)) for place in members[:_CENTRAL]]
        quotes = [(place, claim) for place, claim in found if claim]
        if quotes:
            # What the authors did stands for a group better than what others did before.
            place, claim = next((quote for quote in quotes if states_contribution(quote[1].text)), quotes[0])
            said.append(Opening(terms, len(members), claim))
            cited.append(entries[place].paper)
    return tuple(said), tuple(cited)


def _quoted(bench: Workbench, entry: Entry, marker: int) -> Claim | None:
    """The first sentence of the summary that stands in the abstract, checked there like any claim.

    It is quoted from where it says something by itself.
    """
    source = Source(entry.paper.paper_id, entry.paper.abstract)
    for claim in entry.summary.claims:
        for quote in claim.quotes:
            if entry.paper.abstract[quote.start : quote.end] != quote.text:
                continue
            checked = check_cited(quote.text[lead_over(quote.text) :], (marker,), {marker: source}, bench.terms)
            if checked.verdict is Verdict.SUPPORTED:
                return checked
    return None
