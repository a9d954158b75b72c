"""What common words of titles mean, so that a question can say it in other words.

WordNet (Fellbaum 1998) defines a word in several senses. The one that the field uses is taken to be that whose
definition is nearest to the titles with the word, both as the untrained embedder sees them; where even the nearest is
far, or none is short, the word has none.
"""

import random
import re
from collections import Counter
from collections.abc import Sequence
from operator import attrgetter

import torch

from eval.wordnet import wordnet
from training.minilm import MiniLM

_SEED, _TITLES = 1, 20_000
_FEWEST, _COMMONEST = 15, 0.1
"""Titles with a word: more than the first, less than this share."""
_SENSES = 4
_LEAST_COSINE = 0.25
_LONGEST = 12
"""Words of a definition."""
_WORD = re.compile(r"[a-z]{4,}")
_ASIDE = re.compile(r"\([^)]*\)|;.*|--.*|,? (?:such as|e\.g\.|especially|usually|typically)\b.*")


def definitions(titles: Sequence[str], model: MiniLM) -> dict[str, str]:
    """The definition of each word of the titles that has a fitting one."""
    shuffled = list(titles)
    random.Random(_SEED).shuffle(shuffled)  # noqa: S311 - no secret
    titles = shuffled[:_TITLES]
    having: dict[str, list[int]] = {}
    for place, title in enumerate(titles):
        for word in set(_WORD.findall(title.lower())):
            having.setdefault(word, []).append(place)
    known = {
        word: senses
        for word, places in having.items()
        if _FEWEST < len(places) < _COMMONEST * len(titles) and (senses := _defined(word))
    }
    vectors = model.encode(titles)
    texts = sorted({sense for senses in known.values() for sense in senses})
    of_text = dict(zip(texts, model.encode(texts), strict=True))
    found = {}
    for word, senses in known.items():
        use = torch.nn.functional.normalize(vectors[having[word]].mean(dim=0), dim=0)
        cosine, best = max((float(of_text[sense] @ use), sense) for sense in senses)
        if cosine > _LEAST_COSINE:
            found[word] = best
    return found


def _defined(word: str) -> list[str]:
    """Short definitions that do not have the word itself."""
    lemma, _ = wordnet().lemma(word)
    per_part: Counter[str] = Counter()
    found = []
    for sense in sorted(wordnet().senses.get(lemma, []), key=attrgetter("rank")):
        per_part[sense.part] += 1
        text = " ".join(_ASIDE.sub(" ", sense.definition).split()).strip(" ,")
        stem = lemma[:5]
        if per_part[sense.part] <= _SENSES and text and stem not in text and len(text.split()) <= _LONGEST:
            found.append(text)
    return found
