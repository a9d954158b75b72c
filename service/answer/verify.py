"""Check a text claim by claim against its source.

Needs no language model, so that it can judge any writer: a claim that stands there word for word holds; one with a
number or name that the source does not have, a negation more or less, or a word for the opposite does not; all others
have the probability that the trained judge gives their signals. What passes may still twist the source in other words;
what fails is shown with the reason.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from service.answer.judge import FAITHFUL_FROM, weights_for
from service.answer.reading import Terms, reader
from service.answer.reasons import contradiction, doubt, lost_negation
from service.answer.signals import Values, View, signals, view
from service.sentences import Span, sentences
from service.types import Claim, Quote, Verdict, Verification

_CONTRADICTED = 0.5
"""What a contradiction leaves of the probability: never enough."""
_FOUND_ENOUGH = 0.3
"""Share of a claim's content words below which the source says nothing of the kind; no labelled set has such claims."""
_CUT_BEFORE = re.compile(r"\w\w$|\d[.,]\d$")
_CUT_AFTER = re.compile(r"\w\w|\d[.,]\d")


class Source(NamedTuple):
    """A text that claims rest on."""

    paper_id: str
    text: str


class Check(NamedTuple):
    """Result for one claim and one source."""

    score: float
    """Probability that it is faithful, were as many claims faithful as not."""
    reason: str
    span: Span
    """The source sentence that bears the claim best."""

    @property
    def supported(self) -> bool:
        """Whether the claim holds."""
        return not self.reason and self.score >= FAITHFUL_FROM


def check_claim(claim: str, source: str, terms: Terms) -> Check:
    """Check one claim; `terms` gives the stemmed content words of a text."""
    read = reader(terms)
    ours, theirs = read.claim(claim), read.source(source)
    if not ours.content or not theirs.content:
        return Check(0.0, "there is nothing to check it against", (0, 0))
    verbatim = _verbatim(claim.strip().rstrip("."), source)
    if verbatim:
        head = next((source[start : verbatim[0]] for start, end in theirs.spans if start <= verbatim[0] < end), "")
        reason = lost_negation(head)
        return Check(_CONTRADICTED * FAITHFUL_FROM if reason else 1.0, reason, verbatim)
    seen = view(ours, theirs)
    signs = signals(seen)
    left, reason = remaining(seen, signs)
    score = weights_for(claim).probability(signs) * left
    if not reason and score < FAITHFUL_FROM:
        reason = doubt(seen)
    return Check(score, reason, theirs.spans[seen.borne.first])


def remaining(seen: View, signs: Values) -> tuple[float, str]:
    """What is left of the judge's probability where the source contradicts a claim or has next to nothing of it.

    Returns:
        A factor from 0 to 1, and the contradiction where there is one.
    """
    reason = contradiction(seen)
    return min(1.0, signs["found"] / _FOUND_ENOUGH) * (_CONTRADICTED if reason else 1.0), reason


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
