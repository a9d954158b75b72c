"""Fine-tune the embedder on arXiv abstracts without labels: `python -m training.embedder --work DIR`.

Each query should find the abstract that it was taken from (`pairs.py`) among those of its batch and of the batches
before it (cross-batch memory, Wang et al. 2020), which gives 1,600 negatives at the cost of 128. Abstracts that are
nearly about the same are no negatives: who asks for a list wants both. Weights and their updates are float32, what is
computed with them bfloat16. After a while questions say words by their definitions (`definitions.py`), as people do
who do not know the word of the field. Writes a log and checkpoints and goes on from them; in the end a GGUF file for
each share of the new weights.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from eval.data import ROOT, STOCK_EMBEDDER
from training.definitions import definitions
from training.halves import lower, take_gradients
from training.minilm import MiniLM, mixed, write_like
from training.pairs import Abstract, Pair, PairMaker, abstracts, to_train

SHARES = (0.5, 1.0)
_SEED = 4
_BATCH, _PART = 128, 32
_REMEMBERED = 12
"""Batches whose abstracts are negatives too: so long the model changes little."""
_QUERY_TOKENS, _DOCUMENT_TOKENS = 48, 96
_RATE, _WARM_UP, _DECAY = 6e-5, 0.08, 0.01
_TEMPERATURE = 0.05
_ALIKE, _MOST_ALIKE = 0.6, 3
"""Cosine of two abstracts above which the one is no wrong answer where the other is right; so many at most, or the
model learns to make all abstracts alike (it took 26 steps)."""
_SAVE_EVERY = 20
_PLAIN_STEPS = 60
"""Before words are said by their definitions."""


class Training:
    """A model on its way."""

    def __init__(self, work: Path, steps: int) -> None:
        """Load weights and material, and the checkpoint if there is one."""
        torch.manual_seed(_SEED)
        self.work, self.steps, self.done = work, steps, 0
        papers = to_train(abstracts())
        self.maker, self._drawn = PairMaker(papers, _SEED), 0
        self._definitions = self._defined(papers)
        self.model = MiniLM(STOCK_EMBEDDER)
        self.low = MiniLM(STOCK_EMBEDDER).bfloat16()
        for name, weight in self.low.named_parameters():
            weight.requires_grad_(_is_trained(name))
        self.weights = [
            (self.model.get_parameter(name), weight)
            for name, weight in self.low.named_parameters()
            if weight.requires_grad
        ]
        self.optimizer = torch.optim.AdamW([exact for exact, _ in self.weights], lr=_RATE, weight_decay=_DECAY)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)
        self.memory: list[Tensor] = []
        self.checkpoint = work / "embedder.pt"
        if self.checkpoint.exists():
            self._resume()

    def run(self) -> None:
        """Train to the end."""
        start, first = time.perf_counter(), self.done
        with (self.work / "embedder.log").open("a") as log:
            while self.done < self.steps:
                loss = self.step()
                speed = (self.done - first) / (time.perf_counter() - start)
                for target in (log, sys.stdout):
                    target.write(f"step {self.done} loss {loss:.4f} {speed * 60:.1f} steps/min\n")
                    target.flush()
                if self.done % _SAVE_EVERY == 0 or self.done == self.steps:
                    self._save()

    def step(self) -> float:
        """One update; the loss before it."""
        pairs = self._draw()
        queries = self._vectors([pair.query for pair in pairs], _QUERY_TOKENS)
        documents = self._vectors([pair.document for pair in pairs], _DOCUMENT_TOKENS)
        loss = contrast(queries, documents, torch.cat([documents.detach(), *self.memory]))
        loss.backward()
        self.memory = [documents.detach(), *self.memory][:_REMEMBERED]
        take_gradients(self.weights)
        torch.nn.utils.clip_grad_norm_([exact for exact, _ in self.weights], 1.0)
        self.optimizer.step()
        self.schedule.step()
        self.done += 1
        lower(self.weights)
        return float(loss.detach())

    def _draw(self) -> list[Pair]:
        self.maker.definitions = self._definitions if self._drawn >= _PLAIN_STEPS else {}
        self._drawn += 1
        return self.maker.draw(_BATCH)

    def _defined(self, papers: Sequence[Abstract]) -> dict[str, str]:
        """Definitions of words, made once (three minutes)."""
        kept = self.work / "definitions.json"
        if not kept.exists():
            found = definitions([paper.title for paper in papers], MiniLM(STOCK_EMBEDDER).eval())
            kept.write_text(json.dumps(found, indent=1), encoding="utf-8")
        result: dict[str, str] = json.loads(kept.read_text(encoding="utf-8"))
        return result

    def _vectors(self, texts: Sequence[str], window: int) -> Tensor:
        """Unit vectors, shape (texts, 384), float32; texts of like length are computed together."""
        tokens = self.low.tokens(texts, window)
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        parts = [order[start : start + _PART] for start in range(0, len(order), _PART)]
        found = torch.cat([self.low([tokens[index] for index in part]) for part in parts])
        return found[torch.argsort(torch.tensor(order))]

    def _rate(self, step: int) -> float:
        warm = _WARM_UP * self.steps
        return min((step + 1) / warm, (self.steps - step) / (self.steps - warm))

    def _save(self) -> None:
        state = {
            "done": self.done,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "memory": self.memory,
        }
        unfinished = self.checkpoint.with_suffix(".part")
        torch.save(state, unfinished)
        unfinished.replace(self.checkpoint)

    def _resume(self) -> None:
        state: dict[str, Any] = torch.load(self.checkpoint)
        self.done, self.memory = int(state["done"]), state["memory"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        lower(self.weights)
        while self._drawn < self.done:
            self._draw()


def _is_trained(name: str) -> bool:
    """What words mean by themselves stays, and so do biases: a third of the time for little."""
    return name.startswith("blk.") and (name.endswith("weight") or "norm" in name)


def contrast(queries: Tensor, documents: Tensor, others: Tensor) -> Tensor:
    """How far the right abstracts are from being the nearest ones, and the queries from being theirs.

    Args:
        queries: unit vectors, shape (pairs, 384).
        documents: those of the right abstracts, the same shape.
        others: abstracts to compare with, of the same pairs first, without gradient; shape (others, 384).
    """
    count = len(queries)
    likeness = (documents.detach() @ others.T).masked_fill(torch.eye(count, len(others), dtype=torch.bool), -1.0)
    nearest = likeness.topk(min(_MOST_ALIKE, len(others)), dim=1)
    alike = torch.zeros_like(likeness, dtype=torch.bool).scatter(1, nearest.indices, nearest.values > _ALIKE)
    right = torch.arange(count)
    within = queries @ documents.T / _TEMPERATURE
    beyond = queries @ others[count:].T / _TEMPERATURE
    forth = torch.cat([within, beyond], dim=1).masked_fill(alike, -torch.inf)
    back = within.T.masked_fill(alike[:, :count], -torch.inf)
    loss: Tensor = (functional.cross_entropy(forth, right) + functional.cross_entropy(back, right)) / 2
    return loss


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "training")
    parser.add_argument("--steps", type=int, default=230)
    chosen = parser.parse_args(arguments)
    chosen.work.mkdir(parents=True, exist_ok=True)
    training = Training(chosen.work, chosen.steps)
    training.run()
    stock, trained = MiniLM(STOCK_EMBEDDER).state_dict(), training.model.state_dict()
    for share in SHARES:
        write_like(STOCK_EMBEDDER, chosen.work / f"embedder-{share:g}.gguf", mixed(stock, trained, share))


if __name__ == "__main__":
    main()
