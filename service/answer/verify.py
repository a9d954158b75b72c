"""Check a text claim by claim against its source: numbers, names, wording, negation.

Deterministic and model-free, so that it can judge any writer. A claim is supported if its numbers and names stand in
the source, most of its content words stand near each other there, and no negation was added or lost. What passes here
may still twist the source in other words; what fails is shown with the reason.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from service.sentences import Span, sentence_spans, sentences
from service.text import numbers
from service.types import Claim, Quote, Verdict, Verification

FAITHFUL_FROM = 0.7
"""Share of a claim's content words that must stand in the source; chosen on the development sets, see models.md."""
_WINDOW = 3
"""Source sentences that may bear one claim together."""
_SAME_STATEMENT = 0.75
"""Share of a claim's words in one sentence from which the two are taken to state the same thing."""
_NAME = re.compile(r"\b(?:[A-Z][\w-]*[A-Z0-9][\w-]*|[a-z]+[A-Z]\w*|[A-Z][a-z]+(?:-[A-Z]\w*)+|[A-Z][a-z]{2,})\b")
_NEGATION = re.compile(
    r"\b(?:not|no|never|neither|nor|without|cannot|fails?|failed|unable|lacks?|hardly)\b|n['’]t\b",
    re.IGNORECASE,
)
_NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
}  # fmt: skip
_CUT_BEFORE = re.compile(r"\w\w$|\d[.,]\d$")
_CUT_AFTER = re.compile(r"\w\w|\d[.,]\d")
_NOT_WORD = re.compile(r"\W+")
_LATEX = re.compile(r"\\([%&$#_{}])|[{}$]")

Terms = Callable[[str], Iterable[str]]


class Source(NamedTuple):
    """A text that claims rest on."""

    paper_id: str
    text: str


class Check(NamedTuple):
    """Result for one claim and one source."""

    score: float
    """0 to 1."""
    reason: str
    span: Span
    """The source sentence that bears the claim best."""

    @property
    def supported(self) -> bool:
        """Whether the claim holds."""
        return not self.reason and self.score >= FAITHFUL_FROM


def check_claim(claim: str, source: str, terms: Terms) -> Check:
    """Check one claim; `terms` gives the stemmed content words of a text."""
    spans = sentence_spans(source)
    wanted = set(terms(claim))
    if not spans or not wanted:
        return Check(0.0, "there is nothing to check it against", (0, 0))
    words = [set(terms(source[start:end])) for start, end in spans]
    best_single = max(range(len(spans)), key=lambda index: len(wanted & words[index]))
    verbatim = _verbatim(claim.strip().rstrip("."), source)
    if verbatim:
        reason = _negation_before(source, verbatim, spans)
        return Check(0.5 if reason else 1.0, reason, verbatim)
    score = max(len(wanted & set().union(*words[index : index + _WINDOW])) / len(wanted) for index in range(len(spans)))
    reason = _missing_number(claim, source) or _missing_name(claim, source)
    if not reason and score < FAITHFUL_FROM:
        lacking = sorted(wanted - set().union(*words))[:3]
        reason = f"wording is not in the source: {', '.join(lacking)}" if lacking else "its words stand far apart"
    if not reason and len(wanted & words[best_single]) >= _SAME_STATEMENT * len(wanted):
        reason = _negation(claim, source[slice(*spans[best_single])])
    return Check(score if not reason else min(score, 0.5), reason, spans[best_single])


def check_cited(
    text: str, citations: Sequence[int], passages: dict[int, Source], terms: Terms
) -> Claim:  # fmt: skip
    """The verdict on one generated sentence and the passages that it cites, with the sentences that bear it."""
    if not citations:
        return Claim(text=text, verdict=Verdict.UNCITED, reason="it cites no passage")
    unknown = [marker for marker in citations if marker not in passages]
    if unknown:
        reason = f"passage [{unknown[0]}] does not exist"
        return Claim(text=text, citations=tuple(citations), verdict=Verdict.MISCITED, reason=reason)
    checks = {marker: check_claim(text, passages[marker].text, terms) for marker in citations}
    quotes = tuple(_quote(passages[marker], check.span) for marker, check in checks.items())
    best = max(checks.values(), key=lambda check: (check.supported, check.score))
    if not best.supported and len(citations) > 1:
        joined = check_claim(text, " ".join(passages[marker].text for marker in citations), terms)
        best = joined if joined.supported else best
    verdict, reason = Verdict.SUPPORTED, ""
    if not best.supported:
        verdict, reason = Verdict.UNSUPPORTED, best.reason
        for marker, source in passages.items():
            if marker not in citations and check_claim(text, source.text, terms).supported:
                verdict, reason = Verdict.MISCITED, f"passage [{marker}] says so, not the one cited"
                break
    return Claim(text=text, citations=tuple(citations), quotes=quotes, verdict=verdict, reason=reason)


def verify(source: str, summary: str, terms: Terms, paper_id: str = "source") -> Verification:
    """Check every sentence of a summary; the score is that of the weakest claim."""
    claims, scores = [], []
    for text in sentences(summary):
        check = check_claim(text, source, terms)
        claims.append(
            Claim(
                text=text,
                quotes=(_quote(Source(paper_id, source), check.span),) if check.span[1] else (),
                verdict=Verdict.SUPPORTED if check.supported else Verdict.UNSUPPORTED,
                reason=check.reason,
            )
        )
        scores.append(check.score)
    faithful = bool(claims) and all(claim.verdict is Verdict.SUPPORTED for claim in claims)
    return Verification(score=round(min(scores, default=0.0), 4), faithful=faithful, claims=tuple(claims))


def _quote(source: Source, span: Span) -> Quote:
    start, end = span
    return Quote(paper_id=source.paper_id, text=source.text[start:end], start=start, end=end)


def _verbatim(text: str, source: str) -> Span | None:
    """Where a text stands in the source as whole words and numbers: "up to 8" does not stand in "up to 84"."""
    start = source.find(text)
    end = start + len(text)
    if start < 0 or _CUT_BEFORE.search(source[max(0, start - 2) : start + 1]):
        return None
    return None if _CUT_AFTER.match(source[end - 1 : end + 2]) else (start, end)


def _negation_before(source: str, part: Span, spans: Sequence[Span]) -> str:
    """Part of a clause may leave out the "not" in front of it."""
    head = next((source[start : part[0]] for start, end in spans if start <= part[0] < end), "")
    clause = re.split(r"[,;:]", head)[-1]
    return "a negation of the source is lost" if _NEGATION.search(clause) else ""


def _missing_number(claim: str, source: str) -> str:
    known = set(_all_numbers(source))
    for number in _all_numbers(claim, words=False):
        if number not in known:
            return f"the number {number} is not in the source"
    return ""


def _all_numbers(text: str, *, words: bool = True) -> list[str]:
    # What still has a comma is a list, such as "4,8,16".
    split = [part for number in numbers(_plain(text)) for part in number.split(",")]
    found = [number.rstrip("0").rstrip(".") if "." in number else number for number in split]
    if words:
        found += [_NUMBER_WORDS[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _NUMBER_WORDS]
    return found


def _missing_name(claim: str, source: str) -> str:
    known = _spaced(source)
    for match in _NAME.finditer(claim):
        name = match.group()
        starts_sentence = match.start() == 0 and name[1:].islower()
        if not starts_sentence and not any(
            written.rstrip("s") in text for written, text in zip(_spaced(name), known, strict=True)
        ):
            return f"the name {name} is not in the source"
    return ""


def _spaced(text: str) -> tuple[str, str]:
    """Words with a space before each, hyphens first dropped and then dividing: BERT does not stand in RoBERTa."""
    whole, parts = (_NOT_WORD.sub(" ", text.casefold().replace("-", hyphen)) for hyphen in ("", " "))
    return f" {whole}", f" {parts}"


def _negation(claim: str, sentence: str) -> str:
    claimed, stated = bool(_NEGATION.search(claim)), bool(_NEGATION.search(sentence))
    if claimed and not stated:
        return "a negation that the source does not have"
    if stated and not claimed:
        return "a negation of the source is lost"
    return ""


def _plain(text: str) -> str:
    r"""Without the LaTeX that a writer may drop: `84\%` is `84%`."""
    return _LATEX.sub(lambda match: match.group(1) or "", text)
