"""What the words of a question are to the lexical index: names for themselves, typing errors for what was meant."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from service.index.lexical import SHORTEST_TYPO, LexicalIndex, name_term
from service.index.tokens import names, one_edit_away, plain

_LETTERS = re.compile(r"[^\W\d_]+")
_SHOUTED_WORDS = 3
"""Words in capitals only that make a question one without names."""
_RARE = 2
"""Papers with a word up to which it may be a typing error; so many times as many must have the other spelling."""
_MORE_COMMON = 20


class Reading(NamedTuple):
    """What the index terms of a question stand for, whatever they weigh."""

    names: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]
    """The term of each name, the terms of its words, and those of them that nothing else in the question has."""
    meant: tuple[tuple[str, str], ...]
    """The terms of words that may be typing errors, and of what was meant by them."""

    def of(self, weights: Mapping[str, float]) -> dict[str, float]:
        """Weights of terms as the index understands these; terms that the question does not have stay as they are."""
        read = dict(weights)
        for name, own, only in self.names:
            read[name] = max((weights.get(term, 0.0) for term in own), default=0.0)
            for term in only:
                read.pop(term, None)
        corrected = {
            meant: max(read.get(meant, 0.0), read[written]) for written, meant in self.meant if written in read
        }
        return read | corrected


def read_question(question: str, index: LexicalIndex, is_word: Callable[[str], bool]) -> Reading:
    """What the words of a question are to the index.

    A name that some paper has stands for itself only: GPT-4 is no longer "gpt" and "4", nor CLIP "clipping". A word
    that no paper has, or next to none, is joined by the one that is one typing error away and common.

    Args:
        question: as it was asked.
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
    read = []
    for name in known:
        own = tuple(index.analyzer.query_terms(question[name.start : name.end]))
        read.append((name_term(name.exact), own, tuple(term for term in own if term not in elsewhere)))
    return Reading(tuple(read), tuple(_meant(rest, index, is_word)))


def _meant(text: str, index: LexicalIndex, is_word: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Terms of words that are typing errors, each with that of what was meant."""
    for word in _LETTERS.findall(text):
        term = next(iter(index.analyzer.query_terms(word)), "")
        if len(word) < SHORTEST_TYPO or not term:
            continue
        papers = index.document_frequency(term)
        if papers > _RARE or is_word(word):
            continue
        meant = max(sorted(one_edit_away(word.lower())), key=index.word_frequency)
        if index.word_frequency(meant) > max(_RARE, _MORE_COMMON * papers):
            yield term, index.analyzer.terms(meant)[0]
