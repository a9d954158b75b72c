"""What the words of a question are to the lexical index: names for themselves, typing errors for what was meant."""

import re
from collections.abc import Callable, Mapping

from service.index.lexical import SHORTEST_TYPO, LexicalIndex, name_term
from service.index.tokens import names, one_edit_away, plain

_LETTERS = re.compile(r"[^\W\d_]+")
_SHOUTED_WORDS = 3
"""Words in capitals only that make a question one without names."""
_RARE = 2
"""Papers with a word up to which it may be a typing error; so many times as many must have the other spelling."""
_MORE_COMMON = 20


def read_terms(
    question: str, weights: Mapping[str, float], index: LexicalIndex, is_word: Callable[[str], bool]
) -> dict[str, float]:
    """The weights of a question's index terms as the index understands them.

    A name that some paper has stands for itself only: GPT-4 is no longer "gpt" and "4", nor CLIP "clipping". A word
    that no paper has, or next to none, is joined by the one that is one typing error away and common.

    Args:
        question: what the terms are of.
        weights: by index term; terms of other origin stay as they are.
        index: says what is there.
        is_word: whether a word is none that is written wrongly, though no paper has it.
    """
    question = plain(question)
    shouted = question.isupper() and len(question.split()) >= _SHOUTED_WORDS
    found = [] if shouted else names(question, asked=True)
    known = [name for name in found if index.document_frequency(name_term(name.exact))]
    rest = question
    for name in known:
        rest = f"{rest[: name.start]}{' ' * (name.end - name.start)}{rest[name.end :]}"
    elsewhere = index.analyzer.query_terms(rest)
    read = dict(weights)
    for name in known:
        own = index.analyzer.query_terms(question[name.start : name.end])
        read[name_term(name.exact)] = max((weights.get(term, 0.0) for term in own), default=0.0)
        for term in own:
            if term not in elsewhere:
                read.pop(term, None)
    return read | _corrected(rest, read, index, is_word)


def _corrected(
    text: str, weights: Mapping[str, float], index: LexicalIndex, is_word: Callable[[str], bool]
) -> dict[str, float]:
    """Terms of what was meant by words that are typing errors, with weights."""
    found: dict[str, float] = {}
    for word in _LETTERS.findall(text):
        term = next(iter(index.analyzer.query_terms(word)), "")
        papers = index.document_frequency(term)
        if len(word) < SHORTEST_TYPO or term not in weights or papers > _RARE or is_word(word):
            continue
        meant = max(sorted(one_edit_away(word.lower())), key=index.word_frequency)
        if index.word_frequency(meant) > max(_RARE, _MORE_COMMON * papers):
            corrected = index.analyzer.terms(meant)[0]
            found[corrected] = max(weights.get(corrected, 0.0), weights[term])
    return found
