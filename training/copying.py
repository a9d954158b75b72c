"""A decoder that copies before it has learned anything: weights set by hand for the first four layers.

What a state has stands in directions of their own: a constant, which token it is, which two tokens were before it, and
room for what training finds. Two heads of the first layer look one and two tokens back; four of the third look
for a place where the last two tokens stood before and bring the token that followed (induction heads, Olsson et al.
2022). Other heads choose what to copy (`choosing.py`) and say from where (`citing.py`). All else begins as small noise.
"""

import torch
from torch import Tensor
from torch.nn import functional

from training.choosing import set_begin, set_behind_question, set_matching, set_title, set_votes
from training.citing import set_bringing, set_marker, set_number
from training.decoder import HEAD, Decoder, Shape
from training.hand import Hand, Text, Vocabulary
from training.states import (
    ASKED,
    BEFORE,
    BEGIN,
    BRACKET,
    CLOSES,
    COPYING_HEAD,
    ENDS,
    FIRST,
    IDENTITY,
    LENGTH,
    ONE_BEFORE,
    OPENS,
    OWN,
    PASSAGE,
    RARE,
    STILL,
    TURNING,
    TWO_BEFORE,
    orthonormal,
)

_CONSTANT = 4.0
_SPREAD, _SLOWEST, _STILL = 1.163, (11.3, 25.5), 1e8
"""By how much each pair is slower than in Llama, than the one before it; the last two that turn; those that do not.

From 6 to 1,200 tokens for a full turn, then 3,000 and 9,000: a quarter of the last is more than the context.
"""
_LOOKING_BACK, _KEPT, _MATCHING, _COPYING = 1.6, 0.6, 2.4, 6.0
"""How sharply heads look back and what they keep of it; how sharply they compare, and how loudly they copy."""
_SURENESS = 0.08
"""Of the norm before the logits: one token is then some 17 above all others, and what is wrong can be unlearned."""
_NOISE = 0.02
_PAIRS = 2
"""Of heads that copy."""


def copying(shape: Shape, known: Vocabulary, text: Text, seed: int, *, plain: bool = False) -> Decoder:
    """A new decoder; the same seed gives the same. A `plain` one is all noise, to compare with."""
    torch.manual_seed(seed)
    decoder = Decoder(shape, len(known.ids), _factors())
    with torch.no_grad():
        for name, weight in decoder.named_parameters():
            if "norm" in name:
                weight.fill_(1.0)
            elif name.endswith(("attn_output.weight", "ffn_down.weight")) and not plain:
                weight.zero_()
            else:
                weight.normal_(0, _NOISE)
        if plain:
            return decoder
        decoder.output_norm.weight.fill_(_SURENESS)
        _set_states(decoder.token_embd.weight)
        reading = orthonormal(BEFORE, IDENTITY)
        _mark(decoder, reading, known)
        _set_heads(Hand(decoder, reading, known, text))
    return decoder


def _set_heads(hand: Hand) -> None:
    """Set the heads layer by layer: each is measured with those before it."""
    _set_looking_back(hand)
    _set_copying(hand)
    set_behind_question(hand)
    set_title(hand)
    hand.go_to(1)
    set_matching(hand)
    set_begin(hand)
    set_number(hand)
    hand.go_to(2)
    set_votes(hand)
    set_bringing(hand)
    hand.go_to(3)
    set_marker(hand)


def _factors() -> Tensor:
    turning = [_SPREAD**pair for pair in range(TURNING - len(_SLOWEST))] + [*_SLOWEST]
    return torch.tensor(turning + [_STILL] * (HEAD // 2 - TURNING))


def _set_states(embedding: Tensor) -> None:
    embedding[:, 0] = _CONSTANT
    # All of one length: of a longer one the constant would be smaller behind the norm, and so all that is compared.
    identities = functional.normalize(torch.randn(len(embedding), IDENTITY), dim=1)
    embedding[:, 1 : 1 + IDENTITY] = identities * IDENTITY**0.5
    embedding[:, 1 + IDENTITY : 1 + IDENTITY + 2 * BEFORE] = 0.0


def _mark(decoder: Decoder, reading: Tensor, known: Vocabulary) -> None:
    """Mark the tokens that heads look for; `<|user|>`, which is in each text, stands for the end of an answer."""
    embedding, ids = decoder.token_embd.weight, known.ids
    end = functional.normalize(embedding[ids["<|end|>"], OWN : OWN + IDENTITY], dim=0)
    embedding[:, PASSAGE:] = 0.0
    embedding[:, RARE] = known.rare * LENGTH
    marked = (("<|bos|>", FIRST), ("<|user|>", ENDS), ("<|assistant|>", ASKED), (BRACKET, OPENS), ("]", CLOSES))
    for token, mark in marked:
        embedding[ids[token], mark] = LENGTH
    embedding[ids["<|user|>"], BEGIN : BEGIN + BEFORE] = reading @ end * 2 * LENGTH
    # What is marked stays as long as the rest: of a longer token all that is compared would be smaller behind the norm.
    marks = embedding[:, PASSAGE:].square().sum(dim=1, keepdim=True)
    embedding[:, OWN : OWN + IDENTITY] *= (1 - marks / IDENTITY).sqrt()


def _set_looking_back(hand: Hand) -> None:
    """Head 0 of the first layer keeps what token was before, head 1 the one before that, both as `reading` reads it."""
    layer = hand.layer
    speeds = 10_000.0 ** (-torch.arange(0, HEAD, 2) / HEAD) / hand.decoder.rope_freqs
    for head in (0, 1):
        rows = hand.clear(head)
        angles = speeds[:TURNING] * (head + 1)
        layer.attn_q.weight[rows, 0][0:STILL:2] = _LOOKING_BACK
        layer.attn_k.weight[rows, 0][0:STILL:2] = _LOOKING_BACK * angles.cos()
        layer.attn_k.weight[rows, 0][1:STILL:2] = _LOOKING_BACK * angles.sin()
        layer.attn_v.weight[rows, 1 : 1 + IDENTITY] = hand.reading
        begin = 1 + IDENTITY + head * BEFORE
        layer.attn_output.weight[begin : begin + BEFORE, rows] = _KEPT * torch.eye(BEFORE)


def _set_copying(hand: Hand) -> None:
    """Pairs of heads of the third layer compare alike, and each copies half of what a token is.

    They need no measuring, so they are set first.
    """
    layer, reading, width = hand.decoder.blk[2], hand.reading, hand.decoder.shape.width
    own, one, two = OWN, ONE_BEFORE, TWO_BEFORE
    half = (HEAD - STILL) // 2
    for pair in range(_PAIRS):
        first, second = orthonormal(half, BEFORE), orthonormal(half, BEFORE)
        for part in (0, 1):
            head = COPYING_HEAD + 2 * pair + part
            rows = slice(head * HEAD, (head + 1) * HEAD)
            query, key = torch.zeros(HEAD, width), torch.zeros(HEAD, width)
            query[STILL : STILL + half, own : own + IDENTITY] = first @ reading
            key[STILL : STILL + half, one : one + BEFORE] = first / _KEPT
            query[STILL + half :, one : one + BEFORE] = second / _KEPT
            key[STILL + half :, two : two + BEFORE] = second / _KEPT
            layer.attn_q.weight[rows], layer.attn_k.weight[rows] = _MATCHING * query, _MATCHING * key
            layer.attn_v.weight[rows] = 0.0
            kept = torch.arange(HEAD) + own + part * HEAD
            layer.attn_v.weight[torch.arange(HEAD) + head * HEAD, kept] = 1.0
            layer.attn_output.weight[kept, torch.arange(HEAD) + head * HEAD] = _COPYING
