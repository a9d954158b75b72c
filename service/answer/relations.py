"""Which words mean the same or the opposite: stems of WordNet 3.0 (Fellbaum 1998), made by `training/verifier.py`.

The file has its licence inside.
"""

import gzip
import json
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("relations.json.gz")


class Relations(NamedTuple):
    """Stems by stem, with spaces between: most of them are never asked for."""

    synonyms: dict[str, str]
    antonyms: dict[str, str]
    kinds: dict[str, str]
    """What a word is a kind of."""
    parts: dict[str, str]
    """Parts of speech that a word can be: letters of `navr`."""

    def same(self, word: str) -> frozenset[str]:
        """Words for the same."""
        return _stems(self.synonyms.get(word, ""))

    def opposite(self, word: str) -> frozenset[str]:
        """Words for the opposite."""
        return _stems(self.antonyms.get(word, ""))

    def kind(self, word: str) -> frozenset[str]:
        """Words for what it is a kind of."""
        return _stems(self.kinds.get(word, ""))


@lru_cache(maxsize=1)
def relations() -> Relations:
    """The relations that ship."""
    with gzip.open(FILE, "rt", encoding="utf-8") as file:
        document = json.load(file)
    return Relations(*(document[name] for name in Relations._fields))


@lru_cache(maxsize=50_000)
def _stems(text: str) -> frozenset[str]:
    return frozenset(text.split())
