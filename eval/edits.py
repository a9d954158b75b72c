"""Claims made from abstracts, faithful and not, by edits of known kinds.

Every unfaithful claim is made from a claim that was edited faithfully first as often as the faithful ones were, so that
new words alone tell nothing. Kinds follow the typologies of Kryściński et al. (2020) and Laban et al. (2023).
"""

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from eval.wordnet import WordNet, inflected

_COMMON = 60
"""Times that a word must occur in the abstracts to be put in."""
_PARAPHRASED = 0.7
_WORD = re.compile(r"(?<![\w-])[a-z]{4,}(?![\w-])")
_NUMBER = re.compile(r"(?<![\w.,-])\d+(?:[.,]\d+)*(?![\w-])")
_NAME = re.compile(r"(?<![\w.-])(?=\w*[A-Z]\w*[A-Z0-9])[\w-]{2,}(?![\w-])|(?<=[a-z,] )[A-Z][a-z]{3,}(?![\w-])")
_PARENTHESIS = re.compile(r"\s*\([^()]*\)")
_LEAD = re.compile(
    r"^(?:however|moreover|furthermore|in addition|specifically|in this (?:paper|work)|finally|to this end|here|"
    r"notably|additionally|recently), ",
    re.IGNORECASE,
)
_ADVERB = re.compile(r"\b(?!only|early|family|apply|supply|rely)[a-z]{3,}ly ")
_CLAUSE = re.compile(r",? (?:which|while|whereas|by|using|through|via|where|without|with) [^,]*(?=\.$|,)")
_VERB = re.compile(r"\b(is|are|was|were|can|does|do|has|have|will)\b(?! not)")
_JOINT = re.compile(
    r"\b(?:is|are|can|has|have|propose|introduce|present|show|demonstrate|achieves?|outperforms?|improves?|reduces?|"
    r"enables?|provides?|uses?|requires?|leverages?) "
)
_NEGATED = re.compile(r"\b(is|are|was|were|can|does|do|has|have|will) not\b|\bcannot\b")
_PLAIN_VERB = re.compile(
    r"\b(?:we|they|authors) "
    r"(propose|show|introduce|present|find|demonstrate|study|use|evaluate|develop|provide)\b",
    re.IGNORECASE,
)
_TABLES: dict[str, list[list[str]]] = json.loads(Path(__file__).with_suffix(".json").read_text())
"""Pairs of words: for the opposite, for the same, and for something surer."""
_ADDABLE = re.compile(r"(?!(?:such|to|which|that|and|we|is|are) )[a-z]|[A-Z]\w*[A-Z]")
_QUALIFIERS = ("only", "rarely", "never", "barely")


class Base(NamedTuple):
    """A text to make claims of."""

    claim: str
    source: Sequence[str]
    """Sentences of the abstract."""


class Example(NamedTuple):
    """A claim with its source and how it was made."""

    claim: str
    source: str
    faithful: bool
    kind: str


class Editor:
    """Draws edits; the same seed draws the same ones."""

    def __init__(self, words: WordNet, abstracts: Sequence[Sequence[str]], seed: int, least: int = _COMMON) -> None:
        """Count words, so that what is put in is a word of the field, and keep abstracts to take wrong things from.

        Args:
            words: synonyms and antonyms.
            abstracts: sentences of each.
            seed: of the draws.
            least: times that a word must occur in the abstracts to be put in.
        """
        self._words, self._others, self._least = words, abstracts, least
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self._counts = Counter(word for text in abstracts for sentence in text for word in _WORD.findall(sentence))
        self.unfaithful: dict[str, Callable[[str, Base], str]] = {
            "number": self._number, "name": self._name, "direction": self._direction, "negation": self._negation,
            "qualifier": self._qualifier, "term": self._term, "added": self._added, "merged": self._merged,
            "unrelated": self._unrelated,
        }  # fmt: skip

    def faithful(self, base: Base) -> Example:
        """A claim that says what the text says, in nearly the same or in other words."""
        claim, kind = self._paraphrased(base)
        return Example(claim, " ".join(base.source), True, kind)

    def edited(self, base: Base, kind: str) -> Example | None:
        """A claim that says something else; `None` where this kind of edit has nothing to change."""
        claim = self._paraphrased(base)[0] if self._chance.random() < _PARAPHRASED else base.claim
        made = self.unfaithful[kind](claim, base)
        return (
            Example(made, " ".join(base.source), False, kind)
            if made and made not in {claim, base.claim, *base.source}
            else None
        )

    def _paraphrased(self, base: Base) -> tuple[str, str]:
        claim, kinds = base.claim, []
        for kind, edit in (("fusion", self._fused), ("deletion", self._shortened), ("reordering", self._reordered)):
            if self._chance.random() < 0.3:
                made = edit(claim, base)
                kinds += [kind] if made != claim else []
                claim = made
        for _ in range(self._chance.randrange(4)):
            made = self._in_other_words(claim)
            kinds += ["wording"] if made != claim else []
            claim = made
        return claim, kinds[-1] if kinds else "verbatim"

    # Faithful

    def _shortened(self, claim: str, _: Base) -> str:
        options = [
            made for rule in (_PARENTHESIS, _LEAD, _ADVERB, _CLAUSE) if (made := rule.sub("", claim, count=1)) != claim
        ]
        made = self._chance.choice(options) if options else claim
        return f"{made[:1].upper()}{made[1:]}" if len(made.split()) > 5 else claim

    def _reordered(self, claim: str, _: Base) -> str:
        head, comma, rest = claim.rstrip(".").partition(", ")
        if comma and re.match(r"(?:when|while|by|using|with|in|on|for|despite|unlike|given)\b", head, re.IGNORECASE):
            return f"{rest[:1].upper()}{rest[1:]} {head[:1].lower()}{head[1:]}."
        return claim

    def _fused(self, claim: str, base: Base) -> str:
        other = self._chance.choice(base.source)
        if other == claim or len(claim.split()) + len(other.split()) > 45:
            return claim
        keep = other if re.match(r"\w*[A-Z0-9]\w*[A-Z0-9]", other) else f"{other[:1].lower()}{other[1:]}"
        return f"{claim.rstrip('.')}, and {keep}"

    def _in_other_words(self, claim: str) -> str:
        present = [(old, new) for old, new in _TABLES["wording"] if re.search(rf"\b{old}\b", claim, re.IGNORECASE)]
        if present and self._chance.random() < 0.5:
            old, new = self._chance.choice(present)
            made = re.sub(rf"\b{old}\b", new, claim, count=1, flags=re.IGNORECASE)
            return f"{made[:1].upper()}{made[1:]}"
        return self._replaced(claim, self._words.synonyms)

    def _replaced(self, claim: str, related: dict[str, set[str]]) -> str:
        found = []
        for match in _WORD.finditer(claim):
            lemma, ending = self._words.lemma(match.group())
            for other in sorted(related.get(lemma, ())):
                form = inflected(other, ending)
                if self._counts[form] >= self._least and form != match.group():
                    found.append((match, form))
        if not found:
            return claim
        match, form = self._chance.choice(found)
        return f"{claim[: match.start()]}{form}{claim[match.end() :]}"

    # Unfaithful

    def _number(self, claim: str, base: Base) -> str:
        matches = list(_NUMBER.finditer(claim))
        if not matches:
            return ""
        match = self._chance.choice(matches)
        others = [n for text in base.source for n in _NUMBER.findall(text) if n != match.group()]
        new = self._chance.choice(others) if others and self._chance.random() < 0.4 else self._near(match.group())
        return f"{claim[: match.start()]}{new}{claim[match.end() :]}"

    def _near(self, number: str) -> str:
        digits = [place for place, sign in enumerate(number) if sign.isdigit()]
        place = self._chance.choice(digits)
        new = self._chance.choice([sign for sign in "123456789" if sign != number[place]])
        return f"{number[:place]}{new}{number[place + 1 :]}"

    def _name(self, claim: str, base: Base) -> str:
        matches = list(_NAME.finditer(claim))
        if not matches:
            return ""
        match = self._chance.choice(matches)
        texts = base.source if self._chance.random() < 0.4 else self._chance.choice(self._others)
        others = sorted({n for text in texts for n in _NAME.findall(text) if n not in claim})
        return f"{claim[: match.start()]}{self._chance.choice(others)}{claim[match.end() :]}" if others else ""

    def _direction(self, claim: str, _: Base) -> str:
        found = [
            (match, new)
            for pair in _TABLES["directions"]
            for old, new in (pair, pair[::-1])
            for match in re.finditer(rf"\b{old}\b", claim)
        ]
        if not found or self._chance.random() < 0.3:
            made = self._replaced(claim, self._words.antonyms)
            return made if made != claim else ""
        match, new = self._chance.choice(found)
        return f"{claim[: match.start()]}{new}{claim[match.end() :]}"

    def _negation(self, claim: str, _: Base) -> str:
        negated = _NEGATED.search(claim)
        if negated:
            return f"{claim[: negated.start()]}{negated.group(1) or 'can'}{claim[negated.end() :]}"
        matches = [*_VERB.finditer(claim)]
        plain = _PLAIN_VERB.search(claim)
        if plain and (not matches or self._chance.random() < 0.5):
            return f"{claim[: plain.start(1)]}do not {claim[plain.start(1) :]}"
        if not matches:
            return ""
        match = self._chance.choice(matches)
        return f"{claim[: match.end()]} not{claim[match.end() :]}"

    def _qualifier(self, claim: str, _: Base) -> str:
        present = [(old, new) for old, new in _TABLES["hedges"] if re.search(rf"\b{old}\b", claim)]
        if present and self._chance.random() < 0.6:
            old, new = self._chance.choice(present)
            return re.sub(rf"\b{old}\b", new, claim, count=1)
        match = _PLAIN_VERB.search(claim) or _VERB.search(claim)
        if not match:
            return ""
        place = match.start(1) if match.re is _PLAIN_VERB else match.end() + 1
        return f"{claim[:place]}{self._chance.choice(_QUALIFIERS)} {claim[place:]}"

    def _term(self, claim: str, base: Base) -> str:
        """A word replaced by another of the same ending, from here or elsewhere."""
        matches = [match for match in _WORD.finditer(claim) if len(match.group()) > 4]
        if not matches:
            return ""
        match = self._chance.choice(matches)
        word = match.group()
        texts = base.source if self._chance.random() < 0.3 else self._chance.choice(self._others)
        same = self._words.synonyms.get(self._words.lemma(word)[0], set())
        others = sorted(
            {
                other
                for text in texts
                for other in _WORD.findall(text)
                if other[-2:] == word[-2:] and other != word and self._words.lemma(other)[0] not in same
            }
        )
        return f"{claim[: match.start()]}{self._chance.choice(others)}{claim[match.end() :]}" if others else ""

    def _added(self, claim: str, _: Base) -> str:
        """Something that another paper says."""
        other = self._chance.choice(self._chance.choice(self._others)).rstrip(".")
        parts = [
            part
            for part in re.split(r", | by | using | with | for | on | and ", other)
            if 2 < len(part.split()) < 12 and _ADDABLE.match(part)
        ]
        if not parts:
            return ""
        joint = self._chance.choice((", and ", " for ", " using ", " on ", " with "))
        return f"{claim.rstrip('.')}{joint}{self._chance.choice(parts)}."

    def _merged(self, claim: str, base: Base) -> str:
        """The beginning of one sentence and the end of another."""
        other = self._chance.choice(base.source)
        if other == claim or claim in other or other in claim:
            return ""
        first, second = _JOINT.search(claim), _JOINT.search(other)
        if not first or not second or first.start() < 8 or len(other) - second.end() < 15:
            return ""
        return f"{claim[: first.end()]}{other[second.end() :]}"

    def _unrelated(self, _: str, __: Base) -> str:
        """What another paper says."""
        return self._chance.choice(self._chance.choice(self._others))
