"""Words that mean the same, the opposite, or something beside it, from WordNet 3.0 (Fellbaum 1998).

Debian and Ubuntu: `apt install wordnet-base`; elsewhere `WORDNET` names the folder with `data.noun` and the others.
Only the frequent senses count: a rare one ("model" as a person who poses) would make a different claim.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

FOLDER = "/usr/share/wordnet"
_PARTS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
_SENSES = 2
"""Of a word, most frequent first."""
_SENSES_OF_OTHER = 3
_LOOSE_SENSES, _LOOSE_SENSES_OF_OTHER = 5, 8
_RARE = 99
_ENDINGS = (
    ("ies", "y"),
    ("es", ""),
    ("es", "e"),
    ("s", ""),
    ("ied", "y"),
    ("ed", ""),
    ("ed", "e"),
    ("ing", ""),
    ("ing", "e"),
)
_DOUBLED = 2


class Synset(NamedTuple):
    """A meaning with the words for it."""

    words: tuple[str, ...]
    pointers: tuple[tuple[str, str, str, int, int], ...]
    """Sign, offset, part of speech, number of the word here and there (0: all)."""


class WordNet:
    """Relations between single words, all in lower case."""

    def __init__(self, folder: Path) -> None:
        """Read the four parts of speech.

        Raises:
            SystemExit: they are not there; with what to do.
        """
        self.synonyms: dict[str, set[str]] = defaultdict(set)
        self.antonyms: dict[str, set[str]] = defaultdict(set)
        self.alike: dict[str, set[str]] = defaultdict(set)
        """Synonyms also in rarer senses, and similar adjectives."""
        self.kinds: dict[str, set[str]] = defaultdict(set)
        """What a word is a kind of."""
        self.parts: dict[str, set[str]] = defaultdict(set)
        """Parts of speech: letters of `navr`."""
        self.lemmas: set[str] = set()
        if not (folder / "data.noun").is_file():
            raise SystemExit(f"WordNet is not in {folder}: apt install wordnet-base, or set WORDNET")
        for part, letter in _PARTS.items():
            self._read(folder, part, letter)

    def lemma(self, word: str) -> tuple[str, str]:
        """The base form that WordNet knows, and the ending that `inflected` puts on again."""
        if word in self.lemmas:
            return word, ""
        for ending, instead in _ENDINGS:
            base = word.removesuffix(ending) + instead
            if word.endswith(ending) and len(base) > _DOUBLED:
                for candidate in (base, base[:-1] if base[-1:] == base[-2:-1] else base):
                    if candidate in self.lemmas:
                        return candidate, "s" if ending.endswith("s") else "ed" if ending.endswith("ed") else "ing"
        return "", ""

    def _read(self, folder: Path, part: str, letter: str) -> None:
        synsets = dict(_synsets(folder / f"data.{part}"))
        ranks = _ranks(folder / f"index.{part}")
        for offset, synset in synsets.items():
            rank = {word: ranks.get((word, offset), _RARE) for word in synset.words}
            self.lemmas.update(synset.words)
            for word in synset.words:
                self.parts[word].add(letter)
                near = {other for other in synset.words if other != word}
                if rank[word] < _SENSES:
                    self.synonyms[word].update(other for other in near if rank[other] < _SENSES_OF_OTHER)
                if rank[word] < _LOOSE_SENSES:
                    self.alike[word].update(other for other in near if rank[other] < _LOOSE_SENSES_OF_OTHER)
            for sign, target, kind, here, there in synset.pointers:
                if target not in synsets or (kind != letter and not (kind == "s" and letter == "a")):
                    continue
                others = synsets[target].words
                if sign == "!" and here:
                    self.antonyms[synset.words[here - 1]].add(others[there - 1])
                    continue
                for word in (word for word in synset.words if rank[word] < _SENSES_OF_OTHER):
                    if sign in {"@", "@i"}:
                        self.kinds[word].update(others)
                    elif sign == "&":
                        self.alike[word].update(others)


@cache
def wordnet() -> WordNet:
    """The one that is installed.

    Raises:
        SystemExit: none is; with what to do.
    """
    return WordNet(Path(os.environ.get("WORDNET", FOLDER)))


def inflected(lemma: str, ending: str) -> str:
    """A base form with a regular ending: `s`, `ed`, `ing`, or none."""
    if not ending:
        return lemma
    if ending == "s":
        if lemma.endswith("y") and lemma[-2:-1] not in "aeiou":
            return f"{lemma[:-1]}ies"
        return f"{lemma}es" if lemma.endswith(("s", "x", "z", "ch", "sh")) else f"{lemma}s"
    if ending == "ed" and lemma.endswith("y") and lemma[-2:-1] not in "aeiou":
        return f"{lemma[:-1]}ied"
    return f"{lemma.removesuffix('e')}{ending}"


def _synsets(path: Path) -> Iterator[tuple[str, Synset]]:
    for line in _lines(path):
        fields = line.partition("|")[0].split()
        count = int(fields[3], 16)
        words = tuple(fields[4 + 2 * n].split("(")[0].lower() for n in range(count))
        start = 4 + 2 * count
        pointers = tuple(_pointer(fields[start + 1 + 4 * n : start + 5 + 4 * n]) for n in range(int(fields[start])))
        yield fields[0], Synset(words, pointers)


def _pointer(fields: Sequence[str]) -> tuple[str, str, str, int, int]:
    sign, offset, part, words = fields
    return sign, offset, part, int(words[:2], 16), int(words[2:], 16)


def _ranks(path: Path) -> dict[tuple[str, str], int]:
    """How frequent each sense of a word is: 0 is the most frequent one."""
    found = {}
    for line in _lines(path):
        fields = line.split()
        count = int(fields[2])
        found.update({(fields[0], offset): rank for rank, offset in enumerate(fields[-count:])})
    return found


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="latin-1") as lines:
        # The licence stands in front, indented.
        yield from (line for line in lines if not line.startswith("  "))
