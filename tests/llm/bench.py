"""The scheduler in this process, step by step, with a record of what is computed and a reference to judge it by."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.errors import PaperboyError
from service.llm.worker.chat import ChatTemplate
from service.llm.worker.decoder import BATCH_TOKENS, Decoder, Place
from service.llm.worker.native import NativeModel
from service.llm.worker.scheduler import Begun, Event, Scheduler
from service.llm.worker.sizing import Size
from service.ports import Generation, GenerationRequest
from tests.conftest import TRIAL_WRITER

NOISE = 0.05
"""Logits: how far a chosen token may stand below the best one, as computed alone. Batches of other sizes moved the
logits of the trial writer by up to 0.02."""
SMALL = Size(parallel=4, reserved=1, window=512)


class Fed(NamedTuple):
    """Tokens of one sequence in one step."""

    sequence: int
    start: int
    tokens: tuple[int, ...]
    wanted: int

    @property
    def fills(self) -> bool:
        """Whether it only fills a gap between the sequences that have work."""
        return self.tokens == (0,) and not self.wanted


class MirrorDecoder(Decoder):
    """A decoder that follows what each sequence holds, and fails where a position is left out or used twice."""

    def __init__(self, *arguments: Any, **values: Any) -> None:
        super().__init__(*arguments, **values)
        self.steps: list[list[Fed]] = []
        self.held: dict[int, list[int]] = {}
        self.copied: list[tuple[int, int]] = []
        self._batch_now: list[Fed] = []
        self._wanted_now = 0

    def begin(self) -> None:
        self._batch_now, self._wanted_now = [], 0
        super().begin()

    def add(self, sequence: int, start: int, tokens: Sequence[int], wanted: int) -> Place:
        assert start == len(self.held.get(sequence, ())), "positions follow each other"
        assert 0 < len(tokens) <= self.capacity - sum(len(fed.tokens) for fed in self._batch_now)
        self._wanted_now += wanted
        assert self._wanted_now <= self.outputs
        assert sequence not in {fed.sequence for fed in self._batch_now}
        self._batch_now.append(Fed(sequence, start, tuple(tokens), wanted))
        return super().add(sequence, start, tokens, wanted)

    def run(self) -> None:
        super().run()
        self.steps.append(self._batch_now)
        for fed in self._batch_now:
            self.held.setdefault(fed.sequence, []).extend(fed.tokens)

    def go_on(self, most: int, may_go_on: Callable[[], bool]) -> list[list[int]]:
        assert all(len(fed.tokens) == fed.wanted == 1 for fed in self._batch_now)
        found = super().go_on(most, may_go_on)
        for tokens in found:
            self.steps.append([])
            for fed, token in zip(self._batch_now, tokens, strict=True):
                held = self.held[fed.sequence]
                self.steps[-1].append(Fed(fed.sequence, len(held), (token,), 1))
                held.append(token)
        return found

    def copy(self, source: int, target: int) -> None:
        super().copy(source, target)
        self.held[target] = list(self.held.get(source, ()))
        self.copied.append((source, target))

    def cut(self, sequence: int, length: int) -> bool:
        self.held[sequence] = self.held.get(sequence, [])[:length]
        return super().cut(sequence, length)

    def clear(self) -> None:
        self.held.clear()
        super().clear()

    def fed(self, since: int = 0) -> list[list[Fed]]:
        """What was computed for requests in the steps from the given one on."""
        return [[fed for fed in step if not fed.fills] for step in self.steps[since:]]

    def computed(self, since: int = 0) -> int:
        """Tokens of requests computed in the steps from the given one on."""
        return sum(len(fed.tokens) for step in self.fed(since) for fed in step)

    def computed_at(self, position: int) -> int:
        """How often a token of a request at this position of any sequence was computed."""
        return sum(fed.start <= position < fed.start + len(fed.tokens) for step in self.fed() for fed in step)


class Bench:
    """A scheduler with the trial writer."""

    def __init__(self, model: NativeModel, size: Size = SMALL, **values: Any) -> None:
        self.model, self.size = model, size
        self.template = ChatTemplate(model)
        self.order: list[tuple[int, str]] = []
        """Numbers with `begun` or `ended`, in the order in which it was reported."""
        self.ended: dict[int, Generation | PaperboyError] = {}
        self.shown: dict[int, str] = {}
        self._asked: dict[int, GenerationRequest] = {}
        self._written: dict[int, list[int]] = {}
        self.decoder: MirrorDecoder
        self.scheduler = Scheduler(model, self._make, size, self._report, **values)

    def _make(self, sequences: int, outputs: int) -> MirrorDecoder:
        self.decoder = MirrorDecoder(
            self.model, cells=self.size.window, sequences=sequences, outputs=outputs, threads=1
        )
        return self.decoder

    def _report(self, number: int, event: Event) -> None:
        assert number not in self.ended, "nothing is told of a request after its end"
        if isinstance(event, Begun):
            self.order.append((number, "begun"))
        elif isinstance(event, str):
            self.shown[number] = self.shown.get(number, "") + event
        else:
            self.order.append((number, "ended"))
            self.ended[number] = event
            request = self._asked[number]
            # What is chosen whole is not all computed.
            if isinstance(event, Generation) and event.output_tokens and not request.choices:
                self._written[number] = self._held_of(request, event)

    def prompt(self, request: GenerationRequest) -> list[int]:
        """The tokens of its prompt."""
        return self.template.tokens(request.messages)

    def add(self, number: int, request: GenerationRequest) -> None:
        """Queue a request."""
        chosen = request.choices.options if request.choices else ()
        tokenized = [self.model.tokenize(request.lead + option.text) for option in chosen]
        self._asked[number] = request
        self.scheduler.add(number, request, self.prompt(request), tokenized)

    def run(self, most: int = 20_000) -> None:
        """Step until there is nothing to do."""
        for _ in range(most):
            if self.scheduler.idle:
                return
            self.scheduler.step()
        raise AssertionError(f"not done after {most} steps")

    def made(self, number: int) -> Generation:
        """What a request wrote; fails where what was shown is something else."""
        found = self.ended[number]
        assert isinstance(found, Generation), found
        assert self.shown.get(number, "") == found.text
        return found

    def write(self, request: GenerationRequest) -> Generation:
        """Run one request to its end."""
        number = max([*self.ended, 0]) + 1
        self.add(number, request)
        self.run()
        return self.made(number)

    def written(self, number: int) -> list[int]:
        """The tokens that a request wrote, but the last, which is never computed."""
        self.made(number)
        return self._written.get(number, [])

    def _held_of(self, request: GenerationRequest, made: Generation) -> list[int]:
        """What stands behind the prompt in the sequence that has just written a text."""
        prompt = self.prompt(request)
        for held in self.decoder.held.values():
            written = held[len(prompt) :][: made.output_tokens - 1]
            text = b"".join(map(self.model.piece, written))
            agrees = made.text.encode().startswith(text) or text.startswith(made.text.encode())
            if held[: len(prompt)] == prompt and len(written) == made.output_tokens - 1 and agrees:
                return written
        raise AssertionError("no sequence holds the prompt and what was written")


@contextmanager
def bench(model: NativeModel, size: Size = SMALL, **values: Any) -> Iterator[Bench]:
    """A scheduler that is closed at the end."""
    made = Bench(model, size, **values)
    try:
        yield made
    finally:
        made.scheduler.close()


class Reference:
    """Logits computed alone, in one sequence: what the tokens of a shared batch are judged by."""

    def __init__(self, model: NativeModel) -> None:
        self._decoder = Decoder(model, cells=2_048, sequences=1, outputs=BATCH_TOKENS, threads=1)

    def logits(self, tokens: Sequence[int], last: int) -> NDArray[np.float32]:
        """The logits after each of the last tokens."""
        self._decoder.clear()
        found: list[NDArray[np.float32]] = []
        for start in range(0, len(tokens), BATCH_TOKENS):
            part = tokens[start : start + BATCH_TOKENS]
            wanted = min(len(part), max(0, start + len(part) - len(tokens) + last))
            self._decoder.begin()
            self._decoder.add(0, start, part, wanted)
            self._decoder.run()
            found += [self._decoder.logits(row).copy() for row in range(wanted)]
        return np.stack(found)

    def gaps(self, prompt: Sequence[int], written: Sequence[int]) -> NDArray[np.float32]:
        """How far each written token stands below the best one."""
        if not written:
            return np.zeros(0, np.float32)
        rows = self.logits([*prompt, *written], len(written) + 1)[:-1]
        gaps: NDArray[np.float32] = rows.max(axis=1) - rows[np.arange(len(written)), list(written)]
        return gaps

    def close(self) -> None:
        """Free the context."""
        self._decoder.close()


@contextmanager
def trial_model() -> Iterator[NativeModel]:
    """The trial writer's weights in this process."""
    loaded = NativeModel(TRIAL_WRITER)
    try:
        yield loaded
    finally:
        loaded.close()
