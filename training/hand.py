"""What setting heads by hand needs: the decoder, its tokens, and a text to measure on.

Every head has a query and a key in a few directions, and what it sees and brings has a length that depends on the
norm before the layer; so scales are measured on a text, layer by layer.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from training.decoder import HEAD, Decoder, Layer
from training.states import BEFORE, FIRST, IDENTITY, ONE_BEFORE, OWN, STILL, TURNING

QUERY = 8.0
"""With a query of this length a key's length is the score, as scores are divided by the root of a head's directions."""
_NEAR = (16.0, 30.0, 60.0)
"""What the distance takes away, at each of the slowest speeds: up to 2,048 tokens the nearest is seen."""
FIRST_SEEN = 150.0
"""Score of the text's first token for all that do not ask."""


class Vocabulary(NamedTuple):
    """What the hand needs to know of tokens."""

    ids: dict[str, int]
    rare: Tensor
    """From 0 to 1, shape (tokens,)."""


class Text(NamedTuple):
    """A question, passages and an answer, to measure on: each of shape (tokens,) or (tokens, tokens)."""

    tokens: Tensor
    places: Tensor
    mask: Tensor


class Hand:
    """Sets heads of one layer after the other; `states` are what the attention of the present one reads."""

    def __init__(self, decoder: Decoder, reading: Tensor, known: Vocabulary, text: Text) -> None:
        """Begin with the first layer; `reading` is how it keeps the token before, shape (BEFORE, IDENTITY)."""
        self.decoder, self.reading, self.known, self.text = decoder, reading, known, text
        self.answer = torch.cumsum(self.at("<|assistant|>"), dim=0) > 0
        self.passages = torch.cumsum(self.at("Ċ"), dim=0) > 0
        self.go_to(0)

    def go_to(self, number: int) -> None:
        """Go to a layer: those before it are set. Its states have the shape (tokens, width)."""
        found: list[Tensor] = []
        self.layer: Layer = self.decoder.blk[number]
        hook = self.layer.attn_norm.register_forward_hook(lambda _, __, states: found.append(states[0]))
        self.decoder(self.text.tokens[None], self.text.places[None], self.text.mask[None, None])
        hook.remove()
        self.states = found[0]
        self.constant = self.states[:, 0].mean()
        self.length = self.states[:, OWN : OWN + IDENTITY].norm(dim=1).mean()

    def at(self, token: str) -> Tensor:
        """True where the text has a token."""
        return self.text.tokens == self.known.ids[token]

    def unit(self, token: str) -> Tensor:
        """What a token is, of length 1."""
        return functional.normalize(self.decoder.token_embd.weight[self.known.ids[token], OWN : OWN + IDENTITY], dim=0)

    def clear(self, head: int) -> slice:
        """Silence a head; the rows that it has in each matrix."""
        rows = slice(head * HEAD, (head + 1) * HEAD)
        for part in (self.layer.attn_q, self.layer.attn_k, self.layer.attn_v):
            part.weight[rows] = 0.0
        self.layer.attn_output.weight[:, rows] = 0.0
        return rows

    def always_ask(self, rows: slice, place: int = STILL) -> None:
        """Every token asks, in one direction of a head."""
        self.layer.attn_q.weight[rows, 0][place] = QUERY / self.constant

    def prefer_near(self, rows: slice, constant: Tensor) -> None:
        """Take sines of the distance times slow speeds away: a query at rest and a key a quarter turn from it."""
        for pair, strength in zip(range(TURNING - len(_NEAR), TURNING), _NEAR, strict=True):
            self.layer.attn_q.weight[rows, 0][2 * pair] = math.sqrt(QUERY * strength) / constant
            self.layer.attn_k.weight[rows, 0][2 * pair + 1] = -math.sqrt(QUERY * strength) / constant

    def see_nearest_behind(self, rows: slice, tokens: Mapping[str, float]) -> None:
        """Every token sees the nearest one before it, or itself, that stands behind one of some, each with its score.

        The last of them is in the text.
        """
        self.always_ask(rows)
        kept = self.reading @ torch.stack([self.unit(token) for token in tokens], dim=1)
        wanted = torch.linalg.pinv(kept).T @ torch.tensor(list(tokens.values()))
        behind = torch.roll(self.text.tokens, 1) == self.known.ids[list(tokens)[-1]]
        states = self.states[behind][:, ONE_BEFORE : ONE_BEFORE + BEFORE]
        seen = (states @ wanted).mean() / list(tokens.values())[-1]
        self.layer.attn_k.weight[rows, ONE_BEFORE : ONE_BEFORE + BEFORE][STILL] = wanted / seen
        self.prefer_near(rows, self.constant)

    def see_first_unless(self, rows: slice, asking: Tensor) -> None:
        """All tokens but those that ask see the text's first; `asking` is true at some that do, to measure on."""
        self.layer.attn_q.weight[rows, 0][STILL + 1] = QUERY / self.states[asking, 0].mean()
        # Those that ask ask twice as loudly against it, so that what training moves does not turn the balance.
        scores = FIRST_SEEN * torch.tensor([-2.0, 1.0])
        self.layer.attn_k.weight[rows, FIRST][STILL : STILL + 2] = scores / self.states[0, FIRST]

    def without_first(self, read: Tensor) -> Tensor:
        """What `read` reads of a token, but nothing of the text's first, which stands for none."""
        first = functional.normalize(self.states[0, OWN : OWN + IDENTITY], dim=0)
        return read - torch.outer(read @ first, first)
