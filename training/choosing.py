"""A decoder that chooses before it has learned anything: more heads set by hand, beside those that copy.

The question stands first. A token of the passages that is also in the question is told from others by how rare it is;
each token of a sentence knows with which token the sentence begins; and where the answer begins, matched tokens vote
for the first tokens of their sentences. Behind each sentence those of later passages vote, or the answer ends.
Training finds the rest: later tokens, words that mean the same, abstaining.
"""

import math
from collections import Counter
from collections.abc import Iterable

import torch
from tokenizers import Tokenizer

from training.decoder import HEAD
from training.hand import QUERY, Hand, Vocabulary
from training.states import (
    ASKED,
    BEFORE,
    BEGIN,
    BRACKET,
    CLOSES,
    ENDS,
    IDENTITY,
    LENGTH,
    MATCHED,
    NUMBER,
    OF_PASSAGE,
    OWN,
    PASSAGE,
    RARE,
    STILL,
    TITLE,
    orthonormal,
)

_BEHIND_QUESTION_HEAD, _TITLE_HEAD = 2, 3
"""Of the first layer."""
_MATCHING_HEADS, _BEGIN_HEAD = (0, 1, 2, 3), 4
"""Of the second."""
_VOTING_HEAD = 4
"""Of the third."""
_SHARP, _SINK = 36.0, 0.7
"""Score of a token that is in the question, and the share of it that the text's first token has for all others."""
_BRACKET = 30.0
_BEFORE_SENTENCES = {":": 14.0, ".": 20.0, "]": 30.0}
"""Scores of what stands before a sentence: before an abstract, in it, and in passages."""
_VOTE, _BEHIND, _NOT_IN_TITLE, _LOUD = 7.0, 16.0, 8.0, 500.0
"""Score of a matched token, of one behind the question, what a title takes away; how loudly the voted token is said."""
_DONE, _LATER, _END = 40.0, 0.3, 12.0
"""What passages up to the last that was answered with lose, and what each loses for every one before it; score of the
answer's end."""
_QUESTION_WORD = ("Q", "ues", "tion", ":")
_NO_VOTE = 0.05
_COMMON, _RAREST = 1.5, 6.0
"""Of log(texts / texts with the token): below the first nothing, from there to the second in proportion."""


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


def set_behind_question(hand: Hand) -> None:
    """In the first layer: a head sees the line's end behind the question, or else the first token of the text."""
    rows, line = hand.clear(_BEHIND_QUESTION_HEAD), hand.unit("Ċ")
    hand.always_ask(rows)
    seen = (24.0 * line + 14.0 * hand.unit("<|bos|>")) / hand.length
    hand.layer.attn_k.weight[rows, OWN : OWN + IDENTITY][STILL] = seen
    hand.layer.attn_v.weight[rows, OWN : OWN + IDENTITY][0] = line / hand.length
    hand.layer.attn_output.weight[PASSAGE, rows][0] = LENGTH


def set_title(hand: Hand) -> None:
    """In the first layer: a head sees the nearest bracket; within a title it is the line's first."""
    rows, line = hand.clear(_TITLE_HEAD), hand.unit("[")
    hand.always_ask(rows)
    hand.layer.attn_k.weight[rows, OWN : OWN + IDENTITY][STILL] = _BRACKET * (line + hand.unit(BRACKET)) / hand.length
    hand.prefer_near(rows, hand.constant)
    hand.layer.attn_v.weight[rows, OWN : OWN + IDENTITY][0] = line / hand.length
    hand.layer.attn_output.weight[TITLE, rows][0] = LENGTH


def set_matching(hand: Hand) -> None:
    """In the second layer: a token sees its like in the question and takes over how rare it is.

    All others see the first token. Each head compares in some directions only, so several are asked.
    """
    compared = HEAD - STILL - 2
    extra = STILL + compared
    rare = hand.known.rare[hand.text.tokens]
    for head in _MATCHING_HEADS:
        rows = hand.clear(head)
        alike = orthonormal(compared, IDENTITY) * math.sqrt(IDENTITY / compared)
        for part in (hand.layer.attn_q, hand.layer.attn_k):
            scaled = alike * math.sqrt(QUERY * _SHARP) / hand.length
            part.weight[rows, OWN : OWN + IDENTITY][STILL:extra] = scaled
        hand.always_ask(rows, extra)
        hand.layer.attn_k.weight[rows, PASSAGE][extra] = -1.2 * _SHARP / hand.states[hand.passages, PASSAGE].mean()
        hand.layer.attn_k.weight[rows, OWN : OWN + IDENTITY][extra] = (
            _SINK * _SHARP * hand.unit("<|bos|>") / hand.length
        )
        known = (hand.states[rare > 0, RARE] / rare[rare > 0]).median()
        hand.layer.attn_v.weight[rows, RARE][0] = 1 / known / LENGTH
        hand.layer.attn_output.weight[MATCHED, rows][0] = 2.0 / len(_MATCHING_HEADS)


def set_begin(hand: Hand) -> None:
    """In the second layer: a token sees the nearest one that begins a sentence, and keeps which it is."""
    rows = hand.clear(_BEGIN_HEAD)
    hand.see_nearest_behind(rows, _BEFORE_SENTENCES)
    hand.layer.attn_v.weight[rows, OWN : OWN + IDENTITY] = 8 * hand.without_first(hand.reading) / hand.length
    hand.layer.attn_output.weight[BEGIN : BEGIN + BEFORE, rows] = 0.5 * torch.eye(BEFORE)


def set_votes(hand: Hand) -> None:
    """In the third layer: matched tokens of the passages say how their sentences begin.

    They do where the answer begins or a marker closes. There only those of later passages do, and one token of the
    text for the answer's end.
    """
    rows, layer, states = hand.clear(_VOTING_HEAD), hand.layer, hand.states
    asked, closes = hand.at("<|assistant|>"), hand.answer & hand.at("]")
    compared, ending = slice(STILL + 2, STILL + 2 + NUMBER), STILL + 2 + NUMBER
    for flagged, flag in ((asked, ASKED), (closes, CLOSES)):
        layer.attn_q.weight[rows, flag][STILL] = QUERY / states[flagged, flag].mean()
    layer.attn_q.weight[rows, CLOSES][ending] = layer.attn_q.weight[rows, CLOSES][STILL]
    keys = layer.attn_k.weight[rows]
    keys[STILL, MATCHED] = _VOTE / states[hand.passages, MATCHED].topk(10).values.mean()
    keys[STILL, 0] = -_BEHIND / states[hand.passages, 0].mean()
    keys[STILL, PASSAGE] = _BEHIND / states[hand.passages, PASSAGE].mean()
    keys[STILL, TITLE] = -_NOT_IN_TITLE / states[:, TITLE].topk(20).values.mean()
    keys[ending, ENDS] = (_BEHIND + _END) / states[:, ENDS].max()
    hand.see_first_unless(rows, closes)
    number = slice(OF_PASSAGE, OF_PASSAGE + NUMBER)
    length = states[hand.passages, number].norm(dim=1).median()
    done = torch.ones(NUMBER, NUMBER).triu() * -_DONE
    layer.attn_q.weight[rows, number][compared] = QUERY * done / length
    keys[compared, number] = torch.eye(NUMBER) / length
    keys[STILL, number] = -_LATER * torch.arange(NUMBER) / length
    begins = slice(BEGIN, BEGIN + BEFORE)
    layer.attn_v.weight[rows, begins] = torch.eye(BEFORE) / states[:, begins].norm(dim=1).median()
    layer.attn_output.weight[OWN : OWN + IDENTITY, rows] = _LOUD * hand.reading.T
