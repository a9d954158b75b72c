"""Prompt lookup: what stood behind the last tokens where they occurred before is proposed as the next tokens.

Summaries and answers copy from their source, so a whole run of tokens is often checked in one step (Saxena 2023,
"Prompt Lookup Decoding"). A proposal is only ever a guess: every token is still chosen from the model's own logits.
"""

import math
from collections.abc import Sequence

LONGEST_DRAFT = 8
_MATCH = 3
"""Tokens that have to agree. Two agree by chance, four miss where a copy has just begun."""
_MEMORY = 0.98
_TRUST = 0.7
"""How likely a proposed token is to be right, before any has been seen."""
_RECOVERY = 0.01
_LARGEST_STEP = 128
"""Tokens; larger ones feed given tokens, and do not lie on the line of those that write."""


class Lookup:
    """The tokens of one sequence, searched by their last three."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self._tokens: list[int] = []
        self._behind: dict[tuple[int, ...], int] = {}
        self._trust = _TRUST
        for token in prompt:
            self.add(token)

    def add(self, token: int) -> None:
        """Take note of the next token of the sequence."""
        if len(self._tokens) >= _MATCH:
            # Where the last three go on: the newest place wins, but is only known now that something follows them.
            self._behind[tuple(self._tokens[-_MATCH:])] = len(self._tokens)
        self._tokens.append(token)

    def draft(self, most: int, cost: float) -> list[int]:
        """A proposal for the next tokens.

        Args:
            most: tokens at most.
            cost: what one more token in a step costs, as a share of what a token costs now.
        """
        begin = self._behind.get(tuple(self._tokens[-_MATCH:])) if len(self._tokens) >= _MATCH else None
        if begin is None:
            return []
        length = min(most, LONGEST_DRAFT, worthwhile(self._trust, cost))
        # Trust comes back slowly, so that a text which begins to copy late is tried again.
        self._trust = self._trust if length else min(_TRUST, self._trust + _RECOVERY)
        return self._tokens[begin : begin + length]

    def learn(self, proposed: int, right: int) -> None:
        """Note how many of the proposed tokens were right."""
        for index in range(min(proposed, right + 1)):
            self._trust += (float(index < right) - self._trust) / 8


def worthwhile(trust: float, cost: float) -> int:
    """How many tokens to propose: the i-th pays while the chance that all up to it are right exceeds its cost."""
    if cost <= 0:
        return LONGEST_DRAFT
    if cost >= 1 or trust <= 0:
        return 0
    return min(LONGEST_DRAFT, int(math.log(cost) / math.log(min(trust, 0.999))))


class StepCosts:
    """What steps cost in seconds by the number of their tokens: a line through what was measured, newest first."""

    def __init__(self) -> None:
        self._n = self._x = self._y = self._xx = self._xy = 0.0

    def add(self, tokens: int, seconds: float) -> None:
        """Note a step."""
        if tokens > _LARGEST_STEP:
            return
        self._n = self._n * _MEMORY + 1
        self._x = self._x * _MEMORY + tokens
        self._y = self._y * _MEMORY + seconds
        self._xx = self._xx * _MEMORY + tokens * tokens
        self._xy = self._xy * _MEMORY + tokens * seconds

    def share(self, tokens: int) -> float:
        """What one more token costs, as a share of what each of `tokens` costs now; 0 where it is not known yet."""
        spread = self._n * self._xx - self._x * self._x
        if self._n < 4 or spread < 1e-3 * self._n * self._n:
            return 0.0
        slope = (self._n * self._xy - self._x * self._y) / spread
        now = (self._y + slope * (tokens * self._n - self._x)) / self._n / max(tokens, 1)
        return max(slope, 0.0) / now if now > 0 else 0.0
