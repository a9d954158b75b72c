"""Why a claim does not hold, in words: what contradicts the source for certain, and what made the judge doubt."""

import re
from collections.abc import Iterator

from service.answer.reading import Reading, Word
from service.answer.relations import relations
from service.answer.signals import DOWN, HEDGES, NEGATIONS, UNITS, UP, Count, View, counted

_SAME_STATEMENT = 0.75
"""Share of a claim's words in one sentence from which the two are taken to state the same thing."""
_NAME = re.compile(r"\b(?:[A-Z][\w-]*[A-Z0-9][\w-]*|[a-z]+[A-Z]\w*|[A-Z][a-z]+(?:-[A-Z]\w*)+|[A-Z][a-z]{2,})\b")
_WEAK = frozenset(["refuse", "refuses", "refused", "deny", "denies", "denied", "avoid", "avoids", "prevent", "prevents",
                   "prevented", "barely", "rarely", "seldom", "none", "nobody", "nothing"])  # fmt: skip
"""Negations that other words say as well: they count as signals only."""
_NOT_WORD = re.compile(r"\W+")
_MOST_WORDS = 3


def contradiction(seen: View) -> str:
    """What cannot be so by the source; empty where nothing is found."""
    return _missing_number(seen) or _missing_name(seen) or _turned(seen)


def doubt(seen: View) -> str:
    """What speaks most against a claim that nothing contradicts."""
    return next(_doubts(seen), "its words are in the source, but not in this connection")


def lost_negation(text: str) -> str:
    """Part of a clause may leave out the "not" in front of it: the reason, given what stands in front."""
    clause = re.split(r"[,;:]", text)[-1]
    return "a negation of the source is lost" if _NEGATED.search(clause) else ""


_NEGATED = re.compile(
    r"\b(?:not|no|never|neither|nor|without|cannot|fails?|failed|unable|lacks?|hardly)\b|n['’]t\b", re.IGNORECASE
)


def _missing_number(seen: View) -> str:
    for place, word in enumerate(seen.claim.words):
        if word.digits and word.number not in seen.source.number_places:
            ours = counted(seen.claim, place)
            said = _written(seen.claim, ours)
            other = _counterpart(seen, ours)
            return f"the source says {other}, not {said}" if other else f"the number {said} is not in the source"
    return ""


def _counterpart(seen: View, ours: Count) -> str:
    """The number that the source gives for the same thing."""
    known = {word.number for word in seen.claim.words}
    best, most = "", 0
    for place, word in enumerate(seen.source.words):
        if word.digits and word.number not in known:
            theirs = counted(seen.source, place)
            shared = len(ours.owners & theirs.owners) * (theirs.unit == ours.unit)
            if shared > most:
                best, most = _written(seen.source, theirs), shared
    return best


def _written(text: Reading, count: Count) -> str:
    """A number as it is written, with its unit."""
    start, end = count.word.start, count.word.end
    if count.unit[:1] in {"$", "£", "€"}:
        start -= 1
    behind = re.match(r"\\?%|[A-Za-z]+\b", text.text[end:])
    if behind and (behind.group()[-1] == "%" or behind.group().lower() in UNITS):
        end += behind.end()
    return text.text[start:end].replace("\\", "")


def _missing_name(seen: View) -> str:
    known, initials = _spaced(seen.source.text), _initials(seen.source)
    for match in _NAME.finditer(seen.claim.text):
        name = match.group()
        starts_sentence = match.start() == 0 and name[1:].islower()
        written = any(way.rstrip("s") in text for way, text in zip(_spaced(name), known, strict=True))
        if not starts_sentence and not written and name.rstrip("s").casefold() not in initials:
            return f"the name {name} is not in the source"
    return ""


def _initials(source: Reading) -> set[str]:
    """What words in a row may be abbreviated to: LLM for large language model."""
    letters = "".join(word[0] for word in source.lower)
    return {letters[start : start + length] for length in (2, 3, 4, 5) for start in range(len(letters))}


def _spaced(text: str) -> tuple[str, str]:
    """Words with a space before each, hyphens first dropped and then dividing: BERT does not stand in RoBERTa."""
    whole, parts = (_NOT_WORD.sub(" ", text.casefold().replace("-", hyphen)) for hyphen in ("", " "))
    return f" {whole}", f" {parts}"


def _turned(seen: View) -> str:
    """A negation more or less, or a word for the opposite, where claim and sentence state the same thing otherwise."""
    first = seen.borne.first
    shared = seen.claim.stems & seen.source.sentence_stems[first]
    if len(shared) < _SAME_STATEMENT * len(seen.claim.stems):
        return ""
    sentence = seen.source.sentences[first]
    # A negation of some other clause of a long sentence proves nothing: what is negated must stand in both.
    claimed, stated = negated(seen.claim.words), negated(sentence)
    if claimed & seen.source.sentence_stems[first] and not stated:
        return "a negation that the source does not have"
    if stated & seen.claim.stems and not claimed:
        return "a negation of the source is lost"
    for word in seen.claim.content:
        if word.stem not in seen.source.sentence_stems[first]:
            opposite = _opposite_in(word, sentence)
            if opposite and opposite.stem not in seen.claim.stems:
                return f"the source says “{opposite.text}”, not “{word.text}”"
    return ""


def negated(words: list[Word]) -> frozenset[str]:
    """Stems of what stands behind the negations of a sentence."""
    found = set()
    for place, word in enumerate(words):
        if word.lower in NEGATIONS - _WEAK or word.lower.endswith(("n't", "n’t")):
            found.update([other.stem for other in words[place + 1 : place + 6] if other.stem][:2])
    return frozenset(found)


def _opposite_in(word: Word, sentence: list[Word]) -> Word | None:
    opposites = relations().opposite(word.stem)
    turned = DOWN if word.stem in UP else UP if word.stem in DOWN else frozenset()
    named = [other for other in sentence if other.stem and other.stem in opposites]
    return next(iter(named or [other for other in sentence if other.stem in turned]), None)


def _doubts(seen: View) -> Iterator[str]:
    """All that could be said, the most telling first."""
    for place, word in enumerate(seen.claim.words):
        if word.digits:
            ours = counted(seen.claim, place)
            theirs = [counted(seen.source, other) for other in seen.source.number_places[word.number]]
            if theirs and ours.owners and not any(ours.owners & other.owners for other in theirs):
                yield f"{_written(seen.claim, ours)} stands beside other words in the source"
    for word in seen.new:
        opposite = _opposite_in(word, seen.near_words) if relations().opposite(word.stem) & seen.near else None
        if opposite:
            yield f"the source says “{opposite.text}”, not “{word.text}”"
    near = {word.lower for word in seen.near_words}
    if "only" in seen.claim.lower and "only" not in near:
        yield "“only” is not in the source"
    lacking = [word.text for word in seen.new if not word.number]
    if lacking:
        yield f"wording is not in the source: {', '.join(dict.fromkeys(lacking[:_MOST_WORDS]))}"
    hedges = sorted(HEDGES & near)
    if hedges and not HEDGES & set(seen.claim.lower):
        yield f"the source says it with “{hedges[0]}”, the claim without"
    if seen.borne.window_share < _SAME_STATEMENT:
        yield "its words stand far apart"
