"""Groups of papers named by their most typical terms.

A term is a word or two words in a row. It is typical of a group where its log odds against the other papers are surest:
the difference of the log odds over its standard deviation, with the whole collection as the prior (Monroe, Colaresi &
Quinn 2008, "Fightin' Words"). Titles are looked at apart, too, for authors put into them what a paper is about: a term
that none of them has ("underexplored", "each participant") names a group only where no other does.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from math import log, sqrt
from typing import NamedTuple

from service.index.lexical import Analyzer
from service.index.tokens import STOP_WORDS

TERMS = 4
_PRIOR = 20.0
"""Weight of the prior, in papers."""
_LEAST_SHARE = 0.08
"""Of a group's papers that have a term which names it; and two papers at least."""
_LEAST_TITLES = 2
"""Of a group that have a term which names it, if there are such terms."""
_WORD = re.compile(r"(?:\d[^\W\d_]|[^\W\d_])[^\W_]*(?:[-‐‑][^\W_]+)*")
# A term does not go from one part of a sentence into the next, and an address is none.
_BREAK = re.compile(r"https?://\S+|www\.\S+|[.,;:!?]\s|[()\[\]\"“”]")
_INSIDE_PAIR = 0.5
"""Share of the papers with a word that have the pair from which on the pair stands for the word."""
# How abstracts speak, whatever they are about.
_PROSE = [
    "able", "achieve", "acquire", "across", "additional", "address", "advance", "against", "aim", "allow", "apply",
    "available", "base", "become", "better", "beyond", "challenge", "common", "compare", "complex", "comprehensive",
    "consider", "consistent", "contribute", "current", "demonstrate", "despite", "different", "directly", "diverse",
    "due", "effective", "efficient", "emerge", "enable", "enhance", "especially", "evaluate", "exist", "explore",
    "extensive", "finally", "find", "first", "five", "focus", "four", "further", "furthermore", "general", "good",
    "high", "however", "important", "improve", "include", "increase", "instead", "introduce", "investigate",
    "issue", "large", "lead", "leverage", "like", "limit", "low", "main", "major", "make", "mitigate", "need",
    "new", "novel", "observe", "obtain", "often", "outperform", "paper", "particular", "perform", "popular",
    "possible", "potential", "present", "previous", "prior", "propose", "provide", "recent", "reduce", "relate",
    "rely", "remain", "remarkable", "require", "respective", "result", "revisit", "several", "show", "significant",
    "similar", "simple", "since", "specific", "strong", "study", "substantial", "successful", "suggest", "superior",
    "teach", "three", "thus", "together", "toward", "two", "typical", "understand", "unlike", "use", "utilize",
    "various", "via", "well", "whether", "wide", "within", "without", "yet",
]  # fmt: skip
# What any of them may be about: no name alone, but part of one.
_GENERAL = [
    "ability", "accuracy", "analysis", "application", "approach", "architecture", "art", "baseline", "benchmark",
    "case", "code", "data", "dataset", "design", "experiment", "factor", "feature", "framework", "information",
    "learning", "level", "method", "metric", "model", "network", "number", "performance", "phenomenon", "problem",
    "process", "quality", "research", "scale", "set", "state", "system", "task", "technique", "term", "time",
    "training", "work",
]  # fmt: skip

Stems = tuple[str, ...]
"""One or two stems: what all spellings of a term have in common."""


class _Collection(NamedTuple):
    """The terms of some papers."""

    papers: list[frozenset[Stems]]
    titles: list[frozenset[Stems]]
    """Those of their titles alone."""
    written: Mapping[Stems, str]
    """How each term is written most often."""
    everywhere: Counter[Stems]
    """Papers that have each term."""
    in_titles: Counter[Stems]
    """Titles that have each term."""


def name_groups(texts: Sequence[str], groups: Sequence[Sequence[int]], most: int = TERMS) -> list[tuple[str, ...]]:
    """The most typical terms of each group against all other texts, the most typical first.

    Args:
        texts: what terms are taken from: of each paper the title as the first line, and its abstract.
        groups: places in `texts`.
        most: terms of a group at most; no two of them share a word.
    """
    collection = _read(texts)
    return [_typical(collection, group, most) for group in groups]


def _read(texts: Sequence[str]) -> _Collection:
    analyzer = Analyzer()

    @cache
    def stem(word: str) -> str:
        return "".join(analyzer.native.analyze(word))

    prose, general = {stem(word) for word in _PROSE}, {(stem(word),) for word in _GENERAL}
    spellings: dict[Stems, Counter[str]] = defaultdict(Counter)

    def found(text: str) -> frozenset[Stems]:
        terms = set[Stems]()
        for words in _terms(text):
            stems = tuple(stem(word) for word in words)
            if stems not in general and prose.isdisjoint(stems):
                terms.add(stems)
                spellings[stems][" ".join(words)] += 1
        return frozenset(terms)

    titles = [found(text.partition("\n")[0]) for text in texts]
    papers = [title | found(text.partition("\n")[2]) for title, text in zip(titles, texts, strict=True)]
    # Of spellings that are as common the first in the alphabet, so that the order of texts does not matter.
    written = {stems: min(forms, key=lambda form: (-forms[form], form)) for stems, forms in spellings.items()}
    everywhere, in_titles = (Counter(chain.from_iterable(terms)) for terms in (papers, titles))
    return _Collection(papers, titles, written, everywhere, in_titles)


def _terms(text: str) -> Iterator[tuple[str, ...]]:
    """Words that are no stop words, and pairs of such in a row."""
    for part in _BREAK.split(text):
        last = ""
        for word in _WORD.findall(part):
            if word.lower() in STOP_WORDS or len(word) == 1:
                last = ""
                continue
            yield (word,)
            if last:
                yield (last, word)
            last = word


def _typical(collection: _Collection, group: Sequence[int], most: int) -> tuple[str, ...]:
    inside = Counter(chain.from_iterable(collection.papers[place] for place in group))
    titled = Counter(chain.from_iterable(collection.titles[place] for place in group))
    least, papers = max(2.0, _LEAST_SHARE * len(group)), len(collection.papers)
    scores = {
        stems: _sureness(count, len(group), collection.everywhere[stems], papers)
        + (_sureness(titled[stems], len(group), collection.in_titles[stems], papers) if titled[stems] else 0.0)
        for stems, count in inside.items()
        if count >= least
    }
    of_titles = {stems: score for stems, score in scores.items() if titled[stems] >= _LEAST_TITLES}
    chosen = _surest(of_titles, inside, most) or _surest(scores, inside, most)
    return tuple(collection.written[stems] for stems in chosen)


def _surest(scores: Mapping[Stems, float], inside: Mapping[Stems, int], most: int) -> list[Stems]:
    """The terms that name a group, no two with a word in common.

    Args:
        scores: of those that may name it.
        inside: papers of the group that have each.
        most: terms at most.
    """
    pairs = [stems for stems in scores if len(stems) > 1]
    chosen: list[Stems] = []
    for stems in sorted(scores, key=lambda stems: (-scores[stems], stems)):
        if scores[stems] <= 0 or len(chosen) == most:
            break
        whole = [pair for pair in pairs if stems[0] in pair and inside[pair] >= _INSIDE_PAIR * inside[stems]]
        best = max(whole, key=lambda pair: (scores[pair], pair), default=stems) if len(stems) == 1 else stems
        if not any(set(best) & set(other) for other in chosen):
            chosen.append(best)
    return chosen


def _sureness(inside: int, group: int, everywhere: int, papers: int) -> float:
    """The z-score of the log odds of a term in a group against the rest, both smoothed by the whole collection."""
    outside, others = everywhere - inside, papers - group
    prior = _PRIOR * everywhere / papers
    rest = _PRIOR - prior + 1e-9
    here = log((inside + prior) / (group - inside + rest))
    there = log((outside + prior) / (others - outside + rest))
    return (here - there) / sqrt(1 / (inside + prior) + 1 / (outside + prior))
