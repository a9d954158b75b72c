"""What the judge is worth: labelled sets, and edits of our own, always with weights and thresholds from other data.

*shipped*: the judge as `verify` uses it, on sets that nothing of it was learned from. *documents left out*: learned
without any summary of the same source. *set left out*: learned without any summary of the set, thresholds as well.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eval.data import data_folder, read_lines
from eval.edits import Base, Editor, Example
from eval.heldout import held_out
from eval.intervals import Interval, draws, mean_intervals
from eval.labels import DIFFERENT, Labelled, labelled
from eval.metrics import roc_auc
from eval.wordnet import wordnet
from service.answer.judge import FAITHFUL_FROM
from service.answer.reading import Reader, Terms, bearing, evidence, reader
from service.answer.verify import check_claim
from service.llm.reranker import LlamaReranker
from service.llm.wire import RerankerSpec

if TYPE_CHECKING:
    # What ships is learned there, and here again with parts left out; it imports this package.
    from training import verifier

SHIPPED, DOCUMENTS, SETS = "shipped", "documents left out", "set left out"
OWN = "edited arXiv and SciTLDR"
_ABSTRACTS, _TLDRS = 240, 120
_LEAST = 4
_PARTS = 5
_COVERED = 0.6
_AUC_RESAMPLES = 300

Array = NDArray[np.float64]
Labels = NDArray[np.bool_]
Second = Callable[[str, str], float]
"""A judge model: the logit that a claim follows from its evidence."""


class Measured(NamedTuple):
    """One reading of one set."""

    set: str
    judge: str
    summaries: int
    accuracy: Interval
    """Balanced, at the threshold."""
    auc: Interval


class KindOfError(NamedTuple):
    """How many claims with one kind of error are noticed."""

    kind: str
    claims: int
    noticed: Interval
    noticed_unseen: Interval
    """By a judge that never saw this kind in its training."""


class Result(NamedTuple):
    """All that was measured."""

    measured: list[Measured]
    kinds: list[KindOfError]
    scores: Array
    """Probabilities of the labelled summaries with their documents left out, and of the edits."""
    faithful: Labels
    differences: list[tuple[str, Interval]]
    """Mean balanced accuracy over the sets of a judge model minus that of the built-in one, with the sets left out."""

    @property
    def passed(self) -> bool:
        """Whether a judge model, where one was examined, is at least as good as the built-in one."""
        return all(difference.mean >= 0 for _, difference in self.differences)


def own_edits(seed: int) -> list[Example]:
    """Sentences of held-out abstracts and TLDRs of SciTLDR dev, as many edited faithfully as not; every kind."""
    abstracts = held_out(_ABSTRACTS, "judge")
    editor = Editor(wordnet(), [abstract.sentences for abstract in abstracts], seed, least=_LEAST)
    chance = random.Random(seed)  # noqa: S311 - no secret
    bases = [Base(chance.choice(abstract.sentences), abstract.sentences) for abstract in abstracts] + _tldrs()[:_TLDRS]
    found = []
    for base in bases:
        made = [example for kind in editor.unfaithful if (example := editor.edited(base, kind))]
        found += made + [editor.faithful(base) for _ in made]
    return found


def _tldrs() -> list[Base]:
    folder = data_folder()
    out = set((folder / "faithfulness" / "exclude_scitldr_ids.txt").read_text().split()) if folder else set()
    found = []
    for record in read_lines("scitldr", "dev.jsonl"):
        known = set(" ".join(record["source"]).lower().split())
        words = [word for word in record["target"][0].lower().split() if len(word) > 3]
        if record["paper_id"] not in out and sum(word in known for word in words) >= _COVERED * len(words):
            found.append(Base(record["target"][0], record["source"]))
    return found


def measure(terms: Terms, seed: int, second: Second | None = None) -> Result:
    """Measure everything; five minutes on two cores, most of it reading sources.

    Raises:
        SystemExit: the data folder or WordNet is missing; with what to do.
    """
    from training import verifier  # what ships is learned there, and here again with parts left out

    read = reader(terms)
    edits = [
        Labelled(OWN, n, e.source, (e.claim,), e.faithful, (e.faithful,), "" if e.faithful else e.kind)
        for n, e in enumerate(own_edits(seed))
    ]  # fmt: skip
    regimes = verifier.regimes(read)
    readings = [*_new_sets(terms, edits)]
    for data, _ in regimes.values():
        readings += _known_sets(data)
    kinds = _kinds(verifier.material(edits, read, 0.0)[0], regimes["cased"][0], seed)
    differences = [_difference(second, read, readings, seed)] if second else []
    kept = [r for r in readings if r.judge == DOCUMENTS or r.set == OWN]
    return Result(
        [_measured(r, seed) for r in sorted(readings)],
        kinds,
        np.concatenate([r.scores for r in kept]),
        np.concatenate([r.faithful for r in kept]),
        differences,
    )


class Reading(NamedTuple):
    """Scores of the summaries of one set by one judge."""

    set: str
    judge: str
    scores: Array
    """Probabilities; the threshold is the shipped one."""
    faithful: Labels


def _new_sets(terms: Terms, edits: Sequence[Labelled]) -> Iterator[Reading]:
    """The shipped judge, as `verify` uses it, on what it was not learned from."""
    others = [item for item in labelled() if item.set in DIFFERENT]
    for name in (OWN, *DIFFERENT):
        items = [item for item in (*edits, *others) if item.set == name]
        scores = [min(check_claim(claim, item.source, terms).score for claim in item.claims) for item in items]
        yield Reading(name, SHIPPED, np.array(scores), np.array([item.faithful for item in items]))


def _known_sets(data: verifier.Material) -> Iterator[Reading]:
    from training import verifier

    names = [str(name) for name in np.unique(data.sets) if name != "arxiv"]
    scores = {
        DOCUMENTS: verifier.left_out(data, [data.documents % _PARTS == part for part in range(_PARTS)]),
        SETS: verifier.left_out(data, [data.sets == name for name in names]),
    }
    for name in names:
        rows = data.sets == name
        for judge, values in scores.items():
            yield Reading(name, judge, values[rows], data.faithful[rows])


def _kinds(edits: verifier.Material, learned: verifier.Material, seed: int) -> list[KindOfError]:
    """Of each kind of error the share that is noticed, also by a judge that was not shown this kind."""
    from training import verifier

    shipped = verifier.probabilities(edits, verifier.calibrated(learned))
    found = []
    for kind in sorted(set(edits.kinds.tolist()) - {""}):
        rows = edits.kinds == kind
        unseen = verifier.calibrated(learned.part(learned.kinds != kind))
        noticed = np.stack([shipped[rows], verifier.probabilities(edits.part(rows), unseen)], axis=1) < FAITHFUL_FROM
        found.append(KindOfError(kind, int(rows.sum()), *mean_intervals(noticed.astype(float), seed)))
    passed = (shipped[edits.faithful] >= FAITHFUL_FROM).astype(float)
    whole = mean_intervals(passed[:, None], seed)[0]
    return [*found, KindOfError("faithful edits that pass", len(passed), whole, whole)]


def _difference(second: Second, read: Reader, readings: Sequence[Reading], seed: int) -> tuple[str, Interval]:
    """A judge model on the same sets, its threshold for each set from the others: its accuracy minus the built-in's."""
    ours = {r.set: r for r in readings if r.judge == SETS}
    theirs = {name: np.array([_second(second, read, item) for item in labelled([name])]) for name in ours}
    rows = []
    for name, reading in ours.items():
        rest = [(theirs[other], ours[other].faithful) for other in ours if other != name]
        threshold = max(
            np.quantile(np.concatenate([scores for scores, _ in rest]), np.linspace(0.02, 0.98, 97)),
            key=lambda step: np.mean([_accuracy(scores >= step, labels) for scores, labels in rest]),
        )
        rows.append(
            [
                _draws(theirs[name] >= threshold, reading.faithful, seed)
                - _draws(reading.scores >= FAITHFUL_FROM, reading.faithful, seed)
            ]
        )
    means = np.mean(np.concatenate(rows), axis=0)
    low, high = np.percentile(means[1:], (2.5, 97.5))
    return "judge model minus built-in, mean of the sets", Interval(float(means[0]), float(low), float(high))


def second_opinion(path: Path) -> Second:
    """A judge model in GGUF with a rank head, as rerankers have.

    Raises:
        ModelError: the file is missing or no model file.
    """
    model = LlamaReranker(RerankerSpec(str(path)))
    return lambda claim, text: model.scores(claim, [text])[0]


def _second(second: Second, read: Reader, item: Labelled) -> float:
    source = read.source(item.source)
    claims = [(claim, read.claim(claim)) for claim in item.claims]
    return min(second(claim, evidence(source, bearing(words, source))) for claim, words in claims)


def _measured(reading: Reading, seed: int) -> Measured:
    """Balanced accuracy and AUC with intervals over the summaries."""
    drawn = _draws(reading.scores >= FAITHFUL_FROM, reading.faithful, seed)
    accuracy = Interval(float(drawn[0]), *map(float, np.percentile(drawn[1:], (2.5, 97.5))))
    chance = np.random.default_rng(seed)
    areas = []
    for _ in range(_AUC_RESAMPLES):
        rows = chance.integers(len(reading.scores), size=len(reading.scores))
        areas.append(roc_auc(reading.scores[rows].tolist(), reading.faithful[rows].tolist()))
    whole = roc_auc(reading.scores.tolist(), reading.faithful.tolist())
    area = Interval(whole, *map(float, np.percentile(areas, (2.5, 97.5))))
    return Measured(reading.set, reading.judge, len(reading.scores), accuracy, area)


def _draws(predicted: Labels, faithful: Labels, seed: int) -> Array:
    """Balanced accuracy as it is, and of `RESAMPLES` resamples of the summaries."""
    counts = np.concatenate([np.ones((1, len(faithful))), draws(len(faithful), seed)])
    right = (predicted == faithful).astype(float)
    shares = [(counts @ (right * rows)) / np.maximum(counts @ rows.astype(float), 1) for rows in (faithful, ~faithful)]
    result: Array = (shares[0] + shares[1]) / 2
    return result


def _accuracy(predicted: Labels, faithful: Labels) -> float:
    return float((predicted[faithful].mean() + (~predicted[~faithful]).mean()) / 2)
