"""How far the choice of a token depends on what else is computed in the same step: `python -m eval.bench nearties`.

llama.cpp adds up in another order when a batch has another size, so the last bits of the logits differ, and where two
tokens are nearly as probable greedy writing takes the other one. Abstracts are summarized greedily one by one; then the
same tokens are computed again, sixteen texts in each step, and the logits at each position are compared.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eval.bench.papers import SHIPPED
from eval.questions import sample_papers
from service.llm.cores import free_cores
from service.llm.worker.chat import ChatTemplate
from service.llm.worker.decoder import BATCH_TOKENS, Decoder
from service.llm.worker.native import NativeModel
from service.ports import Message

_PAPERS, _TOGETHER, _TOKENS = 160, 16, 64
_BEST = 32
"""Tokens whose logits are compared at each position."""


class Position(NamedTuple):
    """What stood at one position of a text that was written alone."""

    best: NDArray[np.int64]
    """The most probable tokens, best first."""
    logits: NDArray[np.float32]


class Difference(NamedTuple):
    """What changed at one position when the same was computed among others."""

    noise: float
    """The largest difference of a logit."""
    gap: float
    """How much better the first token was alone than the one that is best now; 0 where it is the same."""


def _prompts(model: NativeModel) -> list[list[int]]:
    template = ChatTemplate(model)
    papers = sample_papers()[:_PAPERS]
    texts = [f"Title: {paper.title}\nAbstract: {paper.abstract}\nSummarize in one sentence." for paper in papers]
    return [template.tokens([Message("user", text)]) for text in texts]


def _read(decoder: Decoder, sequence: int, prompt: list[int]) -> int:
    """Compute a prompt; the row of its last logits."""
    row = 0
    for start in range(0, len(prompt), BATCH_TOKENS):
        part = prompt[start : start + BATCH_TOKENS]
        decoder.begin()
        row = decoder.add(sequence, start, part, int(start + len(part) == len(prompt)))[1]
        decoder.run()
    return row


def _write_alone(decoder: Decoder, prompt: list[int]) -> list[Position]:
    """Write greedily with nothing beside it."""
    decoder.clear()
    row = _read(decoder, 0, prompt)
    written: list[Position] = []
    for index in range(_TOKENS):
        logits = decoder.logits(row)
        best = np.argsort(-logits)[:_BEST]
        written.append(Position(best, logits[best].copy()))
        decoder.begin()
        row = decoder.add(0, len(prompt) + index, [int(best[0])], 1)[1]
        decoder.run()
    return written


def _compute_together(
    decoder: Decoder, prompts: list[list[int]], texts: list[list[Position]]
) -> list[Difference]:  # fmt: skip
    """The same tokens, one of each text in every step."""
    decoder.clear()
    for sequence, prompt in enumerate(prompts):
        _read(decoder, sequence, prompt)
    found = []
    for index in range(1, _TOKENS):
        decoder.begin()
        rows = [
            decoder.add(sequence, len(prompt) + index - 1, [int(text[index - 1].best[0])], 1)[1]
            for sequence, (prompt, text) in enumerate(zip(prompts, texts, strict=True))
        ]
        decoder.run()
        found += [_difference(decoder.logits(row), text[index]) for row, text in zip(rows, texts, strict=True)]
    return found


def _difference(logits: NDArray[np.float32], alone: Position) -> Difference:
    now = int(logits.argmax())
    place = int(np.flatnonzero(alone.best == now)[0]) if now in alone.best else _BEST - 1
    noise = float(np.abs(logits[alone.best] - alone.logits).max())
    return Difference(noise, float(alone.logits[0] - alone.logits[place]))


def main(path: Path = SHIPPED) -> None:
    """Print how often and by how much."""
    model = NativeModel(path)
    prompts = _prompts(model)
    cells = max(map(len, prompts)) + _TOKENS
    decoder = Decoder(model, cells=cells, sequences=_TOGETHER, outputs=64, threads=free_cores())
    found: list[Difference] = []
    for begin in range(0, len(prompts), _TOGETHER):
        group = prompts[begin : begin + _TOGETHER]
        texts = [_write_alone(decoder, prompt) for prompt in group]
        found += _compute_together(decoder, group, texts)
    decoder.close()
    model.close()
    changed = [difference.gap for difference in found if difference.gap > 0]
    noise = np.array([difference.noise for difference in found])
    sys.stdout.write(
        f"{path.name}: {len(found):,} positions of {len(prompts)} texts, alone against {_TOGETHER} in a step\n"
        f"logits differ by {np.median(noise):.4f} (median), {np.quantile(noise, 0.99):.4f} (99 %), "
        f"{noise.max():.4f} at most\n"
        f"another token at {len(changed)} positions ({len(changed) / len(found):.2%}), where it was "
        f"{max(changed, default=0.0):.4f} behind at most\n"
    )
