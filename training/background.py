"""Make the background from which questions take words: `python -m training.background`.

Abstracts of arXiv's daily lists (metadata CC0), none of them of the sample pages and none listed from 2026-05 on, as
the shipped embedder sees them: their vectors in the directions in which they differ most, 8 bits each, and their
typical words. The vectors are computed in bfloat16 (`minilm.py`); 20,000 take about ten minutes on two cores; what is
embedded is kept, and the next run goes on there.
"""

import argparse
import random
import re
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.data import EMBEDDER, ROOT
from service.index.background import FILE, WORDS_EACH, BackgroundData
from service.index.lexical import Analyzer
from service.llm.embedder import LlamaEmbedder
from training.abstracts import Abstract, abstracts, to_train
from training.minilm import MiniLM

_SEED, _PART = 1, 500
_KEPT = 192
"""Directions: with 128 nDCG@10 of the list questions is 0.004 lower, with all 384 the same."""
_WORD = re.compile(r"[^\W\d_][^\W_]*(?:[-‐‑][^\W_]+)*")
_RAREST, _COMMONEST = 3, 0.2
"""A word is in more abstracts than the first and in a smaller share than the second."""


def embedded(papers: Sequence[Abstract], work: Path, model: MiniLM) -> NDArray[np.float32]:
    """Vectors of title and abstract, cut at the window; shape (papers, dimensions)."""
    kept = work / "background-vectors.npy"
    vectors = np.load(kept) if kept.exists() else np.empty((0, model.token_embd.embedding_dim), np.float32)
    while len(vectors) < len(papers):
        texts = [paper.whole for paper in papers[len(vectors) : len(vectors) + _PART]]
        vectors = np.vstack([vectors, model.encode(texts).numpy()])
        np.save(kept, vectors)
        sys.stdout.write(f"{len(vectors):,} of {len(papers):,} embedded\n")
    found: NDArray[np.float32] = vectors[: len(papers)]
    return found


def compressed(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float16], NDArray[np.int8]]:
    """Mean, projection, and projected vectors of unit length in 8 bits."""
    mean = vectors.mean(axis=0)
    _, _, directions = np.linalg.svd(vectors - mean, full_matrices=False)
    projection = directions[:_KEPT].T.astype(np.float16)
    projected = (vectors - mean) @ projection.astype(np.float32)
    projected /= np.linalg.norm(projected, axis=1, keepdims=True)
    return mean, projection, np.round(projected * 127).astype(np.int8)


def typical_words(
    papers: Sequence[Abstract],
) -> tuple[NDArray[np.uint16], NDArray[np.uint8], list[str]]:
    """Of each abstract its words of greatest frequency times rarity, their weights, and the vocabulary."""
    analyzer = Analyzer()
    forms: dict[str, Counter[str]] = {}
    counts = []
    for paper in papers:
        found: Counter[str] = Counter()
        for word, count in Counter(_WORD.findall(paper.whole.lower())).items():
            for term in analyzer.query_terms(word):
                forms.setdefault(term, Counter())[word] += count
                found[term] += count
        counts.append(found)
    having = Counter(term for found in counts for term in found)
    known = [term for term, papers_with in having.items() if _RAREST < papers_with < _COMMONEST * len(papers)]
    numbers = {term: number for number, term in enumerate(known)}
    words = np.full((len(papers), WORDS_EACH), np.iinfo(np.uint16).max, np.uint16)
    weights = np.zeros((len(papers), WORDS_EACH), np.uint8)
    for row, found in enumerate(counts):
        values = {
            numbers[term]: count * np.log(len(papers) / having[term])
            for term, count in found.items()
            if term in numbers
        }
        best = sorted(values, key=lambda number: -values[number])[:WORDS_EACH]
        words[row, : len(best)] = best
        weights[row, : len(best)] = [round(255 * values[number] / values[best[0]]) for number in best]
    return words, weights, [forms[term].most_common(1)[0][0] for term in known]


def main(arguments: Sequence[str] | None = None) -> None:
    """Embed, compress, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "training")
    parser.add_argument("--papers", type=int, default=20_000)
    chosen = parser.parse_args(arguments)
    chosen.work.mkdir(parents=True, exist_ok=True)
    papers = random.Random(_SEED).sample(to_train(abstracts()), chosen.papers)  # noqa: S311 - no secret
    mean, projection, vectors = compressed(embedded(papers, chosen.work, MiniLM(EMBEDDER).eval()))
    with closing(LlamaEmbedder(EMBEDDER)) as embedder:
        fingerprint = embedder.fingerprint
    words, weights, vocabulary = typical_words(papers)
    data = BackgroundData(
        np.array(fingerprint), mean, projection, vectors, words, weights, np.array("\n".join(vocabulary))
    )
    target = ROOT / "models" / FILE
    np.savez_compressed(target, **data._asdict())
    size = f"{target.stat().st_size:,} bytes"
    sys.stdout.write(f"{target}: {len(papers):,} abstracts, {len(vocabulary):,} words, {size}\n")


if __name__ == "__main__":
    main()
