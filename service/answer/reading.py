"""A claim and its source as the checks see them: words with stems, numbers, and the sentences that bear a claim."""

import math
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from service.sentences import Span, sentence_spans

Terms = Callable[[str], Iterable[str]]
"""The stemmed content words of a text."""

# "9,120" is one number, "4,8,16" are three.
_TOKEN = re.compile(r"(?<![^\W_])(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)*)|[^\W_]+(?:['’][^\W\d_]+)?")
_DIGITS = re.compile(r"\d+")
_NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
}  # fmt: skip
_REMEMBERED_WORDS = 100_000


class Word(NamedTuple):
    """A word or number with its place in the text."""

    text: str
    start: int
    end: int
    stem: str
    """Empty of words that every text has."""
    number: str
    """The number that it stands for, in its shortest form, or empty."""

    @property
    def lower(self) -> str:
        """In lower case."""
        return self.text.lower()

    @property
    def digits(self) -> bool:
        """Whether it is a number written in digits."""
        return self.text[0].isdigit()


class Reading:
    """A text cut into words."""

    def __init__(self, text: str, stem: Callable[[str], str]) -> None:
        """Cut it; `stem` gives the stem of a word, or nothing."""
        self.text = text
        self.words = [
            Word(m.group(), m.start(), m.end(), stem(m.group().lower()), number_of(m.group()))
            for m in _TOKEN.finditer(text)
        ]
        self.lower = [word.lower for word in self.words]
        self.content = [word for word in self.words if word.stem]
        self.stems = frozenset(word.stem for word in self.content)

    def grams(self, length: int) -> list[tuple[str, ...]]:
        """All runs of so many words."""
        return list(zip(*(self.lower[start:] for start in range(length)), strict=False))


class SourceReading(Reading):
    """A source, with what many claims ask of it."""

    def __init__(self, text: str, stem: Callable[[str], str]) -> None:
        """Cut it into sentences and words and note where each stands."""
        super().__init__(text, stem)
        self.spans: list[Span] = sentence_spans(text) or [(0, len(text))]
        starts = [word.start for word in self.words]
        edges = [(bisect_left(starts, start), bisect_left(starts, end)) for start, end in self.spans]
        self.sentences: list[list[Word]] = [self.words[first:last] for first, last in edges]
        self.sentence_stems = [frozenset(word.stem for word in part if word.stem) for part in self.sentences]
        spread = Counter(stem for stems in self.sentence_stems for stem in stems)
        self.most_rare = math.log(1 + len(self.spans))
        self.rarity = {stem: math.log(1 + len(self.spans) / count) for stem, count in spread.items()}
        self.gram_sets = {length: set(self.grams(length)) for length in (2, 3, 4)}
        self.compounds = {"".join(pair) for pair in pairwise(self.lower)}
        self.places: dict[str, list[int]] = defaultdict(list)
        self.lower_places: dict[str, list[int]] = defaultdict(list)
        self.number_places: dict[str, list[int]] = defaultdict(list)
        for place, word in enumerate(self.words):
            self.places[word.stem].append(place)
            self.lower_places[word.lower].append(place)
            # Of a name such as GPT4 the number counts too: it may be written GPT-4.
            for number in [word.number] if word.number else _DIGITS.findall(word.text):
                self.number_places[number].append(place)
        self.capitalized = frozenset(word.lower for word in self.words if word.text[0].isupper())

    def has(self, word: Word) -> bool:
        """Whether a word of a claim stands here, also written as two."""
        return word.stem in self.stems or word.lower in self.compounds

    def weight(self, stems: Iterable[str]) -> float:
        """How much it says that these words are there: rare ones say more (Spärck Jones 1972)."""
        return sum(self.rarity[stem] for stem in stems)


class Bearing(NamedTuple):
    """How the words of a claim lie in its source."""

    first: int
    """The sentence that has most of the claim, by number."""
    second: int
    """The one that has most of the rest; the first again where there is no rest."""
    near: tuple[int, ...]
    """These two and whatever says nearly as much as the first, in order."""
    first_share: float
    """Weight of the claim's words in the first sentence, of all its words."""
    both_share: float
    window_share: float
    """In the best three sentences that follow each other."""
    whole_share: float


def bearing(claim: Reading, source: SourceReading) -> Bearing:
    """Find the sentences that bear a claim best."""
    known = claim.stems & source.stems
    unknown = {word.stem for word in claim.content if not source.has(word)}
    total = source.weight(known) + source.most_rare * len(unknown) or 1.0
    single = [source.weight(known & stems) for stems in source.sentence_stems]
    first = max(range(len(single)), key=single.__getitem__)
    rest = known - source.sentence_stems[first]
    further = [source.weight(rest & stems) for stems in source.sentence_stems]
    second = max(range(len(further)), key=further.__getitem__)
    if not further[second]:
        second = first
    windows = (
        source.weight(known & frozenset().union(*source.sentence_stems[start : start + 3]))
        for start in range(len(single))
    )
    nearly = sorted(range(len(single)), key=lambda number: -single[number])[:2]
    near = {first, second, *(number for number in nearly if single[number] > single[first] / 2)}
    return Bearing(
        first,
        second,
        tuple(sorted(near)),
        single[first] / total,
        (single[first] + (further[second] if second != first else 0)) / total,
        max(windows) / total,
        source.weight(known) / total,
    )


def number_of(text: str) -> str:
    """The number that a word stands for: `9,120` is `9120`, `1.50` is `1.5`, `three` is `3`; empty of other words."""
    if not text[0].isdigit():
        return _NUMBER_WORDS.get(text.lower(), "")
    plain = text.replace(",", "")
    return plain.rstrip("0").rstrip(".") if plain.count(".") == 1 else plain


class Reader:
    """Reads texts with the stemmer of the index, and remembers stems and the last sources."""

    def __init__(self, terms: Terms) -> None:
        """Read with these terms."""
        self.stem = lru_cache(_REMEMBERED_WORDS)(lambda word: next(iter(terms(word)), ""))
        self.source: Callable[[str], SourceReading] = lru_cache(32)(lambda text: SourceReading(text, self.stem))

    def claim(self, text: str) -> Reading:
        """A claim."""
        return Reading(text, self.stem)


@lru_cache(4)
def reader(terms: Terms) -> Reader:
    """The reader for these terms; the same one every time."""
    return Reader(terms)


def runs(claim: Reading, source: SourceReading) -> list[int]:
    """Lengths of the passages that a claim took over word by word (extractive fragments, Grusky et al. 2018)."""
    found, place, words = [], 0, source.lower
    while place < len(claim.lower):
        best = 0
        for start in source.lower_places.get(claim.lower[place], ())[:60]:
            length = 0
            for ours, theirs in zip(claim.lower[place:], words[start : start + len(claim.lower)], strict=False):
                if ours != theirs:
                    break
                length += 1
            best = max(best, length)
        if best:
            found.append(best)
        place += best or 1
    return found


def evidence(source: SourceReading, borne: Bearing) -> str:
    """The one or two sentences that bear a claim, the better one first."""
    numbers: Sequence[int] = dict.fromkeys((borne.first, borne.second))  # type: ignore[assignment]
    return " ".join(source.text[slice(*source.spans[number])] for number in numbers)
