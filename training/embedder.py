"""Fine-tune the embedder on arXiv abstracts without labels: `python -m training.embedder --work DIR --recipe NAME`.

In-batch negatives in both directions with a large batch, whose gradients are computed part by part (gradient caching,
Gao et al. 2021). Recipes: `pairs`, only these; `hard`, with the nearest wrong abstract of the model itself for each
query; `distill`, the ranking of the untrained model and of shared rare words is learned instead of one right answer.
Writes a checkpoint now and then and goes on from it; in the end a GGUF file for each share of the new weights.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from eval.data import ROOT, STOCK_EMBEDDER
from training.minilm import MiniLM, mixed, write_like
from training.pairs import Abstract, Pair, PairMaker, abstracts, to_train

RECIPES = ("pairs", "hard", "distill")
SHARES = (0.25, 0.5, 1.0)
_SEED = 4
_BATCH, _PART = 192, 32
_QUERY_TOKENS, _DOCUMENT_TOKENS = 48, 96
_RATE, _WARM_UP = 3e-5, 0.1
_TEMPERATURE, _TEACHER_TEMPERATURE = 0.05, 0.05
_WORD_SHARE = 0.3
"""Of shared rare words in what is distilled; the rest is the cosine of the untrained model."""
_POOL, _NEAREST = 12_000, 20
_SAVE_EVERY = 25


class Training:
    """A model on its way."""

    def __init__(self, recipe: str, work: Path, steps: int) -> None:
        """Load weights and material, and the checkpoint if there is one."""
        torch.manual_seed(_SEED)
        self.recipe, self.work, self.steps = recipe, work, steps
        self.papers = to_train(abstracts())
        self.maker = PairMaker(self.papers, _SEED)
        self.model, self.base = MiniLM(STOCK_EMBEDDER), MiniLM(STOCK_EMBEDDER).eval()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=_RATE, weight_decay=0.01)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)
        self.done = 0
        self.checkpoint = work / f"{recipe}.pt"
        if self.checkpoint.exists():
            self._resume()
        self.mined = Mined(self.base, self.papers) if recipe == "hard" else None

    def run(self) -> None:
        """Train to the end."""
        start, first = time.perf_counter(), self.done
        while self.done < self.steps:
            pairs = self.maker.draw(_BATCH)
            loss = self.step(pairs)
            self.done += 1
            speed = (self.done - first) / (time.perf_counter() - start)
            sys.stdout.write(f"step {self.done} loss {loss:.4f} {speed * 60:.1f} steps/min\n")
            sys.stdout.flush()
            if self.done % _SAVE_EVERY == 0 or self.done == self.steps:
                self._save()

    def step(self, pairs: Sequence[Pair]) -> float:
        """One update; the loss before it."""
        queries = self.model.tokens([pair.query for pair in pairs], _QUERY_TOKENS)
        documents = self.model.tokens([pair.document for pair in pairs], _DOCUMENT_TOKENS)
        wrong = self.mined.wrong(pairs) if self.mined else []
        documents += self.model.tokens(wrong, _DOCUMENT_TOKENS)
        tokens = [*queries, *documents]
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        parts = [order[start : start + _PART] for start in range(0, len(order), _PART)]
        vectors = torch.empty(len(tokens), self.model.token_embd.weight.shape[1])
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            for part in parts:
                vectors[part] = self.model([tokens[index] for index in part])
        vectors.requires_grad_()
        loss = self._loss(pairs, vectors[: len(pairs)], vectors[len(pairs) :])
        loss.backward()
        gradients = vectors.grad
        self.optimizer.zero_grad()
        for part in parts:
            with torch.autocast("cpu", torch.bfloat16):
                again = self.model([tokens[index] for index in part])
            (again * gradients[part]).sum().backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        return float(loss.detach())

    def _loss(self, pairs: Sequence[Pair], queries: Tensor, documents: Tensor) -> Tensor:
        scores = queries @ documents.T / _TEMPERATURE
        if self.recipe == "distill":
            wanted = functional.softmax(self._teacher(pairs) / _TEACHER_TEMPERATURE, dim=1)
            return functional.kl_div(functional.log_softmax(scores, dim=1), wanted, reduction="batchmean")
        right = torch.arange(len(pairs))
        forth = functional.cross_entropy(scores, right)
        back = functional.cross_entropy(scores[:, : len(pairs)].T, right)
        return (forth + back) / 2

    def _teacher(self, pairs: Sequence[Pair]) -> Tensor:
        """How well each whole paper fits each query: the untrained model's cosine and the rare words in common."""
        wholes = [self.papers[pair.source].whole for pair in pairs]
        queries = [pair.query for pair in pairs]
        cosines = self.base.encode(queries) @ self.base.encode(wholes).T
        words = torch.from_numpy(shared_words(queries, wholes))
        return (1 - _WORD_SHARE) * cosines + _WORD_SHARE * words

    def _rate(self, step: int) -> float:
        warm = _WARM_UP * self.steps
        return min((step + 1) / warm, (self.steps - step) / (self.steps - warm))

    def _save(self) -> None:
        state = {
            "done": self.done,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
        }
        unfinished = self.checkpoint.with_suffix(".part")
        torch.save(state, unfinished)
        unfinished.replace(self.checkpoint)

    def _resume(self) -> None:
        state: dict[str, Any] = torch.load(self.checkpoint)
        self.done = int(state["done"])
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        for _ in range(self.done):
            self.maker.draw(_BATCH)


class Mined:
    """The nearest other abstracts of each paper in a part of the material, by the untrained model."""

    def __init__(self, model: MiniLM, papers: Sequence[Abstract]) -> None:
        """Embed the pool once (eight minutes)."""
        chance = np.random.default_rng(_SEED)
        self._pool = chance.choice(len(papers), min(_POOL, len(papers)), replace=False)
        self._chance, self._model, self._papers = chance, model, papers
        self._vectors = model.encode([papers[number].whole for number in self._pool])

    def wrong(self, pairs: Sequence[Pair]) -> list[str]:
        """For each query an abstract that is near and of another paper; the nearest few may be right, and are left."""
        scores = self._model.encode([pair.query for pair in pairs]) @ self._vectors.T
        found = []
        for row, pair in enumerate(pairs):
            near = scores[row].topk(_NEAREST).indices.tolist()[_NEAREST // 4 :]
            others = [self._pool[place] for place in near if self._pool[place] != pair.source]
            found.append(self._papers[int(self._chance.choice(others))].whole)
        return found


def shared_words(queries: Sequence[str], documents: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Share of each query's words, weighed by their rarity among the documents, that each document has."""
    have = [set(text.lower().split()) for text in documents]
    result = np.zeros((len(queries), len(documents)), np.float32)
    for row, query in enumerate(queries):
        words = set(query.lower().split())
        weights = {word: np.log((len(have) + 1) / (1 + sum(word in other for other in have))) for word in words}
        total = sum(weights.values()) or 1.0
        result[row] = [sum(weights[word] for word in words & other) / total for other in have]
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    """Train one recipe and write its files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "training")
    parser.add_argument("--recipe", choices=RECIPES, default=RECIPES[0])
    parser.add_argument("--steps", type=int, default=200)
    chosen = parser.parse_args(arguments)
    chosen.work.mkdir(parents=True, exist_ok=True)
    training = Training(chosen.recipe, chosen.work, chosen.steps)
    training.run()
    first, second = training.base.state_dict(), training.model.state_dict()
    for share in SHARES:
        write_like(STOCK_EMBEDDER, chosen.work / f"{chosen.recipe}-{share:g}.gguf", mixed(first, second, share))


if __name__ == "__main__":
    main()
