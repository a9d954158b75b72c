"""A decoder that cites before it has learned anything: heads set by hand that say which passage is copied.

Each token of the passages knows the number of its passage. What is copied brings that number along, and where a marker
opens, the last copied tokens say theirs.
"""

import torch
from torch.nn import functional

from training.decoder import HEAD
from training.hand import FIRST_SEEN, QUERY, Hand
from training.states import (
    ASKED,
    BRACKET,
    COPIED_OF,
    COPYING_HEAD,
    FIRST,
    IDENTITY,
    LENGTH,
    NUMBER,
    OF_PASSAGE,
    OPENS,
    OWN,
    STILL,
)

_NUMBER_HEAD, _BRINGING_HEAD, _MARKER_HEAD = 5, 5, 0
"""Of the second layer, of the third and of the fourth."""
_SEEN, _BEGUN = 30.0, 30.0
"""Scores of what stands behind a bracket, and of the begin of an answer for what is behind it."""
_LOUD = 12.0
"""How loudly a number is said."""


def set_number(hand: Hand) -> None:
    """In the second layer: a token sees the nearest number in brackets before it, and keeps it.

    The begin of an answer counts as the first passage, which is always done when something was answered; itself it is
    of none.
    """
    rows, layer = hand.clear(_NUMBER_HEAD), hand.layer
    hand.see_nearest_behind(rows, {"[": _SEEN, BRACKET: _SEEN})
    asked = 1 / hand.states[hand.at("<|assistant|>"), ASKED].mean()
    layer.attn_q.weight[rows, ASKED][STILL + 1] = QUERY * asked
    layer.attn_k.weight[rows, ASKED][STILL] = _BEGUN * asked
    layer.attn_k.weight[rows, FIRST][STILL + 1] = FIRST_SEEN / hand.states[0, FIRST]
    kept = hand.without_first(torch.linalg.pinv(_named(hand)).T) / hand.length
    layer.attn_v.weight[rows, OWN : OWN + IDENTITY][:NUMBER] = kept
    layer.attn_v.weight[rows, ASKED][0] = asked
    layer.attn_output.weight[OF_PASSAGE : OF_PASSAGE + NUMBER, rows][:, :NUMBER] = LENGTH * torch.eye(NUMBER)


def set_bringing(hand: Hand) -> None:
    """In the third layer: a head looks as the first that copies does, and brings the number of that passage."""
    rows, layer = hand.clear(_BRINGING_HEAD), hand.layer
    like = slice(COPYING_HEAD * HEAD, (COPYING_HEAD + 1) * HEAD)
    for part in (layer.attn_q, layer.attn_k):
        part.weight[rows] = part.weight[like]
    number = slice(OF_PASSAGE, OF_PASSAGE + NUMBER)
    layer.attn_v.weight[rows, number][:NUMBER] = torch.eye(NUMBER) / hand.states[:, number].norm(dim=1).median()
    layer.attn_output.weight[COPIED_OF : COPIED_OF + NUMBER, rows][:, :NUMBER] = 4 * LENGTH * torch.eye(NUMBER)


def set_marker(hand: Hand) -> None:
    """In the fourth layer: where a marker opens, the last copied tokens say the number of their passage."""
    rows, layer = hand.clear(_MARKER_HEAD), hand.layer
    opens = hand.answer & hand.at(BRACKET)
    opened = 1 / hand.states[opens, OPENS].mean()
    layer.attn_q.weight[rows, OPENS][STILL] = QUERY * opened
    # Itself it has copied from any passage.
    layer.attn_k.weight[rows, OPENS][STILL] = -_BEGUN * opened
    hand.see_first_unless(rows, opens)
    hand.prefer_near(rows, hand.states[hand.answer, 0].mean())
    number = slice(COPIED_OF, COPIED_OF + NUMBER)
    kept = torch.eye(NUMBER) / hand.states[hand.answer, number].norm(dim=1).median()
    layer.attn_v.weight[rows, number][:NUMBER] = kept
    layer.attn_output.weight[OWN : OWN + IDENTITY, rows][:, :NUMBER] = _LOUD * IDENTITY**0.5 * _named(hand).T


def _named(hand: Hand) -> torch.Tensor:
    """The numbers as tokens, each of length 1: shape (NUMBER, IDENTITY)."""
    tokens = [hand.known.ids[str(number)] for number in range(1, NUMBER + 1)]
    return functional.normalize(hand.decoder.token_embd.weight[tokens, OWN : OWN + IDENTITY], dim=1)
