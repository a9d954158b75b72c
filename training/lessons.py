"""What the embedder learns: passages and questions of arXiv abstracts, and how its teacher sees them.

The teacher's vectors are computed once, in parts that are kept; a minute for a thousand papers on two cores.
"""

import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.abstracts import Abstract, QuestionMaker
from training.teacher import MPNet

PASSAGES, QUESTIONS = 2, 6
"""Of each paper."""
PASSAGE_TOKENS, QUESTION_TOKENS = 256, 64
_SEED, _DRAWN = 3, 24_000
"""So many papers are drawn at once, so that whoever takes more of them has no others."""
_PART = 1_000
_UNEVEN = 40
"""Characters that the first half may be too long."""


class Lessons(NamedTuple):
    """Texts of papers one after the other, and their teacher's vectors, shape (texts, 768), float32."""

    passages: list[str]
    questions: list[str]
    passage_vectors: Tensor
    question_vectors: Tensor


def lessons(papers: Sequence[Abstract], count: int, teacher: Path, work: Path) -> Lessons:
    """The lessons of `count` of the papers (24,000 at most)."""
    drawn = random.Random(_SEED).sample(papers, _DRAWN)  # noqa: S311 - no secret
    maker = QuestionMaker(drawn, _SEED)
    parts = -(-count // _PART)
    passages = [text for paper in drawn[: parts * _PART] for text in halves(paper)]
    questions = [text for paper in drawn[: parts * _PART] for text in maker.questions(paper)]
    model: MPNet | None = None
    found: tuple[list[Tensor], list[Tensor]] = ([], [])
    for part in range(parts):
        kept = work / f"teacher-{part}.npz"
        if not kept.exists():
            model = model or MPNet(teacher)
            _keep(kept, model, _of_part(passages, part, PASSAGES), _of_part(questions, part, QUESTIONS))
            sys.stdout.write(f"{kept} written\n")
            sys.stdout.flush()
        with np.load(kept) as arrays:
            for vectors, name in zip(found, ("passages", "questions"), strict=True):
                vectors.append(torch.from_numpy(arrays[name]).float())
    first, asked = count * PASSAGES, count * QUESTIONS
    of_passages, of_questions = (torch.cat(vectors) for vectors in found)
    return Lessons(passages[:first], questions[:asked], of_passages[:first], of_questions[:asked])


def halves(paper: Abstract) -> list[str]:
    """Title and half of the abstract, twice: cut between sentences near the middle, as chunks are."""
    sentences, middle = list(paper.sentences), sum(map(len, paper.sentences)) / 2 + _UNEVEN
    first = 1
    while first < len(sentences) - 1 and sum(map(len, sentences[: first + 1])) <= middle:
        first += 1
    return [" ".join([paper.title, *part]) for part in (sentences[:first], sentences[first:])]


def _of_part(texts: Sequence[str], part: int, each: int) -> Sequence[str]:
    return texts[part * _PART * each : (part + 1) * _PART * each]


def _keep(kept: Path, model: MPNet, passages: Sequence[str], questions: Sequence[str]) -> None:
    found = {
        name: model.encode(texts, window).numpy().astype(np.float16)
        for name, texts, window in (("passages", passages, PASSAGE_TOKENS), ("questions", questions, QUESTION_TOKENS))
    }
    unfinished = kept.with_suffix(".part.npz")
    np.savez(unfinished, **found)
    unfinished.replace(kept)
