"""Teach the embedder to see texts as a model of eight times its work: `python -m training.embedder --teacher DIR`.

The teacher (`teacher.py`) has vectors of 768 numbers. Its 384 main directions, turned until they lie as near as they
can to what MiniLM says already (Schönemann 1966), are what MiniLM learns: each text its vector, and each question how
near it is to the passages of its batch, which are of papers alike. Weights and their updates are float32, what is
computed with them bfloat16. Writes a log and checkpoints and goes on from them; in the end a GGUF file.
"""

import argparse
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from eval.data import ROOT, STOCK_EMBEDDER
from training.abstracts import abstracts, to_train
from training.halves import lower, take_gradients
from training.lessons import PASSAGE_TOKENS, PASSAGES, QUESTION_TOKENS, QUESTIONS, Lessons, lessons
from training.minilm import MiniLM, write_like
from training.teacher import batches

_SEED = 4
_RATE, _WARM_UP, _BETAS = 2e-4, 100, (0.9, 0.98)
_POOL, _TOPICS, _OF_A_TOPIC = 3_000, 3, 16
"""A batch: of so many papers, those next to each of three."""
_ASKED = 3
"""Questions of each paper of a batch."""
_TOKENS = 4_000
"""Computed at once."""
_TEMPERATURE, _POINTS = 0.05, 5.0
"""Of likenesses; and how much the vectors themselves weigh beside them."""
_TURNED_BY = 3_000
"""Papers by which the teacher's directions are chosen and turned."""
_EXAM = 200
"""Papers, the last ones, that are not learned."""
_SAVE_EVERY, _EXAMINE_EVERY, _LOG_EVERY = 50, 100, 10


class Batch(NamedTuple):
    """Numbers of passages, and of questions about them."""

    passages: list[int]
    questions: list[int]


class Training:
    """A model on its way."""

    def __init__(self, work: Path, steps: int, material: Lessons) -> None:
        """Load weights and lessons, and the checkpoint if there is one."""
        torch.manual_seed(_SEED)
        self.work, self.steps, self.done = work, steps, 0
        self._chance = random.Random(_SEED)  # noqa: S311 - no secret
        self.model, self.low = MiniLM(STOCK_EMBEDDER), MiniLM(STOCK_EMBEDDER).bfloat16()
        self.passages = self.low.tokens(material.passages, PASSAGE_TOKENS)
        self.questions = self.low.tokens(material.questions, QUESTION_TOKENS)
        for name, weight in self.low.named_parameters():
            weight.requires_grad_(name.startswith(("blk.", "token_embd")))
        self.weights = [
            (self.model.get_parameter(name), weight)
            for name, weight in self.low.named_parameters()
            if weight.requires_grad
        ]
        self.optimizer = torch.optim.AdamW(
            [exact for exact, _ in self.weights], lr=_RATE, betas=_BETAS, weight_decay=0.0
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)
        self.checkpoint = work / "embedder.pt"
        state = torch.load(self.checkpoint) if self.checkpoint.exists() else None
        turned = self._turn(material) if state is None else state["turned"]
        self.turned: Tensor = turned
        self.passage_targets = functional.normalize(material.passage_vectors @ turned, dim=1)
        self.question_targets = functional.normalize(material.question_vectors @ turned, dim=1)
        self._papers = functional.normalize(self.passage_targets.view(-1, PASSAGES, turned.shape[1]).sum(1), dim=1)
        if state is not None:
            self._resume(state)

    def run(self) -> None:
        """Train to the end."""
        start, first = time.perf_counter(), self.done
        with (self.work / "embedder.log").open("a") as log:

            def tell(line: str) -> None:
                for target in (log, sys.stdout):
                    target.write(f"{line}\n")
                    target.flush()

            while self.done < self.steps:
                if self.done % _EXAMINE_EVERY == 0:
                    tell(f"step {self.done} {self.exam()}")
                loss = self.step()
                if self.done % _LOG_EVERY == 0:
                    speed = (time.perf_counter() - start) / (self.done - first)
                    tell(f"step {self.done} loss {loss:.4f} {speed:.2f} s/step")
                if self.done % _SAVE_EVERY == 0 or self.done == self.steps:
                    self._save()
            tell(f"step {self.done} {self.exam()}")

    def step(self) -> float:
        """One update; the loss before it."""
        batch = self._draw()
        passages = self._vectors([self.passages[number] for number in batch.passages])
        questions = self._vectors([self.questions[number] for number in batch.questions])
        loss = away(passages, questions, self.passage_targets[batch.passages], self.question_targets[batch.questions])
        loss.backward()
        take_gradients(self.weights)
        torch.nn.utils.clip_grad_norm_([exact for exact, _ in self.weights], 1.0)
        self.optimizer.step()
        self.schedule.step()
        self.done += 1
        lower(self.weights)
        return float(loss.detach())

    def exam(self) -> str:
        """On papers that are not learned: cosines with the targets, and the share of the teacher's first ten."""
        first = len(self._papers) - _EXAM
        right_passages = self.passage_targets[PASSAGES * first :]
        right_questions = self.question_targets[QUESTIONS * first :]
        with torch.no_grad():
            passages = self._vectors(self.passages[PASSAGES * first :])
            questions = self._vectors(self.questions[QUESTIONS * first :])
        of_passages = (passages * right_passages).sum(1).mean()
        of_questions = (questions * right_questions).sum(1).mean()
        ours = (questions @ passages.T).topk(10).indices
        theirs = (right_questions @ right_passages.T).topk(10).indices
        shared = (ours[:, :, None] == theirs[:, None, :]).any(2).float().mean()
        return f"cosine of passages {of_passages:.3f} questions {of_questions:.3f} first ten {shared:.3f}"

    def _draw(self) -> Batch:
        """One passage of each of some papers alike, and some of its paper's questions."""
        learned = range(len(self._papers) - _EXAM)
        pool = torch.tensor(self._chance.sample(learned, min(_POOL, len(learned))))
        topics = self._papers[pool][[self._chance.randrange(len(pool)) for _ in range(_TOPICS)]]
        near = (topics @ self._papers[pool].T).topk(_OF_A_TOPIC).indices
        papers = list(dict.fromkeys(pool[near].flatten().tolist()))
        return Batch(
            [PASSAGES * paper + self._chance.randrange(PASSAGES) for paper in papers],
            [QUESTIONS * paper + kind for paper in papers for kind in self._chance.sample(range(QUESTIONS), _ASKED)],
        )

    def _turn(self, material: Lessons) -> Tensor:
        """The matrix from the teacher's vectors to ours, shape (768, 384): a projection, then a rotation."""
        papers = range(min(_TURNED_BY, len(material.passages) // PASSAGES))
        passages = [PASSAGES * paper + paper % PASSAGES for paper in papers]
        questions = [QUESTIONS * paper + paper % QUESTIONS for paper in papers]
        theirs = torch.cat([material.passage_vectors[passages], material.question_vectors[questions]])
        with torch.no_grad():
            of_passages = self._vectors([self.passages[number] for number in passages])
            of_questions = self._vectors([self.questions[number] for number in questions])
        ours = torch.cat([of_passages, of_questions])
        main = torch.linalg.eigh(theirs.T @ theirs).eigenvectors[:, -ours.shape[1] :]
        left, _, right = torch.linalg.svd((theirs @ main).T @ ours)
        turned: Tensor = main @ left @ right
        return turned

    def _vectors(self, tokens: Sequence[list[int]]) -> Tensor:
        """Unit vectors, shape (texts, 384), float32; texts of like length are computed together."""
        parts = list(batches([len(found) for found in tokens], _TOKENS))
        found = torch.cat([self.low([tokens[place] for place in part]) for part in parts])
        return found[torch.argsort(torch.tensor([place for part in parts for place in part]))]

    def _rate(self, step: int) -> float:
        return min((step + 1) / _WARM_UP, (self.steps - step) / max(1, self.steps - _WARM_UP))

    def _save(self) -> None:
        state = {
            "done": self.done,
            "turned": self.turned,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "chance": self._chance.getstate(),
        }
        unfinished = self.checkpoint.with_suffix(".part")
        torch.save(state, unfinished)
        unfinished.replace(self.checkpoint)

    def _resume(self, state: dict[str, Any]) -> None:
        self.done = int(state["done"])
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self._chance.setstate(state["chance"])
        lower(self.weights)


def away(passages: Tensor, questions: Tensor, passage_targets: Tensor, question_targets: Tensor) -> Tensor:
    """How far unit vectors are from their targets, and the likenesses of questions to passages from the targets' ones.

    Args:
        passages: shape (passages, 384).
        questions: shape (questions, 384).
        passage_targets: unit vectors too, in the shape of `passages`.
        question_targets: likewise of `questions`.
    """
    points = 2 - (passages * passage_targets).sum(1).mean() - (questions * question_targets).sum(1).mean()
    ours, theirs = questions @ passages.T / _TEMPERATURE, question_targets @ passage_targets.T / _TEMPERATURE
    loss: Tensor = _POINTS * points + _divergence(ours, theirs) + _divergence(ours.T, theirs.T)
    return loss


def _divergence(ours: Tensor, theirs: Tensor) -> Tensor:
    """Kullback-Leibler divergence, a mean over rows."""
    found: Tensor = functional.kl_div(ours.log_softmax(1), theirs.softmax(1), reduction="batchmean")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "training")
    parser.add_argument("--teacher", type=Path, required=True, help="folder of all-mpnet-base-v2")
    parser.add_argument("--papers", type=int, default=12_000)
    parser.add_argument("--steps", type=int, default=2_500)
    chosen = parser.parse_args(arguments)
    chosen.work.mkdir(parents=True, exist_ok=True)
    material = lessons(to_train(abstracts()), chosen.papers, chosen.teacher, chosen.work)
    training = Training(chosen.work, chosen.steps, material)
    training.run()
    write_like(STOCK_EMBEDDER, chosen.work / "embedder.gguf", training.model.state_dict())


if __name__ == "__main__":
    main()
