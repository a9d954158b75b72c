"""One-sentence and one-paragraph summaries: the selector proposes sentences, the writer decides between near equals.

Every sentence of an extractive or quoted summary stands verbatim in the abstract; of the first, what only leads over
from the sentence before is left out. A free summary is checked sentence by sentence. One paper per prompt, so that no
abstract can touch the summary of another.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.answer import selector
from service.answer.prompts import Prompt
from service.answer.running import Steps
from service.answer.verify import Source, check_cited
from service.answer.wording import capitalized, lead_over
from service.answer.workbench import Workbench
from service.answer.write import parse_claims, quoted_claim
from service.index.catalog import Stored
from service.index.chunking import cut_papers
from service.index.results import Summaries
from service.ports import Choice, Choices, GenerationRequest, Matrix, Vector
from service.sentences import Span
from service.settings import Mode
from service.text import content_hash
from service.types import Claim, Paper, Provenance, Quote, Summary, SummaryLength

_PARAGRAPH_SENTENCES = 4
_REDUNDANCY = 0.6
"""How much a sentence loses for being near one that is taken already (Carbonell & Goldstein 1998)."""
_SPREAD = 1e-9


class _View(NamedTuple):
    """An abstract cut into sentences, with their scores."""

    paper: Paper
    spans: tuple[Span, ...]
    abstract: selector.Abstract
    scores: NDArray[np.float64]

    def quote(self, index: int) -> Quote:
        start, end = self.spans[index]
        return Quote(paper_id=self.paper.paper_id, text=self.paper.abstract[start:end], start=start, end=end)


def key_sentences(bench: Workbench, paper: Stored, count: int) -> list[Quote]:
    """The sentences that say best what a stored paper contributes, best first."""
    view = _view_stored(bench, paper, "sentence")
    return [view.quote(int(index)) for index in np.argsort(-view.scores)[:count]]


def summarize_once(
    bench: Workbench, kept: Summaries, paper: Paper, length: SummaryLength, mode: Mode
) -> Steps[Summary]:  # fmt: skip
    """Summarize a paper, unless that was done before under the same settings; a new summary is kept."""
    found = kept_summary(bench, kept, paper, length, mode)
    if found is None:
        found = yield from summarize(bench, paper, length, mode)
        kept.put(_key(bench, paper, length, mode), found)
    return found


def kept_summary(
    bench: Workbench, kept: Summaries, paper: Paper, length: SummaryLength, mode: Mode
) -> Summary | None:  # fmt: skip
    """The summary that was made under the same settings, if there is one."""
    return kept.get(_key(bench, paper, length, mode))


def summarize(bench: Workbench, paper: Paper, length: SummaryLength, mode: Mode) -> Steps[Summary]:
    """Summarize a paper, of the catalog or not."""
    start = time.perf_counter()
    view = _view_stored(bench, paper, length) if isinstance(paper, Stored) else _view_new(bench, paper, length)
    if mode == "free":
        return (yield from _freely(bench, view, length, start))
    if mode == "extractive":
        chosen = [places[0] for places in _places(view, length, 1, 0.0)]
        claims = _claims(view, chosen)
        return _summary(view, length, claims, bench.provenance(mode, start))
    return (yield from _quoted(bench, view, length, start))


def _key(bench: Workbench, paper: Paper, length: SummaryLength, mode: Mode) -> str:
    """What a stored summary depends on: while nothing of it changes, the summary is not made again."""
    writer = bench.writer_fingerprint() if mode != "extractive" else ""
    prompts = bench.prompts_fingerprint() if mode != "extractive" else ""
    text = content_hash(paper.paper_id, paper.title, paper.abstract)
    return content_hash(
        text, length, mode, writer, prompts, str(bench.seed), selector.fingerprint(), bench.stores.fingerprint
    )


def _quoted(bench: Workbench, view: _View, length: SummaryLength, start: float) -> Steps[Summary]:
    prompt = bench.prompt(length)
    places = _places(view, length, prompt.candidates, prompt.margin)
    offered = [(index, group) for group, indices in enumerate(places) for index in indices]
    kept = _distinct(view, offered)
    options = tuple(Choice(view.quote(index).text, group) for index, group in kept)
    count = len({option.group for option in options})
    choices = Choices(options, minimum=count, maximum=count, ordered=True)
    shown = sorted({index for index, _ in offered})
    made = yield _request(bench, prompt, view, shown, choices)
    claims = _claims(view, [kept[index][0] for index in made.chosen])
    return _summary(view, length, claims, bench.provenance("quotes", start, prompt, made))


def _claims(view: _View, indices: Sequence[int]) -> list[Claim]:
    """Quoted sentences, the first one from where it says something by itself."""
    claims = [quoted_claim(view.quote(index), 1) for index in indices]
    for claim in claims[:1]:
        (quote,) = claim.quotes
        left = lead_over(quote.text)
        shorter = quote.model_copy(update={"text": quote.text[left:], "start": quote.start + left})
        claims[0] = claim.model_copy(update={"text": shorter.text, "quotes": (shorter,)})
    return claims


def _freely(bench: Workbench, view: _View, length: SummaryLength, start: float) -> Steps[Summary]:
    prompt = bench.prompt(f"{length}-free")
    everything = list(range(len(view.spans)))
    made = yield _request(bench, prompt, view, everything, None)
    source = {1: Source(view.paper.paper_id, view.paper.abstract)}
    claims = [check_cited(text, (1,), source, bench.terms) for text, _ in parse_claims(made.text)]
    return _summary(view, length, claims, bench.provenance("free", start, prompt, made))


def _request(
    bench: Workbench, prompt: Prompt, view: _View, shown: list[int], choices: Choices | None
) -> GenerationRequest:  # fmt: skip
    sentences = prompt.sentences([view.quote(index).text for index in shown])
    return GenerationRequest(
        prompt.messages(title=view.paper.title, sentences=sentences),
        max_tokens=prompt.max_tokens,
        seed=bench.seed,
        choices=choices,
        lead=prompt.lead,
    )


def _summary(view: _View, length: SummaryLength, claims: list[Claim], provenance: Provenance) -> Summary:
    return Summary(
        paper_id=view.paper.paper_id,
        title=view.paper.title,
        text=capitalized(" ".join(claim.text for claim in claims)),
        length=length,
        claims=tuple(claims),
        provenance=provenance,
    )


def _places(view: _View, length: SummaryLength, candidates: int, margin: float) -> list[list[int]]:
    """Sentences for each place of the summary: the chosen one, and at the last those that are nearly as good."""
    count = 1 if length == "sentence" else _PARAGRAPH_SENTENCES
    chosen = _choose(view, min(count, len(view.spans)))
    best = chosen if length == "paragraph" else chosen[:1]
    weakest = min(best, key=lambda index: view.scores[index])
    floor = view.scores[weakest] - margin
    # Only between its neighbours, so that a summary keeps the order of the abstract.
    before = max((index for index in best if index < weakest), default=-1)
    behind = min((index for index in best if index > weakest), default=len(view.spans))
    ties = [
        int(i) for i in np.argsort(-view.scores) if before < i < behind and i != weakest and view.scores[i] >= floor
    ]
    return [[index, *(ties[: max(0, candidates - 1)] if index == weakest else [])] for index in sorted(best)]


def _choose(view: _View, count: int) -> list[int]:
    """The best sentences that do not repeat each other; a paragraph has a result where the abstract has one."""
    scores = view.scores - view.scores.min() + _SPREAD
    scores = scores / scores.max()
    near = np.asarray(view.abstract.vectors) @ np.asarray(view.abstract.vectors).T
    chosen: list[int] = []
    while len(chosen) < count:
        penalty = near[:, chosen].max(axis=1) * _REDUNDANCY if chosen else np.zeros(len(scores))
        value = scores - penalty
        value[chosen] = -np.inf
        chosen.append(int(np.argmax(value)))
    results = [i for i, text in enumerate(view.abstract.sentences) if selector.states_result(text)]
    if count > 1 and results and not set(results) & set(chosen):
        chosen[-1] = max(results, key=lambda index: view.scores[index])
    return chosen


def _distinct(view: _View, offered: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The sentences offered, without a text that stands twice in the abstract."""
    kept: list[tuple[int, int]] = []
    for index, group in offered:
        if all(view.quote(index).text != view.quote(other).text for other, _ in kept):
            kept.append((index, group))
    return kept


def _view_stored(bench: Workbench, paper: Stored, length: SummaryLength) -> _View:
    found = bench.stores.chunks.sentences([paper.row])[paper.row]
    whole = selector.abstract_vector(list(bench.stores.chunks.matrix([paper.row]).vectors))
    return _view(bench, paper, length, found.spans, found.vectors, whole)


def _view_new(bench: Workbench, paper: Paper, length: SummaryLength) -> _View:
    embedder = bench.embedder
    (cut,) = cut_papers([paper], embedder)
    made = embedder.embed_passages(cut.passages)
    spans = tuple(span for chunk in cut.chunks for span in chunk.sentences)
    vectors = np.concatenate([found.segments[1:] for found in made])
    whole = selector.abstract_vector([found.whole for found in made])
    return _view(bench, paper, length, spans, vectors, whole)


def _view(
    bench: Workbench, paper: Paper, length: SummaryLength, spans: tuple[Span, ...], vectors: Matrix, whole: Vector
) -> _View:
    title_vector = bench.titles.of(paper.title) if paper.title else whole
    texts = [paper.abstract[start:end] for start, end in spans]
    abstract = selector.Abstract(paper.title, texts, vectors, title_vector, whole, bench.embedder.fingerprint)
    return _View(paper, spans, abstract, selector.score_sentences(abstract, bench.terms, length))
