"""Spellings of one thing brought together before a text is cut into index terms; pure functions on text.

`pre-trained` = `pretrained` = `pre trained`; Greek letters = their names; and the names of methods (MEFT, B-PROP,
GPT-4) found as they are written.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

_HYPHENS = "-‐‑"
_HYPHEN = re.compile(f"[{_HYPHENS}]")
# Looking behind and possessive: a word without a hyphen is tried once, not at each of its letters.
_COMPOUND = re.compile(rf"(?<![^\W_])[^\W_]++(?:[{_HYPHENS}][^\W_]++)+")
# Words and compounds with a capital or a digit. Repeated groups are not possessive: Python 3.11.2, that of Debian 12,
# takes half of a repetition then.
_NAMELIKE = re.compile(rf"(?<![^\W_])(?=[a-z{_HYPHENS}]*+[A-Z0-9])[^\W_]++(?:[{_HYPHENS}][^\W_]++)*")
# First parts that are also written apart and joined in abstracts of arXiv: all three spellings are common.
_PREFIXES = (
    "anti", "auto", "bi", "cross", "hyper", "inter", "intra", "meta", "micro", "multi", "non", "post", "pre", "pseudo",
    "semi", "sub", "super", "uni",
)  # fmt: skip
_PAIRS = (
    "back propagat", "data set", "feed forward", "few shot", "fine grained", "fine tun", "key frame", "one shot",
    "real time", "trade off", "zero shot",
)  # fmt: skip
_ANY_PAIR = "|".join(pair.replace(" ", " (?=") + ")" for pair in _PAIRS)
_APART = re.compile(rf"\b(?:(?:{'|'.join(_PREFIXES)}) (?=[^\W\d_]{{3}})|{_ANY_PAIR})", re.IGNORECASE)
_MAYBE_APART = (*(f"{prefix} " for prefix in _PREFIXES), *_PAIRS)
_MATH_NAME = re.compile(r"\$\\([A-Za-z]+)\$")
_GREEK_RUN = re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]+")
_GREEK_NAMES = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "omicron", "pi", "rho", "sigma", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
]  # fmt: skip
_GREEK = dict(zip("αβγδεζηθικλμνξοπρσςτυφχψω", _GREEK_NAMES, strict=True))
_LONGEST_SYMBOL = 2
"""Greek letters in a row that are symbols; more are a Greek word."""
_UPPER = re.compile(r"[A-Z]")
_PLURAL = re.compile(r"(?<=[A-Z0-9])s$")


# Words of questions, not of subjects.
STOP_WORDS = frozenset([
    "a", "about", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "being", "but",
    "by", "can", "could", "did", "do", "does", "doing", "for", "from", "had", "has", "have", "having", "he",
    "her", "his", "how", "i", "if", "in", "into", "is", "it", "its", "just", "let", "lets", "many", "me",
    "more", "most", "much", "my", "no", "nor", "not", "of", "on", "one", "only", "or", "other", "our", "out",
    "over", "own", "same", "she", "should", "so", "some", "such", "than", "that", "the", "their", "them",
    "then", "there", "these", "they", "this", "those", "to", "too", "up", "very", "was", "we", "were", "what",
    "when", "where", "which", "while", "who", "whom", "whose", "why", "will", "with", "would", "you", "your",
    # How often something is, and how things are set against each other.
    "between", "compare", "compared", "compares", "comparison", "differ", "difference", "differences", "differs",
    "often", "rather", "versus", "vs",
])  # fmt: skip
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"


class Name(NamedTuple):
    """A name in a text: `exact` is what every spelling of it has in common."""

    exact: str
    start: int
    end: int


def plain(text: str) -> str:
    """The text with Greek letters spelled out, also those of formulas, and typographic forms of letters made plain."""
    if "$" in text:
        text = _MATH_NAME.sub(r"\1", text)
    if text.isascii():
        return text
    return _GREEK_RUN.sub(_spelled, unicodedata.normalize("NFKC", text))


def hyphenated(text: str) -> str:
    """The text with compounds that are written apart written with a hyphen: `pre trained` is `pre-trained`."""
    lower = text.lower()
    if not any(start in lower for start in _MAYBE_APART):
        return text
    return _APART.sub(lambda match: f"{match.group()[:-1]}-", text)


def joined_beside(text: str) -> str:
    """The text with every compound preceded by its parts joined: `pre-trained` is `pretrained pre-trained`."""
    return _COMPOUND.sub(lambda match: f"{_joined(match.group())} {match.group()}", text)


def joined(text: str) -> str:
    """The text with every compound joined: `pre-trained` is `pretrained`."""
    return _COMPOUND.sub(lambda match: _joined(match.group()), text)


def names(text: str, *, asked: bool = False) -> Iterator[Name]:
    """The names in a text: words with two capitals or with letters and digits, compounds of such; without plural s.

    Args:
        text: what `plain` gives.
        asked: the names that a query means, a compound as a whole; otherwise all that a text may be found under, so
            also the parts of a compound, and `U-Net` under `unet`.
    """
    for match in _NAMELIKE.finditer(text):
        parts = _HYPHEN.split(match.group())
        whole = len(parts) > 1 and _is_compound_name(parts)
        if whole and (not asked or any(_is_name(part) or part.isdigit() for part in parts)):
            yield Name(_exact("".join(parts)), match.start(), match.end())
            if asked:
                continue
        start = match.start()
        for part in parts:
            if _is_name(part):
                yield Name(_exact(part), start, start + len(part))
            start += len(part) + 1


def one_edit_away(word: str) -> set[str]:
    """The words that one letter too much, too little or wrong, or two in the wrong order, makes this one of."""
    cuts = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    less = {left + right[1:] for left, right in cuts if right}
    swapped = {left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1}
    other = {left + letter + right[1:] for left, right in cuts if right for letter in _ALPHABET}
    more = {left + letter + right for left, right in cuts for letter in _ALPHABET}
    return (less | swapped | other | more) - {word}


def _is_name(word: str) -> bool:
    return len(_UPPER.findall(word)) > 1 or not (word.isalpha() or word.isdigit())


def _is_compound_name(parts: list[str]) -> bool:
    written = all(_UPPER.search(part) or not part.isalpha() for part in parts)
    return written or (parts[-1][0].isdigit() and not parts[0].isdigit())


def _exact(word: str) -> str:
    return _PLURAL.sub("", word).lower()


def _joined(compound: str) -> str:
    return _HYPHEN.sub("", compound)


def _spelled(run: re.Match[str]) -> str:
    letters = [_GREEK.get(letter) for letter in run.group().lower()]
    known = [letter for letter in letters if letter]
    return "".join(known) if len(known) == len(letters) <= _LONGEST_SYMBOL else run.group()
