"""Train the sentence selector: `python -m training.selector` (six minutes on two cores, seeded by nothing random).

Data: SciTLDR-A train (1,992 abstracts with author and reviewer TLDRs); dev (619) is for reporting only. The target of
a sentence is the mean of its ROUGE-1, -2 and -L F1 with the best reference; the loss is listwise (cross entropy between
the softmax of targets and of scores, Cao et al. 2007), so that only the order within an abstract matters. Fitted twice:
features alone, and together with the vector of the sentence, which decays more; how much was chosen on parts of train,
each left out in turn.
"""

import json
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rouge_score.rouge_scorer import RougeScorer

from eval.data import EMBEDDER, ROOT, read_lines
from service.answer import selector
from service.index.lexical import Analyzer
from service.llm.embedder import LlamaEmbedder

_TEMPERATURE = 0.05
_STEPS = 400
_RATE = 0.03
_DECAY = 1e-3
_DECAY_OF_DIRECTION = 0.2
"""Of 0.03, 0.1, 0.2, 0.3 and 0.5; 0.3 is as good."""
_FOLDS = 4
_OUTPUT = ROOT / "service" / "answer" / "selector.json"
_CUES = (
    re.compile(r"\b(?:we|this paper|this work)\b.*\b(?:propose|introduce|present)", re.IGNORECASE),
    re.compile(r"\b(?:we|this paper|this work)\b.*\b(?:show|develop|describe|study|investigate|find)", re.IGNORECASE),
)

Array = NDArray[np.float64]


class Example(NamedTuple):
    """One abstract of SciTLDR."""

    title: str
    sentences: Sequence[str]
    references: Sequence[str]
    features: Array
    vectors: Array

    @property
    def everything(self) -> Array:
        """Features, and behind them the vectors; shape (sentences, features + dimensions)."""
        return np.concatenate([self.features, self.vectors], axis=1)


@cache
def scorer() -> RougeScorer:
    """ROUGE with stemming, as the SciTLDR paper reports it."""
    return RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)


def rouge(text: str, references: Sequence[str]) -> Array:
    """F1 of ROUGE-1, -2, -L in percent with the reference that has the best ROUGE-1."""
    best = max((scorer().score(reference, text) for reference in references), key=lambda s: s["rouge1"].fmeasure)
    return np.array([100 * best[name].fmeasure for name in ("rouge1", "rouge2", "rougeL")])


def read_examples(split: str, embedder: LlamaEmbedder, analyzer: Analyzer) -> list[Example]:
    """The abstracts of a split with their features."""
    examples = []
    for record in read_lines("scitldr", f"{split}.jsonl"):
        title, sentences = record.get("title") or "", record["source"]
        vectors, whole = embed(title, sentences, embedder)
        title_vector = embedder.embed_query(title) if title else whole
        abstract = selector.Abstract(title, sentences, vectors, title_vector, whole, embedder.fingerprint)
        features = selector.features(abstract, lambda text: list(analyzer.query_terms(text).elements()))
        examples.append(Example(title, sentences, record["target"], features, np.asarray(vectors, np.float64)))
    return examples


def embed(title: str, sentences: Sequence[str], embedder: LlamaEmbedder) -> tuple[Any, Any]:
    """Sentence vectors in context and the vector of the whole, from passages as the index cuts them."""
    room = embedder.max_tokens - 2 - min(embedder.count_tokens(title), 64)
    passages: list[list[str]] = [[title[:200]]]
    used = 0
    for sentence in sentences:
        text = sentence
        while embedder.count_tokens(text) > room:
            text = text[: len(text) * 3 // 4]
        if used and used + embedder.count_tokens(text) > room:
            passages.append([title[:200]])
            used = 0
        passages[-1].append(text)
        used += embedder.count_tokens(text)
    found = embedder.embed_passages(passages)
    return np.concatenate([item.segments[1:] for item in found]), selector.abstract_vector([f.whole for f in found])


def fit(inputs: Sequence[Array], targets: Sequence[Array]) -> Array:
    """Weights that minimize the listwise loss, by Adam on the whole set.

    Args:
        inputs: of each abstract, shape (sentences, features) or with the vectors behind the features.
        targets: of its sentences.
    """
    scale = np.concatenate([x - x.mean(axis=0) for x in inputs]).std(axis=0) + 1e-9
    of_vectors = scale[len(selector.FEATURES) :]
    if of_vectors.size:
        # One for all of them: some dimensions are all but constant.
        of_vectors[:] = np.sqrt(np.mean(of_vectors**2))
    inputs = [x / scale for x in inputs]
    wanted = [_softmax(t / 100 / _TEMPERATURE) for t in targets]
    weights = np.zeros(len(scale))
    decay = np.where(np.arange(len(scale)) < len(selector.FEATURES), _DECAY, _DECAY_OF_DIRECTION)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, _STEPS + 1):
        gradient = sum(x.T @ (_softmax(x @ weights) - p) for x, p in zip(inputs, wanted, strict=True))
        gradient = gradient / len(inputs) + decay * weights
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        weights -= _RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    result: Array = weights / scale
    return result


def cue_sentence(example: Example) -> int:
    """The plain rule to beat: the first sentence with a cue phrase, or the first sentence."""
    for cue in _CUES:
        for index, sentence in enumerate(example.sentences):
            if cue.search(sentence):
                return index
    return 0


def chosen(example: Example, inputs: Array, weights: Array) -> str:
    """The sentence whose inputs the weights find best."""
    return example.sentences[int(np.argmax(inputs @ weights))]


def left_out(examples: Sequence[Example], inputs: Sequence[Array], targets: Sequence[Array]) -> Array:
    """ROUGE-1/2/L of the sentences chosen by weights that were fitted without their abstracts."""
    made = []
    for fold in range(_FOLDS):
        rest = [place for place in range(len(examples)) if place % _FOLDS != fold]
        weights = fit([inputs[place] for place in rest], [targets[place] for place in rest])
        tried = zip(examples[fold::_FOLDS], inputs[fold::_FOLDS], strict=True)
        made += [rouge(chosen(example, of_one, weights), example.references) for example, of_one in tried]
    mean: Array = np.mean(made, axis=0)
    return mean


def report(examples: Sequence[Example], alone: Array, together: Array) -> dict[str, list[float]]:
    """ROUGE-1/2/L on a split, of the selector and of the rules that it is compared with."""
    systems: dict[str, Callable[[Example], str]] = {
        "first sentence": lambda e: e.sentences[0],
        "title": lambda e: e.title,
        "cue-phrase sentence": lambda e: e.sentences[cue_sentence(e)],
        "selector, features alone": lambda e: chosen(e, e.features, alone),
        "selector, with vectors": lambda e: chosen(e, e.everything, together),
        "best sentence (oracle)": lambda e: max(e.sentences, key=lambda s: float(rouge(s, e.references)[0])),
    }
    return {
        name: np.mean([rouge(system(e), e.references) for e in examples], axis=0).round(1).tolist()
        for name, system in systems.items()
    }


def _softmax(values: Array) -> Array:
    raised: Array = np.exp(values - values.max())
    scaled: Array = raised / raised.sum()
    return scaled


def _named(weights: Array) -> dict[str, float]:
    return dict(zip(selector.FEATURES, [round(float(weight), 5) for weight in weights], strict=False))


def main() -> None:
    """Train, report on dev, write the weights."""
    embedder = LlamaEmbedder(EMBEDDER)
    analyzer = Analyzer()
    train, dev = (read_examples(split, embedder, analyzer) for split in ("train", "dev"))
    targets = [np.array([rouge(s, e.references).mean() for s in e.sentences]) for e in train]
    alone, everything = [example.features for example in train], [example.everything for example in train]
    weights, together = fit(alone, targets), fit(everything, targets)
    results = report(dev, weights, together)
    for name, inputs in (("features alone", alone), ("with vectors", everything)):
        results[f"left-out parts of train, {name}"] = left_out(train, inputs, targets).round(1).tolist()
    for name, values in results.items():
        sys.stdout.write(f"{name:40} R1 {values[0]:5.1f}  R2 {values[1]:5.1f}  RL {values[2]:5.1f}\n")
    document = {
        "made by": "python -m training.selector",
        "data": "SciTLDR-A train, Apache-2.0",
        "ROUGE-1/2/L, dev where not said otherwise": results,
        "features alone": _named(weights),
        "beside vectors": _named(together),
        "embedder": embedder.fingerprint,
        "direction": " ".join(f"{weight:.4f}" for weight in together[len(selector.FEATURES) :]),
    }
    Path(_OUTPUT).write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
