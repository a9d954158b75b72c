"""Which words mean the same or the opposite: stems of WordNet 3.0 (Fellbaum 1998), made by `training/verifier.py`.

The file has its licence inside.
"""

import gzip
import json
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("relations.json.gz")
_NOTHING: frozenset[str] = frozenset()


class Relations(NamedTuple):
    """Sets of stems by stem."""

    synonyms: dict[str, frozenset[str]]
    antonyms: dict[str, frozenset[str]]
    kinds: dict[str, frozenset[str]]
    """What a word is a kind of."""
    parts: dict[str, str]
    """Parts of speech that a word can be: letters of `navr`."""

    def same(self, word: str) -> frozenset[str]:
        """Words for the same."""
        return self.synonyms.get(word, _NOTHING)

    def opposite(self, word: str) -> frozenset[str]:
        """Words for the opposite."""
        return self.antonyms.get(word, _NOTHING)

    def kind(self, word: str) -> frozenset[str]:
        """Words for what it is a kind of."""
        return self.kinds.get(word, _NOTHING)


@lru_cache(maxsize=1)
def relations() -> Relations:
    """The relations that ship."""
    with gzip.open(FILE, "rt", encoding="utf-8") as file:
        document = json.load(file)
    synonyms, antonyms, kinds = (
        {word: frozenset(others.split()) for word, others in document[name].items()}
        for name in ("synonyms", "antonyms", "kinds")
    )
    return Relations(synonyms, antonyms, kinds, document["parts"])
