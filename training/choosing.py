"""A decoder that chooses before it has learned anything: more heads set by hand, beside those that copy.

The question stands first. A token of the passages that is also in the question is told from others by how rare it is;
each token of a sentence knows with which token the sentence begins; and where the answer begins, matched tokens vote
for the first tokens of their sentences. Training finds the rest: later tokens, words that mean the same, abstaining.

Every head has a query and a key in a few directions, and what it sees and brings has a length that depends on the
norm before the layer; so scales are measured on a text, layer by layer.
"""

import math
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from training.decoder import HEAD, Decoder, Layer
from training.states import BEFORE, IDENTITY, ONE_BEFORE, OWN, STILL, TURNING, orthonormal

_PASSAGE = OWN + IDENTITY + 2 * BEFORE
_RARE, _MATCHED, _ASKED, _TITLE, _BEGIN = _PASSAGE + 1, _PASSAGE + 2, _PASSAGE + 3, _PASSAGE + 4, _PASSAGE + 5
"""Directions: behind the question; how rare; that of matched tokens; the answer begins; in a title; how a sentence
begins."""
_LENGTH = 4.0
_MATCHING_HEADS, _BEGIN_HEAD, _VOTING_HEAD = (0, 1, 2, 3), 4, 4
"""Five of the second layer, and one of the third, of which the first four copy."""
_SHARP, _SINK = 36.0, 0.7
"""Score of a token that is in the question, and the share of it that the text's first token has for all others."""
_BEGINS, _NEAR = 30.0, (40.0, 24.0)
"""Score of what stands behind a marker, and what the distance takes away."""
_VOTE, _BEHIND, _NOT_IN_TITLE, _LOUD = 10.0, 8.0, 8.0, 500.0
"""Score of a matched token, of one behind the question, what a title takes away; how loudly the voted token is said."""
_QUESTION_WORD = ("Q", "ues", "tion", ":")
_NO_VOTE = 0.05
_COMMON, _RAREST = 1.5, 6.0
"""Of log(texts / texts with the token): below the first nothing, from there to the second in proportion."""


class Vocabulary(NamedTuple):
    """What the hand needs to know of tokens."""

    ids: dict[str, int]
    rare: Tensor
    """From 0 to 1, shape (tokens,)."""


class Text(NamedTuple):
    """A question, passages and the begin of an answer, to measure on: each of shape (tokens,) or (tokens, tokens)."""

    tokens: Tensor
    places: Tensor
    mask: Tensor


def vocabulary(tokenizer: Tokenizer, texts: Iterable[str]) -> Vocabulary:
    """Which tokens are rare in texts."""
    known: Counter[int] = Counter()
    count = 0
    for text in texts:
        known.update(set(tokenizer.encode(text).ids))
        count += 1
    ids = tokenizer.get_vocab()
    rare = torch.zeros(len(ids))
    for token, number in ids.items():
        if not token.startswith("<|") and token not in _QUESTION_WORD:
            value = math.log(count / (1 + known[number])) if known[number] else _COMMON + _RAREST
            share = min(max(value - _COMMON, 0.0), _RAREST) / _RAREST
            # A vote counts as the exponential of its score, and so in proportion to the share.
            rare[number] = 1 + math.log(share) / _VOTE if share > _NO_VOTE else 0.0
    return Vocabulary(ids, rare)


def set_choosing(decoder: Decoder, reading: Tensor, known: Vocabulary, text: Text) -> None:
    """Set the heads that choose, in a decoder that copies with the first four heads of its third layer.

    Args:
        decoder: three layers or more.
        reading: how the first layer keeps the token before, shape (BEFORE, IDENTITY).
        known: its tokens.
        text: to measure on.
    """
    embedding = decoder.token_embd.weight
    embedding[:, _PASSAGE:] = 0.0
    embedding[:, _RARE] = known.rare * _LENGTH
    embedding[known.ids["<|assistant|>"], _ASKED] = _LENGTH
    states = _normed(decoder, 0, text)
    _set_behind_question(decoder, known, states)
    _set_title(decoder, known, states)
    states = _normed(decoder, 1, text)
    _set_matching(decoder, known, states, text)
    _set_begin(decoder, reading, known, states, text)
    _set_votes(decoder, reading, known, _normed(decoder, 2, text), text)


def _set_behind_question(decoder: Decoder, known: Vocabulary, states: Tensor) -> None:
    """A head of the first layer sees the line's end behind the question, or else the first token of the text."""
    layer, rows = decoder.blk[0], _clear(decoder, 0, 2)
    line, begin, length = _unit(decoder, known, "Ċ"), _unit(decoder, known, "<|bos|>"), _length(states)
    layer.attn_q.weight[rows, 0][STILL] = 8 / states[:, 0].mean()
    layer.attn_k.weight[rows, OWN : OWN + IDENTITY][STILL] = (24.0 * line + 14.0 * begin) / length
    layer.attn_v.weight[rows, OWN : OWN + IDENTITY][0] = line / length
    layer.attn_output.weight[_PASSAGE, rows][0] = _LENGTH


def _set_title(decoder: Decoder, known: Vocabulary, states: Tensor) -> None:
    """A head of the first layer sees the nearest bracket; within a title it is the line's first."""
    layer, rows, length = decoder.blk[0], _clear(decoder, 0, 3), _length(states)
    line, other = (_unit(decoder, known, token) for token in ("[", "Ġ["))
    layer.attn_q.weight[rows, 0][STILL] = 8 / states[:, 0].mean()
    layer.attn_k.weight[rows, OWN : OWN + IDENTITY][STILL] = _BEGINS * (line + other) / length
    _set_near(layer, rows, states[:, 0].mean())
    layer.attn_v.weight[rows, OWN : OWN + IDENTITY][0] = line / length
    layer.attn_output.weight[_TITLE, rows][0] = _LENGTH


def _set_near(layer: Layer, rows: slice, constant: Tensor) -> None:
    """Take the sine of the distance times a slow speed away: a query at rest and a key a quarter turn from it."""
    for pair, strength in zip((TURNING - 1, TURNING - 2), _NEAR, strict=True):
        layer.attn_q.weight[rows, 0][2 * pair] = math.sqrt(8 * strength) / constant
        layer.attn_k.weight[rows, 0][2 * pair + 1] = -math.sqrt(8 * strength) / constant


def _set_matching(decoder: Decoder, known: Vocabulary, states: Tensor, text: Text) -> None:
    """A token sees its like in the question and takes over how rare it is; all others see the first token.

    Each head compares in some directions only, so several are asked.
    """
    for head in _MATCHING_HEADS:
        _set_matching_head(decoder, head, known, states, text)


def _set_matching_head(decoder: Decoder, head: int, known: Vocabulary, states: Tensor, text: Text) -> None:
    layer, rows, length = decoder.blk[1], _clear(decoder, 1, head), _length(states)
    compared = HEAD - STILL - 2
    alike = orthonormal(compared, IDENTITY) * math.sqrt(IDENTITY / compared)
    for part in (layer.attn_q, layer.attn_k):
        part.weight[rows, OWN : OWN + IDENTITY][STILL : STILL + compared] = alike * math.sqrt(8 * _SHARP) / length
    extra = STILL + compared
    behind = _behind(text, known)
    layer.attn_q.weight[rows, 0][extra] = 8 / states[:, 0].mean()
    layer.attn_k.weight[rows, _PASSAGE][extra] = -1.2 * _SHARP / states[behind, _PASSAGE].mean()
    first = _SINK * _SHARP * _unit(decoder, known, "<|bos|>") / length
    layer.attn_k.weight[rows, OWN : OWN + IDENTITY][extra] = first
    rare = known.rare[text.tokens]
    layer.attn_v.weight[rows, _RARE][0] = 1 / (states[rare > 0, _RARE] / rare[rare > 0]).median() / _LENGTH
    layer.attn_output.weight[_MATCHED, rows][0] = 2.0 / len(_MATCHING_HEADS)


def _set_begin(decoder: Decoder, reading: Tensor, known: Vocabulary, states: Tensor, text: Text) -> None:
    """A token sees the nearest one before it that stands behind a marker, and keeps which it is."""
    layer, rows = decoder.blk[1], _clear(decoder, 1, _BEGIN_HEAD)
    constant = states[:, 0].mean()
    marker = functional.normalize(reading @ _unit(decoder, known, "]"), dim=0)
    behind_marker = torch.roll(text.tokens, 1) == known.ids["]"]
    seen = (states[behind_marker][:, ONE_BEFORE : ONE_BEFORE + BEFORE] @ marker).mean()
    layer.attn_q.weight[rows, 0][STILL] = 8 / constant
    layer.attn_k.weight[rows, ONE_BEFORE : ONE_BEFORE + BEFORE][STILL] = _BEGINS * marker / seen
    _set_near(layer, rows, constant)
    layer.attn_v.weight[rows, OWN : OWN + IDENTITY] = 8 * reading / _length(states)
    layer.attn_output.weight[_BEGIN : _BEGIN + BEFORE, rows] = 0.5 * torch.eye(BEFORE)


def _set_votes(decoder: Decoder, reading: Tensor, known: Vocabulary, states: Tensor, text: Text) -> None:
    """Where the answer begins, matched tokens of the passages say how their sentences do."""
    layer, rows = decoder.blk[2], _clear(decoder, 2, _VOTING_HEAD)
    asked = text.tokens == known.ids["<|assistant|>"]
    behind = _behind(text, known)
    layer.attn_q.weight[rows, _ASKED][STILL] = 8 / states[asked, _ASKED].mean()
    layer.attn_k.weight[rows, _MATCHED][STILL] = _VOTE / states[behind, _MATCHED].topk(10).values.mean()
    layer.attn_k.weight[rows, _PASSAGE][STILL] = _BEHIND / states[behind, _PASSAGE].mean()
    layer.attn_k.weight[rows, _TITLE][STILL] = -_NOT_IN_TITLE / states[:, _TITLE].topk(20).values.mean()
    length = states[:, _BEGIN : _BEGIN + BEFORE].norm(dim=1).median()
    layer.attn_v.weight[rows, _BEGIN : _BEGIN + BEFORE] = torch.eye(BEFORE) / length
    layer.attn_output.weight[OWN : OWN + IDENTITY, rows] = _LOUD * reading.T


def _normed(decoder: Decoder, number: int, text: Text) -> Tensor:
    """What the attention of a layer reads of a text, shape (tokens, width)."""
    found: list[Tensor] = []
    hook = decoder.blk[number].attn_norm.register_forward_hook(lambda _, __, states: found.append(states[0]))
    decoder(text.tokens[None], text.places[None], text.mask[None, None])
    hook.remove()
    return found[0]


def _clear(decoder: Decoder, number: int, head: int) -> slice:
    """Silence a head of a layer; the rows that it has in each matrix."""
    layer, rows = decoder.blk[number], slice(head * HEAD, (head + 1) * HEAD)
    for part in (layer.attn_q, layer.attn_k, layer.attn_v):
        part.weight[rows] = 0.0
    layer.attn_output.weight[:, rows] = 0.0
    return rows


def _unit(decoder: Decoder, known: Vocabulary, token: str) -> Tensor:
    return functional.normalize(decoder.token_embd.weight[known.ids[token], OWN : OWN + IDENTITY], dim=0)


def _length(states: Tensor) -> Tensor:
    return states[:, OWN : OWN + IDENTITY].norm(dim=1).mean()


def _behind(text: Text, known: Vocabulary) -> Tensor:
    """True behind the end of the question's line."""
    return torch.cumsum(text.tokens == known.ids["Ċ"], dim=0) > 0
