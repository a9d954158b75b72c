"""A byte-level BPE vocabulary of a wanted size, learnt from the sample pages, for models with random weights.

Pairs of tokens are merged, most frequent first, as in Sennrich, Haddow and Birch (2016), until plain English comes to
about four characters a token. The rest of the vocabulary is made-up words that no text is ever cut into: they are there
because the cost of the output layer, of sampling and of grammars grows with the number of tokens, and they are words
so that what a random model writes is readable text.
"""

import heapq
import itertools
import re
from collections import Counter, defaultdict
from typing import NamedTuple

from eval.questions import SAMPLE_PAGES

END, BEGIN_TURN, END_TURN = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CONTROL = (END, BEGIN_TURN, END_TURN)
_CHARACTERS = re.compile(r" ?[A-Za-z]+")
_CONSONANTS, _VOWELS = "bcdfghjklmnprstvz", "aeiou"
_MOST_MERGES = 4_000
"""Gives 3.2 characters a token on the text of the GPL and 5 on an abstract."""
_LEAST_FILLERS = 100


class Vocabulary(NamedTuple):
    """Tokens in the order of their numbers, written as GPT-2 writes bytes; the control tokens are last."""

    tokens: tuple[str, ...]
    merges: tuple[str, ...]
    unwanted: tuple[int, ...]
    """Tokens that a random model must not write: control tokens, and bytes that are no text by themselves."""


def learn(size: int) -> Vocabulary:
    """The vocabulary of `size` tokens; always the same for the same sample pages."""
    letters = byte_letters()
    text = "".join(page.read_text(encoding="utf-8") for page in sorted(SAMPLE_PAGES.iterdir()))
    words = Counter(match.replace(" ", letters[ord(" ")]) for match in _CHARACTERS.findall(text))
    count = min(_MOST_MERGES, size - len(letters) - len(CONTROL) - _LEAST_FILLERS)
    merges = _merges(words, count)
    known = list(dict.fromkeys([*letters, *map("".join, merges)]))
    fillers = _made_up(size - len(known) - len(CONTROL), set(known), letters[ord(" ")])
    tokens = (*known, *fillers, *CONTROL)
    no_text = [byte for byte in range(len(letters)) if not chr(byte).isalpha() or byte > ord("z")]
    return Vocabulary(tokens, tuple(map(" ".join, merges)), (*no_text, *range(size - len(CONTROL), size)))


def byte_letters() -> list[str]:
    """The printable letter that stands for each of the 256 bytes in vocabularies of GPT-2's kind."""
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = itertools.count(256)
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


def _merges(words: Counter[str], count: int) -> list[tuple[str, str]]:
    """The `count` most frequent pairs, each found after the ones before it were merged."""
    cut = {word: list(word) for word in words}
    frequency: Counter[tuple[str, str]] = Counter()
    holders: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for word, parts in cut.items():
        for pair in itertools.pairwise(parts):
            frequency[pair] += words[word]
            holders[pair].add(word)
    # Entries go stale as frequencies change; the current ones are pushed again and the stale ones passed over.
    queue = [(-times, pair) for pair, times in frequency.items()]
    heapq.heapify(queue)
    merges: list[tuple[str, str]] = []
    while queue and len(merges) < count:
        times, pair = heapq.heappop(queue)
        if -times != frequency[pair] or not times:
            continue
        merges.append(pair)
        changed: set[tuple[str, str]] = set()
        for word in holders.pop(pair):
            before, after = cut[word], _joined(cut[word], pair)
            cut[word] = after
            for old in itertools.pairwise(before):
                frequency[old] -= words[word]
                changed.add(old)
            for new in itertools.pairwise(after):
                frequency[new] += words[word]
                holders[new].add(word)
                changed.add(new)
        for other in changed:
            heapq.heappush(queue, (-frequency[other], other))
    return merges


def _joined(parts: list[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    for part in parts:
        if joined and (joined[-1], part) == pair:
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def _made_up(count: int, known: set[str], space: str) -> list[str]:
    """Words of three syllables that are no tokens yet."""
    syllables = [consonant + vowel for consonant in _CONSONANTS for vowel in _VOWELS]
    words = (space + "".join(three) for three in itertools.product(syllables, repeat=3))
    return list(itertools.islice((word for word in words if word not in known), count))
