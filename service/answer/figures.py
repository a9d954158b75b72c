"""The sentence of an abstract that reports its main result, and the number in it that a reader looks for."""

import re
from typing import NamedTuple

from service.answer.selector import states_result
from service.sentences import sentence_spans
from service.types import Paper, Quote

_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_FIGURE = re.compile(
    rf"""(?<![\w.,$^_{{-])                # no part of a name, a formula or another number
    (?:[+~<>≥≤-]|\$\\sim\$)?
    (?P<number>{_NUMBER})(?!-?[A-Za-z]?\w*[-–]?\d)
    (?P<unit>\s?(?:\\?%|\u00d7|\$\\times\$|\\times|x(?!\w)|-fold|-times)
        |\s(?:times|percent|percentage\spoints|points|pp|dB|ms|mAP|BLEU|F1)\b)?""",
    re.VERBOSE,
)
_CHANGE = re.compile(
    r"\b(?:reduc|improv|increas|outperform|achiev|gain|faster|speed|surpass|exceed|accura|save|cut|lower|higher)\w*",
    re.IGNORECASE,
)
_UNTIL = re.compile(rf"\s?(?:to|[-–→])\s?{_NUMBER}(?:\s?(?:\\?%|\u00d7|x(?!\w)))?")
"""The rest of "from 51% to 60%"."""
_NAMED = re.compile(r"[A-Z][\w.]*[ -]$")
"""What stands before the number of a version: "ERNIE 3.0", "Llama 2"."""


class Figure(NamedTuple):
    """A reported number in its sentence: `quote.text[start:end]`."""

    quote: Quote
    start: int
    end: int

    @property
    def text(self) -> str:
        """The number with its unit, as it is written."""
        return self.quote.text[self.start : self.end].strip()


def main_figure(paper: Paper) -> Figure | None:
    """The number that says best how well it works; `None` where the abstract reports none."""
    best, best_value = None, 0.0
    spans = sentence_spans(paper.abstract)
    for place, (start, end) in enumerate(spans):
        text = paper.abstract[start:end]
        found = _figure(text)
        if found is None:
            continue
        span, has_unit = found
        if not (states_result(text) or (has_unit and _CHANGE.search(text))):
            continue
        # Abstracts end with their results, and a change says more than a size.
        value = 1.0 + 2.0 * has_unit + bool(_CHANGE.search(text)) + place / len(spans)
        if value > best_value:
            quote = Quote(paper_id=paper.paper_id, text=text, start=start, end=end)
            best, best_value = Figure(quote, *span), value
    return best


def _figure(text: str) -> tuple[tuple[int, int], bool] | None:
    """Where the first number with a unit stands, or else the first with decimals; and whether it has a unit."""
    plain = None
    for match in _FIGURE.finditer(text):
        if _NAMED.search(text[: match.start()]) and not match["unit"]:
            continue
        if match["unit"]:
            further = _UNTIL.match(text, match.end())
            return (match.start(), further.end() if further else match.end()), True
        if plain is None and "." in match["number"]:
            plain = match.span()
    return (plain, False) if plain else None
