"""What speaks for and against a claim, as numbers from 0 to 1 that a trained classifier weighs.

No language model takes part: what is taken over word by word, where the words stand and beside which others, which
words are new and how they are related to those of the source, numbers with what they count, negation, direction,
hedges, names. `training/verifier.py` learns the weights.
"""

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

from service.answer.reading import Bearing, Reading, SourceReading, Word, bearing, runs
from service.answer.relations import Relations, relations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NEGATIONS = _words(
    "not no never neither nor without cannot fail fails failed failing unable lack lacks lacking hardly barely "
    "rarely seldom none nobody nothing refuse refuses refused deny denies denied avoid avoids prevent prevents "
    "prevented"
)
HEDGES = _words(
    "may might could can possibly perhaps potentially likely suggest suggests appear appears seem seems probably "
    "allegedly reportedly approximately about around nearly almost roughly partly partially somewhat often "
    "sometimes usually generally expected expect hopes hope plan plans considering consider want wants"
)
_STRONG = _words(
    "all always every only never completely fully entirely must guarantee guarantees definitely certainly solely "
    "exclusively none any each first best largest most significantly dramatically drastically unanimously"
)
_PRONOUNS = frozenset(["he", "she", "it", "they", "his", "her", "their"])
# Stems, as the index makes them.
UP = _words(
    "increas rais rise grow gain improv boost enhanc higher greater larger better faster outperform exceed surpass "
    "abov expand acceler longer stronger win won upper maximum maxim strengthen add after new"
)
DOWN = _words(
    "decreas reduc lower fall drop declin lose worsen degrad less fewer smaller wors slower underperform below "
    "shrink cut shorter weaker lost loss minimum minim weaken remov down befor old"
)
UNITS = {
    "percent": "%", "x": "x", "times": "x", "million": "m", "m": "m", "mn": "m", "billion": "b", "bn": "b", "b": "b",
    "k": "k", "thousand": "k",
}  # fmt: skip
_RELATED = ("antonym_near", "antonym", "synonym_near", "synonym", "general", "specific", "sister", "unknown", "other",
            "other_noun", "other_verb", "other_adjective", "other_adverb", "new_name")  # fmt: skip
_MOST_PLACES = 30
_NEAR_WORDS = 6
_SWAPPED_WORDS = 3
"""Up to so many words in place of others are taken for an exchange, more for another statement."""

Values = dict[str, float]


def cased(text: str) -> bool:
    """Whether a text has capitals; those that stand for an unknown word do not count."""
    return any(map(str.isupper, text.replace("UNK", "")))


class Count(NamedTuple):
    """A number with what it counts."""

    word: Word
    unit: str
    owners: frozenset[str]
    """Stems of the nearest content words on both sides."""


class View(NamedTuple):
    """A claim beside its source."""

    claim: Reading
    source: SourceReading
    borne: Bearing
    found: list[Word]
    """Content words of the claim that the source has."""
    new: list[Word]
    """Those that it has not."""
    near_words: list[Word]
    """Words of the sentences that bear the claim."""
    near: frozenset[str]
    """Their stems."""


def view(claim: Reading, source: SourceReading) -> View:
    """Lay a claim beside its source; both have words."""
    borne = bearing(claim, source)
    near_words = [word for number in borne.near for word in source.sentences[number]]
    joined = {number for pair in _joined(claim, source) for number in pair}
    known = [source.has(word) or word.start in joined for word in claim.content]
    found = [word for word, has in zip(claim.content, known, strict=True) if has]
    new = [word for word, has in zip(claim.content, known, strict=True) if not has]
    near = frozenset(word.stem for word in near_words if word.stem)
    return View(claim, source, borne, found, new, near_words, near)


def _joined(claim: Reading, source: SourceReading) -> list[tuple[int, int]]:
    """Where two words of the claim stand that the source writes as one: GPT-4 and GPT4."""
    return [(a.start, b.start) for a, b in pairwise(claim.words) if a.lower + b.lower in source.lower_places]


def signals(seen: View) -> Values:
    """All of them by name, in the order of the weights."""
    return {
        **_copied(seen), **_placed(seen), **_related(seen, relations()), **_numbers(seen), **_polarity(seen),
        **_ordered(seen), **_style(seen),
        **_aligned(seen, relations()),
    }  # fmt: skip


def _copied(seen: View) -> Values:
    claim, words = seen.claim, max(1, len(seen.claim.words))
    lengths = runs(claim, seen.source)
    values = {
        "coverage": sum(lengths) / words,
        "density": min(1.0, sum(length**2 for length in lengths) / words / 10),
        "longest": max(lengths, default=0) / words,
        "runs": len(lengths) / words,
    }
    for length in (2, 3, 4):
        grams = claim.grams(length)
        values[f"new_{length}_grams"] = sum(g not in seen.source.gram_sets[length] for g in grams) / max(1, len(grams))
    threes = claim.grams(3)
    values["repeats"] = 1 - len(set(threes)) / len(threes) if threes else 0.0
    return values


def _placed(seen: View) -> Values:
    content, borne = max(1, len(seen.claim.content)), seen.borne
    return {
        "found": len(seen.found) / content,
        "new": _up_to(len(seen.new), 12),
        "first_sentence": borne.first_share,
        "two_sentences": borne.both_share,
        "three_sentences": borne.window_share,
        "whole_source": borne.whole_share,
        "sentences_apart": abs(borne.second - borne.first) / len(seen.source.sentences),
        "place": borne.first / len(seen.source.sentences),
        "found_elsewhere": sum(word.stem not in seen.near for word in seen.found) / content,
        "new_small_words": sum(
            not word.stem and word.lower not in {near.lower for near in seen.near_words} for word in seen.claim.words
        )
        / max(1, len(seen.claim.words)),
    }


def _related(seen: View, known: Relations) -> Values:
    counts: Counter[str] = Counter()
    for word in seen.new:
        if not word.number:
            counts.update(_relation(word.stem, seen, known))
            counts["new_name"] += word.text[0].isupper() and word.start > 0
    values = {name: _up_to(counts[name], 4) for name in _RELATED}
    values |= {f"{name}_share": counts[name] / max(1, len(seen.claim.content)) for name in _RELATED}
    turned = sum(word.stem not in seen.near and bool(known.opposite(word.stem) & seen.near) for word in seen.found)
    return values | {"antonym_of_near": _up_to(turned, 3)}


def _relation(stem: str, seen: View, known: Relations) -> list[str]:
    """How a new word is related to those of the source."""
    names = []
    if opposite := known.opposite(stem) & seen.source.stems:
        names.append("antonym_near" if opposite & seen.near else "antonym")
    if known.same(stem) & seen.near or any(stem in known.same(near) for near in seen.near):
        return [*names, "synonym_near"]
    if known.same(stem) & seen.source.stems:
        return [*names, "synonym"]
    if any(stem in known.kind(near) for near in seen.near):
        return [*names, "general"]
    kinds = known.kind(stem)
    if kinds & seen.near:
        return [*names, "specific"]
    if kinds and any(kinds & known.kind(near) for near in seen.near):
        return [*names, "sister"]
    if stem not in known.parts:
        return [*names, "unknown"]
    long = {"n": "other_noun", "v": "other_verb", "a": "other_adjective", "r": "other_adverb"}
    return [*names, "other", *(long[letter] for letter in known.parts[stem])]


def _numbers(seen: View) -> Values:
    claim, source = seen.claim, seen.source
    digits = [place for place, word in enumerate(claim.words) if word.digits]
    spelled = [word for word in claim.words if word.number and not word.digits]
    missing = [place for place in digits if claim.words[place].number not in source.number_places]
    near = {word.number for word in seen.near_words if word.number}
    elsewhere = unit = owner = 0
    for place in digits:
        if place in missing:
            continue
        ours = counted(claim, place)
        theirs = [counted(source, other) for other in source.number_places[ours.word.number][:_MOST_PLACES]]
        elsewhere += ours.word.number not in near
        unit += all(other.unit != ours.unit for other in theirs)
        owner += bool(ours.owners) and not any(ours.owners & other.owners for other in theirs)
    return {
        "numbers": _up_to(len(digits), 5),
        "number_missing": _up_to(len(missing), 3),
        "number_word_missing": _up_to(
            sum(word.number not in source.number_places and word.stem not in source.stems for word in spelled), 3
        ),
        "number_elsewhere": _up_to(elsewhere, 3),
        "number_unit": _up_to(unit, 3),
        "number_owner": _up_to(owner, 3),
    }


def counted(text: Reading, place: int) -> Count:
    """The number at a place of a text, with its unit and what it counts."""
    word = text.words[place]
    unit = "%" if text.text[word.end : word.end + 2].lstrip("\\")[:1] == "%" else ""
    before = text.text[max(0, word.start - 1) : word.start]
    unit = before if before in {"$", "£", "€"} else unit
    behind = text.words[place + 1 : place + 5]
    if behind and behind[0].lower in UNITS:
        unit += UNITS[behind[0].lower]
        behind = behind[1:]
    ahead = text.words[max(0, place - 4) : place][::-1]
    owners = [[w.stem for w in side if w.stem and not w.number][:2] for side in (behind, ahead)]
    return Count(word, unit, frozenset(owners[0] + owners[1]))


def _polarity(seen: View) -> Values:
    claim, near = set(seen.claim.lower), {word.lower for word in seen.near_words}
    said = negations(seen.claim.words)
    first = negations(seen.source.sentences[seen.borne.first])
    up, down = bool(seen.claim.stems & UP), bool(seen.claim.stems & DOWN)
    near_up, near_down = bool(seen.near & UP), bool(seen.near & DOWN)
    source_up, source_down = bool(seen.source.stems & UP), bool(seen.source.stems & DOWN)
    whole = set(seen.source.lower)
    return {
        "negations": _up_to(len(said), 3),
        "negation_added": float(bool(said) and not negations(seen.near_words)),
        "negation_lost": float(bool(first) and not said),
        "negation_new": float(any(word.lower not in whole for word in said)),
        "direction_turned": float((up and near_down and not near_up) or (down and near_up and not near_down)),
        "direction_new": float((up and not source_up) or (down and not source_down)),
        "hedge_lost": float(bool(HEDGES & near) and not HEDGES & claim),
        "hedge_added": float(bool(HEDGES & claim) and not HEDGES & near),
        "strength_added": float(bool((_STRONG & claim) - near)),
        "strength_new": float(bool((_STRONG & claim) - whole)),
        "only": float("only" in claim - near),
    }


def negations(words: Sequence[Word]) -> list[Word]:
    """The words that negate."""
    return [word for word in words if word.lower in NEGATIONS or word.lower.endswith(("n't", "n’t"))]


def _ordered(seen: View) -> Values:
    """Whether words that stand beside each other in the claim do so in the source."""
    places, gaps = seen.source.places, []
    for ahead, behind in pairwise(seen.claim.content):
        first, second = places.get(ahead.stem, ()), places.get(behind.stem, ())
        if first and second and ahead.stem != behind.stem:
            gaps.append(min((b - a for a in first[:_MOST_PLACES] for b in second[:_MOST_PLACES]), key=abs))
    far = [min(abs(gap), 50) / 50 for gap in gaps]
    near = sum(abs(gap) <= _NEAR_WORDS for gap in gaps)
    return {
        "neighbours": near / max(1, len(gaps)),
        "neighbours_of_all": near / max(1, len(seen.claim.content) - 1),
        "turned": sum(-2 * _NEAR_WORDS <= gap < 0 for gap in gaps) / max(1, len(gaps)),
        "gap": sum(far) / len(far) if far else 0.5,
        "widest_gap": max(far, default=1.0),
    }


def _aligned(seen: View, known: Relations) -> Values:
    """The claim laid along the sentence that bears it: which words stand where others stood, and which were put in."""
    ours, theirs = seen.claim.words, seen.source.sentences[seen.borne.first]
    matcher = SequenceMatcher(None, [w.stem or w.lower for w in ours], [w.stem or w.lower for w in theirs], False)
    counts: Counter[str] = Counter()
    for sign, start, end, other_start, other_end in matcher.get_opcodes():
        put_in = [word for word in ours[start:end] if word.stem]
        if sign == "equal":
            counts["same"] += end - start
        elif sign == "insert" or max(end - start, other_end - other_start) > _SWAPPED_WORDS:
            counts["long"] += len(put_in)
        elif sign == "delete":
            counts["put_in"] += len(put_in)
        else:
            counts.update(_swap(word, theirs[other_start:other_end], known) for word in put_in)
    return {
        "aligned": counts["same"] / max(1, len(ours)),
        "put_in": _up_to(counts["put_in"], 4),
        "long_put_in": _up_to(counts["long"], 8),
        **{name: _up_to(counts[name], 2) for name in _SWAPS},
    }


_SWAPS = ("swapped_same", "swapped_opposite", "swapped_number", "swapped_name", "swapped_known", "swapped_new")


def _swap(word: Word, others: Sequence[Word], known: Relations) -> str:
    """What stands in the claim where the sentence has other words."""
    stems = {other.stem for other in others if other.stem}
    if word.number:
        return "swapped_number"
    if known.opposite(word.stem) & stems:
        return "swapped_opposite"
    if known.same(word.stem) & stems or any(word.stem in known.same(stem) for stem in stems):
        return "swapped_same"
    if word.text[0].isupper() and word.start:
        return "swapped_name"
    return "swapped_known" if stems and word.stem in known.parts else "swapped_new"


def _style(seen: View) -> Values:
    claim, source = seen.claim, seen.source
    capitals = cased(claim.text)
    names = [
        w for w in seen.found if w.start and w.lower in source.capitalized and (w.text[0].isupper() or not capitals)
    ]  # fmt: skip
    return {
        "words": _up_to(len(claim.words), 60),
        "content_words": _up_to(len(claim.stems), 40),
        "names": _up_to(len(names), 6),
        "name_elsewhere": _up_to(sum(word.stem not in seen.near for word in names), 3),
        "pronoun": float(bool(_PRONOUNS & set(claim.lower))),
        "unknown_token": float("unk" in claim.lower),
    }


def _up_to(count: int, most: int) -> float:
    return min(count, most) / most
