"""Train the writer: `python -m training.writer --work DIR` (goes on from its last checkpoint).

From scratch, 17.3 million weights (`decoder.py`) of which the first layers copy and choose from the start
(`copying.py`, `choosing.py`), or none with `--plain`, on groups of `writer_tasks.py`. The first tokens of a sentence,
which decide which one it is, weigh more than the rest, which is copied. What copies is moved little, or it is lost.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gguf
import llama_cpp
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor
from torch.nn import functional

from eval.data import ROOT
from eval.heldout import HELD_OUT_FROM
from training.abstracts import abstracts, to_train
from training.choosing import vocabulary
from training.copying import copying
from training.decoder import WRITER, Decoder, write
from training.halves import lower, take_gradients
from training.hand import Text
from training.states import BRACKET
from training.writer_tasks import Group, TaskMaker, without_tldr_papers

TRIAL = ROOT / "models" / "paperboy-writer-trial-f16.gguf"
FAMILY = "paperlm-2"
"""Folder of its prompts."""
_SEED = 11
_RATE, _WARM_UP, _DECAY = 6e-4, 50, 0.01
_COPYING_RATE = 0.05
"""Of the first two layers and of attention in the third, which find what to copy; a tenth of it for the embedding."""
_TOKENS = 6_000
"""Of a step."""
_LONGEST = 2_000
_FIRST, _FIRST_WEIGHT = 3, 4.0
_MARKER = 3
"""Tokens of a marker."""
_EXAM_GROUPS, _KEEP_EVERY, _EXAMINE_EVERY = 200, 50, 100
_COUNTED = 4_000
"""Abstracts in which tokens are counted."""


class Sample(NamedTuple):
    """A group in tokens: one row with the prefix and behind it the answers, which do not see each other."""

    tokens: Tensor
    places: Tensor
    mask: Tensor
    weights: Tensor
    """Of predicting each next token."""
    firsts: Tensor
    """True where the next token is the first of a sentence that was to be chosen."""
    markers: Tensor
    """True at the number of a marker in an answer."""
    owners: Tensor
    """Of which answer each token is, from 1, and 0 in the prefix."""


def tokenizer_of(path: Path) -> Tokenizer:
    """The byte-level tokenizer in a GGUF file."""
    fields = gguf.GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ", 1)) for merge in fields["tokenizer.ggml.merges"].contents()]
    found = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate(tokens)}, merges=merges))
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    found.decoder = decoders.ByteLevel()
    found.add_special_tokens([AddedToken(token, special=True) for token in tokens if token.startswith("<|")])
    return found


def sample(group: Group, tokenizer: Tokenizer) -> Sample:
    """A group as the decoder reads it: chat template around prefix, question and answer."""
    prefix, opening = tokenizer.encode(f"<|bos|><|user|>{group.prefix}").ids, tokenizer.token_to_id(BRACKET)
    tokens, places, owner = list(prefix), list(range(len(prefix))), [0] * len(prefix)
    weights, firsts, markers = [0.0] * len(prefix), [False] * len(prefix), [False] * len(prefix)
    for number, answer in enumerate(group.answers, start=1):
        asked = tokenizer.encode(f"{answer.question}<|assistant|>").ids
        pieces = [tokenizer.encode(f" {piece}").ids for piece in answer.pieces] + [tokenizer.encode("<|end|>").ids]
        added = asked + [token for piece in pieces for token in piece]
        own, first, marker = [0.0] * len(asked), [False] * len(asked), [False] * len(asked)
        for piece in pieces:
            heavy = min(_FIRST, len(piece)) if answer.chosen else 0
            own += [_FIRST_WEIGHT] * heavy + [1.0] * (len(piece) - heavy)
            cited = len(piece) == _MARKER and piece[0] == opening
            first += [answer.chosen and len(piece) > 1 and not cited, *[False] * (len(piece) - 1)]
            marker += [cited and place == 1 for place in range(len(piece))]
        tokens += added
        places += range(len(prefix), len(prefix) + len(added))
        owner += [number] * len(added)
        # What a token weighs is learned where it is predicted, one token before.
        weights += own
        firsts += first
        markers += marker
    owners = torch.tensor(owner)
    seen = (owners[None] == 0) | (owners[None] == owners[:, None])
    mask = seen & torch.ones(len(tokens), len(tokens), dtype=torch.bool).tril()
    flags = torch.tensor(firsts), torch.tensor(markers)
    return Sample(torch.tensor(tokens), torch.tensor(places), mask, torch.tensor(weights), *flags, owners)


class Training:
    """The decoder, its optimizer and how far it is."""

    def __init__(self, work: Path, steps: int, *, plain: bool = False) -> None:
        """Begin, or go on from the checkpoint in `work`; `plain` as in `copying`."""
        self.work, self.steps, self.done = work, steps, 0
        self.tokenizer = tokenizer_of(TRIAL)
        everything = abstracts()
        papers = without_tldr_papers(to_train(everything))
        self.maker = TaskMaker(papers, _SEED)
        later = TaskMaker([paper for paper in everything if paper.listed >= HELD_OUT_FROM], _SEED + 1)
        self.exam = [later.draw() for _ in range(_EXAM_GROUPS)]
        known = vocabulary(self.tokenizer, (paper.whole for paper in papers[:: len(papers) // _COUNTED]))
        read = sample(_to_measure(TaskMaker(papers, _SEED + 2)), self.tokenizer)
        self.decoder = copying(WRITER, known, Text(read.tokens, read.places, read.mask), _SEED, plain=plain)
        self.low = self.decoder.lowered()
        self._weights = list(zip(self.decoder.parameters(), self.low.parameters(), strict=True))
        self.optimizer = torch.optim.AdamW(self._rates(), lr=_RATE, weight_decay=_DECAY)
        self._kept = work / "writer.pt"
        if self._kept.exists():
            kept = torch.load(self._kept, weights_only=True)
            self.decoder.load_state_dict(kept["decoder"])
            self.optimizer.load_state_dict(kept["optimizer"])
            self.done = kept["done"]
            lower(self._weights)
            # Groups that were seen are not drawn again.
            self.maker = TaskMaker(papers, _SEED + 100 + self.done)

    def run(self) -> None:
        """All steps that are left."""
        begun = time.monotonic()
        if not self.done:
            self._tell({"step": 0, **examine(self.low, self.exam, self.tokenizer)})
        for step in range(self.done + 1, self.steps + 1):
            loss, tokens = self._step(step)
            if step % 10 == 0:
                self._tell(
                    {"step": step, "loss": round(loss, 4), "tokens": tokens, "s": round(time.monotonic() - begun)}
                )
            if step % _EXAMINE_EVERY == 0:
                self._tell({"step": step, **examine(self.low, self.exam, self.tokenizer)})
            if step % _KEEP_EVERY == 0:
                self.done = step
                torch.save(
                    {"decoder": self.decoder.state_dict(), "optimizer": self.optimizer.state_dict(), "done": step},
                    self._kept.with_suffix(".new"),
                )
                self._kept.with_suffix(".new").replace(self._kept)

    def _step(self, step: int) -> tuple[float, int]:
        """One update over about `_TOKENS` tokens; the mean loss and the number of tokens."""
        for part, share in zip(self.optimizer.param_groups, self._shares(), strict=True):
            part["lr"] = share * _RATE * min(step / _WARM_UP, 1 - step / (self.steps + 1))
        samples: list[Sample] = []
        while sum(len(found.tokens) for found in samples) < _TOKENS:
            drawn = sample(self.maker.draw(), self.tokenizer)
            if len(drawn.tokens) <= _LONGEST:
                samples.append(drawn)
        whole = float(sum(found.weights.sum() for found in samples))
        total = 0.0
        for found in samples:
            states = self.low(found.tokens[None], found.places[None], found.mask[None, None])[0]
            loss = _loss(self.low, states, found) / whole
            loss.backward()
            total += float(loss.detach())
        take_gradients(self._weights)
        torch.nn.utils.clip_grad_norm_(self.decoder.parameters(), 1.0)
        self.optimizer.step()
        lower(self._weights)
        return total, sum(len(found.tokens) for found in samples)

    def _rates(self) -> list[dict[str, Any]]:
        groups: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
        for name, weight in self.decoder.named_parameters():
            copies = name.startswith(("blk.0", "blk.1", "blk.2.attn"))
            groups[2 if name.startswith("token_embd") else 1 if copies else 0].append(weight)
        return [{"params": found} for found in groups]

    @staticmethod
    def _shares() -> tuple[float, float, float]:
        return 1.0, _COPYING_RATE, _COPYING_RATE / 10

    def _tell(self, line: dict[str, Any]) -> None:
        with (self.work / "writer.log").open("a") as log:
            log.write(json.dumps(line) + "\n")
        sys.stdout.write(json.dumps(line) + "\n")


def _to_measure(maker: TaskMaker) -> Group:
    """A question with an answer, on which the scales of hand-set heads are measured."""
    while True:
        group = maker.draw()
        if group.kind == "question" and group.answers[0].chosen:
            return group


def examine(decoder: Decoder, groups: Sequence[Group], tokenizer: Tokenizer) -> dict[str, float]:
    """By kind of group, the tokens before each given: which shares of what has to be said are right.

    Of first tokens of sentences, of markers, of all tokens, and of whole answers: these the decoder would write alone.
    """
    counts: dict[str, dict[str, list[int]]] = {}
    with torch.no_grad():
        for group in groups:
            found = sample(group, tokenizer)
            states = decoder(found.tokens[None], found.places[None], found.mask[None, None])[0]
            said = decoder.logits(states).argmax(-1)
            places, targets = _predicted(found)
            right = said[places] == found.tokens[targets]
            owners = found.owners[targets]
            whole = torch.stack([right[owners == owner].all() for owner in owners.unique()])
            parts = {
                "first": right[found.firsts[targets]],
                "marker": right[found.markers[targets]],
                "tokens": right,
                "whole": whole,
            }
            kind = counts.setdefault(group.kind, {})
            for name, part in parts.items():
                kind.setdefault(name, []).extend(part.int().tolist())
    return {
        f"{kind} {name}": round(sum(rights) / len(rights), 3)
        for kind, parts in sorted(counts.items())
        for name, rights in parts.items()
        if rights
    }


def _predicted(found: Sample) -> tuple[Tensor, Tensor]:
    """Where tokens with a weight are predicted, and where they stand: an answer's tokens follow each other."""
    targets = torch.nonzero(found.weights).flatten()
    return targets - 1, targets


def _loss(decoder: Decoder, states: Tensor, found: Sample) -> Tensor:
    places, targets = _predicted(found)
    logits = decoder.logits(states[places])
    losses = functional.cross_entropy(logits.float(), found.tokens[targets], reduction="none")
    total: Tensor = (losses * found.weights[targets]).sum()
    return total


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and write a GGUF file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--plain", action="store_true", help="nothing set by hand, to compare with")
    chosen = parser.parse_args(arguments)
    chosen.work.mkdir(parents=True, exist_ok=True)
    training = Training(chosen.work, chosen.steps, plain=chosen.plain)
    training.run()
    exact = chosen.work / "paperboy-writer-f16.gguf"
    write(training.decoder, TRIAL, exact, FAMILY)
    in_8_bits(exact, chosen.work / "paperboy-writer-Q8_0.gguf")


def in_8_bits(exact: Path, target: Path) -> None:
    """The same model with 8 bits a weight.

    Raises:
        OSError: llama.cpp could not write it.
    """
    wanted = llama_cpp.llama_model_quantize_default_params()
    wanted.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0
    if llama_cpp.llama_model_quantize(str(exact).encode(), str(target).encode(), wanted):
        raise OSError(f"llama.cpp could not write {target}")


if __name__ == "__main__":
    main()
