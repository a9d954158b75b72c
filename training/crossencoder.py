"""Train the judge's cross-encoder: `python -m training.crossencoder --work DIR`.

all-MiniLM-L6-v2 with a rank head reads a claim with the one or two sentences that bear it best. First edited sentences
of arXiv abstracts, then the labelled sets with as many edits among them. `--without SET` leaves sets out, to see what
it is worth on data that it never saw. A checkpoint is written now and then, and a second run goes on from it.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from eval.data import ROOT, STOCK_EMBEDDER
from eval.labels import EDITED, NEWS, labelled
from service.answer.reading import bearing, evidence, reader
from service.index.lexical import Analyzer
from training.claims import synthetic
from training.minilm import MiniLM

CLAIM_TOKENS, PAIR_TOKENS = 48, 88
_SEED = 7
_BATCH = 32
_POOL = 32
"""Batches that are drawn together and sorted by length, so that little is padded."""
_RATE, _HEAD_RATE, _WARM_UP = 1e-4, 1e-3, 0.06
_SAVE_EVERY = 100


class Pair(NamedTuple):
    """Token ids of a claim and its evidence, and the label."""

    tokens: list[int]
    label: float


class CrossEncoder(nn.Module):  # type: ignore[misc]
    """A claim and its evidence to one logit, as llama.cpp computes it for a BERT with a rank head of two layers."""

    def __init__(self, path: Path = STOCK_EMBEDDER) -> None:
        """Begin with the embedder's weights and a head that says nothing yet."""
        super().__init__()
        self.body = MiniLM(path)
        width = self.body.token_embd.weight.shape[1]
        self.cls, self.out = nn.Linear(width, width), nn.Linear(width, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        """Logits, shape (pairs,)."""
        states, _ = self.body.states(tokens)
        scores: Tensor = self.out(torch.tanh(self.cls(states[:, 0].float())))[:, 0]
        return scores

    def pair(self, claim: str, text: str) -> list[int]:
        """`[CLS] claim [SEP] evidence [SEP]`; of what exceeds the window the end is cut."""
        first = self.body.tokens([claim], CLAIM_TOKENS)[0]
        both = [*first, *self.body.tokens([text], PAIR_TOKENS)[0][1:]]
        return [*both[: PAIR_TOKENS - 1], first[-1]]


class Pairs:
    """Makes pairs of claims and sources."""

    def __init__(self, model: CrossEncoder) -> None:
        """Tokenize with the model's vocabulary."""
        analyzer = Analyzer()
        self._model, self._reader = model, reader(lambda text: list(analyzer.query_terms(text)))

    def tokens(self, claim: str, text: str) -> list[int]:
        """The claim with its evidence in the source."""
        read, source = self._reader.claim(claim), self._reader.source(text)
        return self._model.pair(claim, evidence(source, bearing(read, source)))

    def synthetic(self, count: int, seed: int) -> Iterator[Pair]:
        """Edited sentences."""
        for example in synthetic(count, seed):
            yield Pair(self.tokens(example.claim, example.source), float(example.faithful))

    def labelled(self, without: Sequence[str]) -> list[Pair]:
        """Claims whose label is known, each once."""
        found: dict[tuple[int, str], Pair] = {}
        for item in labelled():
            if item.set in without or not (item.set in NEWS or item.set.startswith(EDITED)):
                continue
            for claim, label in zip(item.claims, item.claim_labels, strict=True):
                if label is not None:
                    found[item.document, claim] = Pair(self.tokens(claim, item.source), float(label))
        return list(found.values())


class Training:
    """A cross-encoder on its way."""

    def __init__(self, work: Path, name: str, model: CrossEncoder, steps: int, rate: float = _RATE) -> None:
        """Set up the optimizer and go on from the checkpoint if there is one."""
        self.model, self.steps, self.done = model, steps, 0
        # Which words are alike is known already; without these there is half as much to update.
        for table in (model.body.token_embd, model.body.position_embd, model.body.token_types):
            table.requires_grad_(False)
        body, head = model.body.blk.parameters(), [*model.cls.parameters(), *model.out.parameters()]
        groups = [{"params": list(body), "lr": rate}, {"params": head, "lr": rate / _RATE * _HEAD_RATE}]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)
        self.checkpoint = work / f"{name}.pt"
        if self.checkpoint.exists():
            state: dict[str, Any] = torch.load(self.checkpoint)
            self.done = int(state["done"])
            for part in ("model", "optimizer", "schedule"):
                getattr(self, part).load_state_dict(state[part])

    def run(self, batches: Iterator[Sequence[Pair]]) -> None:
        """Train to the end; batches of steps that a checkpoint has are drawn and left."""
        start, first, mean = time.perf_counter(), self.done, 0.7
        for number, batch in enumerate(batches, start=1):
            if number <= self.done:
                continue
            if number > self.steps:
                break
            with torch.autocast("cpu", torch.bfloat16):
                logits = self.model([pair.tokens for pair in batch])
            wanted = torch.tensor([pair.label for pair in batch])
            loss = functional.binary_cross_entropy_with_logits(logits.float(), wanted)
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.schedule.step()
            self.done, mean = number, 0.98 * mean + 0.02 * float(loss.detach())
            if number % 20 == 0:
                speed = (number - first) / (time.perf_counter() - start)
                sys.stdout.write(f"{self.checkpoint.stem} step {number} loss {mean:.4f} {speed * 60:.1f} steps/min\n")
                sys.stdout.flush()
            if number % _SAVE_EVERY == 0 or number == self.steps:
                self._save()

    def _rate(self, step: int) -> float:
        warm = _WARM_UP * self.steps
        return max(0.0, min((step + 1) / warm, (self.steps - step) / (self.steps - warm)))

    def _save(self) -> None:
        state = {part: getattr(self, part).state_dict() for part in ("model", "optimizer", "schedule")}
        unfinished = self.checkpoint.with_suffix(".part")
        torch.save({"done": self.done, **state}, unfinished)
        unfinished.replace(self.checkpoint)


def batches(pairs: Iterator[Pair]) -> Iterator[list[Pair]]:
    """Batches of pairs of like length."""
    chance = random.Random(_SEED)  # noqa: S311 - no secret
    pool: list[Pair] = []
    for pair in pairs:
        pool.append(pair)
        if len(pool) == _POOL * _BATCH:
            pool.sort(key=lambda kept: len(kept.tokens))
            parts = [pool[start : start + _BATCH] for start in range(0, len(pool), _BATCH)]
            chance.shuffle(parts)
            yield from parts
            pool = []


def mixed(pairs: Sequence[Pair], edits: Iterator[Pair], share: float) -> Iterator[Pair]:
    """Labelled pairs again and again, in a new order each time, and edits between them."""
    chance = random.Random(_SEED)  # noqa: S311 - no secret
    while True:
        for pair in chance.sample(pairs, len(pairs)):
            while chance.random() < share:
                yield next(edits)
            yield pair


def main(arguments: Sequence[str] | None = None) -> None:
    """Train both stages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "training")
    parser.add_argument("--first", type=int, default=1_500, help="steps over edits only")
    parser.add_argument("--second", type=int, default=500, help="steps with labelled claims")
    parser.add_argument("--without", action="append", default=[], metavar="SET")
    parser.add_argument("--name", default="judge", help="of the checkpoint of the second stage")
    chosen = parser.parse_args(arguments)
    chosen.work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(_SEED)
    model = CrossEncoder()
    pairs = Pairs(model)
    first = Training(chosen.work, "edits", model, chosen.first)
    if first.done < chosen.first:
        first.run(batches(pairs.synthetic((chosen.first + _POOL) * _BATCH, _SEED)))
    if chosen.second:
        second = Training(chosen.work, chosen.name, model, chosen.second, _RATE / 2)
        edits = pairs.synthetic(chosen.second * _BATCH, _SEED + 1)
        second.run(batches(mixed(pairs.labelled(chosen.without), edits, 0.4)))


if __name__ == "__main__":
    main()
