"""Make the judge of `paperboy verify`: `python -m training.verifier` (five minutes on two cores, seeded).

Two logistic regressions over the signals of `service/answer/signals.py`. Claims without capitals are learned from FRANK
(validation), FactCC and SummEval; all others from the edited summaries of SummEdits and from edited sentences of arXiv
abstracts. A summary is as faithful as its weakest claim; which claim of an unfaithful one is wrong is often not known,
so each counts in part. What is printed is measured with whole documents left out (five parts) and with whole sets left
out; the calibration is that of the first.
"""

import gzip
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eval.labels import EDITED, NEWS, Labelled, labelled
from eval.metrics import balanced_accuracy, roc_auc
from eval.wordnet import WordNet, wordnet
from service.answer import judge, relations
from service.answer.judge import FAITHFUL_FROM
from service.answer.reading import Reader, reader
from service.answer.signals import cased, signals, view
from service.answer.verify import remaining
from service.index.lexical import Analyzer
from training.claims import synthetic
from training.relevance import fit

Array = NDArray[np.float64]
_SEED = 11
_EDITS = 8_000
_EDIT_SHARE = 0.25
"""Weight of the edited sentences of abstracts beside the labelled summaries."""
_PARTS = 5
_DECAY = {"uncased": 1_000.0, "cased": 100.0}
"""Chosen with documents left out."""
_MOST_RELATED = 24
_LICENCE = (
    "From WordNet 3.0, Copyright 2006 by Princeton University. All rights reserved. Permission to use, copy, modify "
    "and distribute this software and database and its documentation for any purpose and without fee or royalty is "
    "hereby granted, provided that this notice stays. PROVIDED AS IS, WITHOUT WARRANTIES OF ANY KIND; the whole text: "
    "https://wordnet.princeton.edu/license-and-commercial-use"
)


class Material(NamedTuple):
    """Summaries as the regression sees them; rows of `signals` are claims."""

    signals: Array
    owner: NDArray[np.int64]
    """Summary of each claim."""
    factors: Array
    """What contradictions leave of each claim's probability."""
    claim_labels: Array
    claim_weights: Array
    sets: NDArray[np.str_]
    documents: NDArray[np.int64]
    faithful: NDArray[np.bool_]
    kinds: NDArray[np.str_]
    decay: float
    """How strongly weights are held near zero."""

    def part(self, chosen: NDArray[np.bool_]) -> "Material":
        """Some of the summaries."""
        rows = chosen[self.owner]
        numbers = np.cumsum(chosen) - 1
        return Material(
            self.signals[rows],
            numbers[self.owner[rows]],
            self.factors[rows],
            self.claim_labels[rows],
            self.claim_weights[rows],
            self.sets[chosen],
            self.documents[chosen],
            self.faithful[chosen],
            self.kinds[chosen],
            self.decay,
        )


def material(items: Iterable[Labelled], read: Reader, decay: float) -> tuple[Material, list[str]]:
    """The signals of all claims, and their names."""
    rows, owner, factors, labels, weights, names = [], [], [], [], [], list[str]()
    kept = list(items)
    for number, item in enumerate(kept):
        source = read.source(item.source)
        unsure = sum(label is None for label in item.claim_labels) or 1
        known = item.faithful or None not in item.claim_labels
        for claim, label in zip(item.claims, item.claim_labels, strict=True):
            seen = view(read.claim(claim), source)
            values = signals(seen)
            factors.append(remaining(seen, values)[0])
            names = names or list(values)
            rows.append(list(values.values()))
            owner.append(number)
            labels.append(float(bool(label)))
            sure = 1 / len(item.claims) if item.faithful else 1.0 if known else 1 / unsure
            weights.append(sure if not (label and not item.faithful) else 1 / len(item.claims))
    made = (np.array(rows), np.array(owner), np.array(factors), np.array(labels), np.array(weights))
    about = [(item.set, item.document, item.faithful, item.kind) for item in kept]
    sets, documents, faithful, kinds = (np.array(column) for column in zip(*about, strict=True))
    return Material(*made, sets, documents, faithful, kinds, decay), names


def balanced(data: Material) -> Array:
    """Weights of claims: in each set both labels weigh the same, and a set as the root of its size."""
    weights = np.zeros(len(data.owner))
    sets = data.sets[data.owner]
    for name in np.unique(data.sets):
        size = np.sqrt((data.sets == name).sum()) * (_EDIT_SHARE * len(np.unique(data.sets)) if name == "arxiv" else 1)
        for label in (0.0, 1.0):
            chosen = (sets == name) & (data.claim_labels == label)
            weights[chosen] = data.claim_weights[chosen] / max(data.claim_weights[chosen].sum(), 1e-9) * size
    result: Array = weights / weights.mean()
    return result


def weakest(data: Material, theta: Array) -> Array:
    """The lowest logit among the claims of each summary."""
    lowest = np.full(len(data.faithful), np.inf)
    np.minimum.at(lowest, data.owner, theta[0] + data.signals @ theta[1:])
    return lowest


def probabilities(data: Material, theta: Array) -> Array:
    """The lowest probability among the claims of each summary, contradictions counted, as `verify` has it."""
    claims = data.factors / (1 + np.exp(-(theta[0] + data.signals @ theta[1:])))
    lowest = np.ones(len(data.faithful))
    np.minimum.at(lowest, data.owner, claims)
    return lowest


def calibrated(data: Material) -> Array:
    """Bias and weights learned on some summaries, with the calibration of the same ones."""
    theta = fit(data.signals, data.claim_labels, balanced(data), data.decay)
    bias, slope = calibration(weakest(data, theta), data)
    result: Array = np.r_[bias + slope * theta[0], slope * theta[1:]]
    return result


def left_out(data: Material, groups: Sequence[NDArray[np.bool_]]) -> Array:
    """Probabilities of summaries by a judge that did not see their group, nor had its threshold from it."""
    found = np.zeros(len(data.faithful))
    for group in groups:
        found[group] = probabilities(data.part(group), calibrated(data.part(~group)))
    return found


def calibration(logits: Array, data: Material) -> Array:
    """Bias and slope that make the weakest claim's logit that of the summary (Platt 1999), every set weighing the same.

    The bias is then moved to where the mean balanced accuracy of the sets is best, so that the threshold is 0.
    """
    weights = np.zeros(len(logits))
    for name in np.unique(data.sets):
        for label in (False, True):
            chosen = (data.sets == name) & (data.faithful == label)
            weights[chosen] = 1 / max(1, chosen.sum())
    theta = fit(logits[:, None], data.faithful.astype(float), weights / weights.mean(), 1.0)
    scaled = theta[0] + theta[1] * logits
    steps = np.quantile(scaled, np.linspace(0.05, 0.95, 91))
    accuracy = [mean_accuracy(scaled >= step, data) for step in steps]
    # The middle of the best few is less by chance than the best one.
    best = float(np.mean(steps[np.argsort(accuracy)[-9:]]))
    return np.array([theta[0] - best, theta[1]])


def mean_accuracy(predicted: NDArray[np.bool_], data: Material) -> float:
    """Balanced accuracy, mean of the sets of people's labels."""
    values = [
        balanced_accuracy(predicted[data.sets == name].tolist(), data.faithful[data.sets == name].tolist()) or 0.5
        for name in np.unique(data.sets)
        if name != "arxiv"
    ]
    return float(np.mean(values))


def report(title: str, scores: Array, data: Material) -> str:
    """Balanced accuracy and AUC of each set."""
    parts = []
    for name in np.unique(data.sets):
        chosen = data.sets == name
        accuracy = balanced_accuracy((scores[chosen] >= FAITHFUL_FROM).tolist(), data.faithful[chosen].tolist()) or 0.0
        parts.append(f"{name} {accuracy:.3f}/{roc_auc(scores[chosen].tolist(), data.faithful[chosen].tolist()):.3f}")
    return f"{title}: mean {mean_accuracy(scores >= FAITHFUL_FROM, data):.3f}; " + ", ".join(parts)


def learned(data: Material, names: Sequence[str]) -> tuple[dict[str, object], list[str]]:
    """Weights and bias of one judge, and what it is worth on what it did not see."""
    by_document = [data.documents % _PARTS == part for part in range(_PARTS)]
    by_set = [data.sets == name for name in np.unique(data.sets) if name != "arxiv"]
    people = data.sets != "arxiv"
    lines = [
        report("documents left out", left_out(data, by_document), data),
        report("sets left out", left_out(data, by_set)[people], data.part(people)),
    ]
    theta = fit(data.signals, data.claim_labels, balanced(data), data.decay)
    raw = np.zeros(len(data.faithful))
    for group in by_document:
        rest = data.part(~group)
        part = fit(rest.signals, rest.claim_labels, balanced(rest), data.decay)
        raw[group] = weakest(data.part(group), part)
    bias, slope = calibration(raw, data)
    weights = {name: round(float(slope * value), 4) for name, value in zip(names, theta[1:], strict=True)}
    return {"bias": round(float(bias + slope * theta[0]), 4), "weights": weights}, lines


def edited(read_count: int) -> list[Labelled]:
    """Edited sentences of abstracts as labelled summaries of one claim."""
    numbers: dict[str, int] = {}
    return [
        Labelled(
            "arxiv", numbers.setdefault(e.source, len(numbers)), e.source, (e.claim,), e.faithful, (e.faithful,), e.kind
        )
        for e in synthetic(read_count, _SEED)
    ]  # fmt: skip


def write_relations(words: WordNet, stem: Callable[[str], str]) -> None:
    """WordNet's relations between stems."""

    def stems(related: dict[str, set[str]]) -> dict[str, str]:
        found: dict[str, set[str]] = {}
        for word, others in related.items():
            if "_" in word or not (own := stem(word)):
                continue
            named = {stem(other) for other in others if "_" not in other} - {"", own}
            found.setdefault(own, set()).update(named)
        return {own: " ".join(sorted(named)[:_MOST_RELATED]) for own, named in sorted(found.items()) if named}

    parts: dict[str, set[str]] = {}
    for word, letters in words.parts.items():
        if "_" not in word and (own := stem(word)):
            parts.setdefault(own, set()).update(letters)
    document = {
        "licence": _LICENCE,
        "synonyms": stems(words.alike),
        "antonyms": stems(words.antonyms),
        "kinds": stems(words.kinds),
        "parts": {own: "".join(sorted(letters)) for own, letters in sorted(parts.items())},
    }
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    relations.FILE.write_bytes(gzip.compress(data, mtime=0))
    relations.relations.cache_clear()


def regimes(read: Reader) -> dict[str, tuple[Material, list[str]]]:
    """What each judge is learned from, and the names of the signals."""
    items = [item for item in labelled() if item.set in NEWS or item.set.startswith(EDITED)]
    lower = [item for item in items if not any(map(cased, item.claims))]
    rest = [item for item in items if item.set.startswith(EDITED)] + edited(_EDITS)
    return {name: material(kept, read, _DECAY[name]) for name, kept in (("uncased", lower), ("cased", rest))}


def main() -> None:
    """Write the relations, learn both judges, print what they are worth."""
    analyzer = Analyzer()
    read = reader(lambda text: list(analyzer.query_terms(text)))
    write_relations(wordnet(), read.stem)
    judges, results = {}, {}
    for name, (data, names) in regimes(read).items():
        judges[name], results[name] = learned(data, names)
        sys.stdout.write("\n".join(f"{name}, {line}" for line in results[name]) + "\n")
    document = {
        "made by": "python -m training.verifier",
        "data": "FRANK valid, FactCC, SummEval, SummEdits without scientific abstracts; edited arXiv abstracts",
        "balanced accuracy / ROC-AUC": results,
        "judges": judges,
    }
    judge.FILE.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
