"""What each sequence of the context holds, so that what prompts have in common is computed once.

Every slot has a stream of cells of its own. A finished request leaves its tokens there, and the next one goes on from
where the two part; where another stream has more of a prompt, that is copied. One pool for all (`kv_unified`) would
share without copying, but then attention looks at the cells of all: with sixteen abstracts in it, prompts took twice
as long, and three times as long beside decoding.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from service.llm.worker.decoder import Decoder

Tokens = NDArray[np.int32]

WORTH_SHARING = 16
"""Tokens; a shorter beginning is computed as quickly as it is copied."""
_REMEMBERED = 32
"""Prompts that a new one is compared with."""


def common(first: Tokens, second: Tokens) -> int:
    """How many tokens two prompts have in common at their beginnings."""
    size = min(len(first), len(second))
    differing = np.flatnonzero(first[:size] != second[:size])
    return int(differing[0]) if differing.size else size


@dataclass(eq=False, slots=True)
class Stream:
    """One sequence of the context."""

    number: int
    held: list[int] = field(default_factory=list)
    """The tokens whose keys and values it has."""
    used: int = 0
    """When it was last given to a request."""

    def begins(self, prompt: Tokens) -> int:
        """How much of a prompt it has; the last token is always left to compute, for its logits."""
        size = len(prompt) - 1
        return common(np.array(self.held[:size], np.int32), prompt[:size])


class Streams:
    """All sequences of a context, free or in use."""

    def __init__(self, decoder: Decoder, count: int, *, sharing: bool, whole_only: bool) -> None:
        """Start with empty ones.

        Args:
            decoder: the context.
            count: number of sequences.
            sharing: use what is there; without it every prompt is computed anew.
            whole_only: the model cannot forget a part of what a sequence has (a recurrent one).
        """
        self._decoder, self._sharing, self._whole_only = decoder, sharing, whole_only
        self.everyone = [Stream(number) for number in range(count)]
        self.free = list(self.everyone)
        self._clock = 0
        self._recent: deque[Tokens] = deque(maxlen=_REMEMBERED)

    def take(self, prompt: Tokens) -> Stream:
        """A free stream: the one with most of the prompt, or else the first, so that those in use stand together."""
        best = max(self.free, key=lambda stream: self._usable(stream, prompt))
        if self._usable(best, prompt) < WORTH_SHARING:
            best = self.free[0]
        self.free.remove(best)
        self._clock += 1
        best.used = self._clock
        return best

    def give_back(self, stream: Stream) -> None:
        """A request has ended; what its stream holds stays for others."""
        self.free.append(stream)
        self.free.sort(key=lambda stream: stream.number)

    def begin(self, stream: Stream, prompt: Tokens) -> int:
        """Make a stream hold as much of a prompt as is to be had, and nothing else; the number of tokens."""
        length = self._usable(stream, prompt)
        if self._sharing:
            source = max(self.everyone, key=lambda other: self._usable(other, prompt))
            if (there := self._usable(source, prompt)) >= max(length, 1) + WORTH_SHARING:
                self._decoder.copy(source.number, stream.number)
                stream.held, length = list(source.held), there
        if length < WORTH_SHARING:
            length = 0
        self.cut(stream, length)
        return length

    def available(self, prompt: Tokens) -> int:
        """How much of a prompt is to be had from any stream."""
        return max((self._usable(stream, prompt) for stream in self.everyone), default=0)

    def cut(self, stream: Stream, length: int) -> None:
        """Forget what a stream has behind `length` tokens."""
        if length < len(stream.held) or not length:
            self._decoder.cut(stream.number, length)
            del stream.held[length:]

    def keep(self, stream: Stream) -> None:
        """Keep what a recurrent model has now: its state goes on from here and cannot come back."""
        if self._whole_only and self.free:
            place = min(self.free, key=lambda other: (bool(other.held), other.used))
            self._decoder.copy(stream.number, place.number)
            place.held = list(stream.held)
            self._clock += 1
            place.used = self._clock

    def goal(self, prompt: Tokens, others: Iterable[Tokens]) -> int:
        """The length of beginning that is worth waiting for: where sharing saves the other prompts known most.

        Args:
            prompt: a new prompt, which is remembered.
            others: prompts that wait.
        """
        if not self._sharing:
            return 0
        found = [common(prompt[:-1], other) for other in chain(self._recent, others)]
        self._recent.append(prompt)
        return _best_length([length for length in found if length >= WORTH_SHARING])

    def clear(self) -> None:
        """Forget everything."""
        self._decoder.clear()
        for stream in self.everyone:
            stream.held.clear()

    def _usable(self, stream: Stream, prompt: Tokens) -> int:
        length = stream.begins(prompt) if self._sharing else 0
        return 0 if self._whole_only and length < len(stream.held) else length


def _best_length(lengths: Sequence[int]) -> int:
    """The length that saves most tokens: shared by so many, each saves so much."""
    ordered = sorted(lengths, reverse=True)
    return max(((length * count, length) for count, length in enumerate(ordered, start=1)), default=(0, 0))[1]
