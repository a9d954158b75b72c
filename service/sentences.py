"""Split scientific prose into sentences, as spans of the text.

Abstracts break general splitters: "et al.", "e.g.", "Fig. 2", "4.5x", "ERNIE 3.0.", a missing space after a full stop.
The rules below were made on machine-learning abstracts; `tests/test_sentences.py` has a case for each.
"""

import re
from collections.abc import Iterator

Span = tuple[int, int]

_CLOSERS = r"[\"'”’)\]}»]*"
# A sentence end: the mark, closing quotes and brackets, then white space. A run of marks is looked at from its start
# only: from each of its marks would take quadratic time.
_SPACED_END = re.compile(rf"(?:\.{{1,3}}|(?<![!?…])[!?…]+){_CLOSERS}(?=\s)")
# A missing space: "…performance.We propose", but not "01.AI", "nn.Linear" or "github.com/OpenAI".
_GLUED_END = re.compile(r"(?<=[a-z0-9%)\]]{3})[.!?](?=[A-Z][a-z]*[ ,][a-z])")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[{~/-])"
    r"(?:e\.?\s?g|i\.?\s?e|et\s+al|cf|vs|viz|ca|approx|resp|w\.r\.t|a\.k\.a|aka|incl|esp|"
    r"Fig|Figs|Eq|Eqs|Eqn|Sec|Secs|Tab|Tabs|Ref|Refs|Thm|Alg|App|Ch|Vol|pp|No|Nos|"
    r"U\.S|U\.K|U\.S\.A|Ph\.D|Dr|Prof|Mr|Mrs|Ms|St|Jr|Sr|Inc|Ltd|Co|Corp)\.$"
)
# These end a sentence unless a number or a lower-case word follows.
_MONTH = re.compile(r"(?:^|[\s(])(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.$")
# "J. Smith", "Donald E. Knuth" and "by J. Smith", but not "We propose X. It works."
_INITIAL = re.compile(r"(?:^|[.!?]\s|[A-Z][\w.]*\s|\b(?:and|by|with|of)\s|\()[A-Z]\.$")
_STARTS_LOWER = re.compile(r"\s*[\"'“‘(\[]*[a-z]")
_STARTS_DIGIT = re.compile(r"\s*[\"'“‘(\[]*\d")
# "iPhone", "mT5", "k-NN", "wav2vec 2.0": a sentence may begin with such a name although it is in lower case.
_LOWER_NAME = re.compile(r"\s*(?:[a-z]+[A-Z0-9]|[a-z]-[A-Z])")


def sentence_spans(text: str) -> list[Span]:
    """Spans (start, end) of the sentences of `text`, in order, without the white space between them.

    Every character that is not white space lies in exactly one span.
    """
    spans: list[Span] = []
    start = 0
    for end in [*_boundaries(text), len(text)]:
        piece = text[start:end]
        stripped = piece.strip()
        if stripped:
            begin = start + piece.index(stripped)
            spans.append((begin, begin + len(stripped)))
        start = end
    return spans


def sentences(text: str) -> list[str]:
    """The sentences of `text`."""
    return [text[start:end] for start, end in sentence_spans(text)]


def _boundaries(text: str) -> Iterator[int]:
    candidates = sorted(
        [(match.end(), match, False) for match in _SPACED_END.finditer(text)]
        + [(match.end(), match, True) for match in _GLUED_END.finditer(text)],
        key=lambda candidate: candidate[0],
    )
    for end, match, glued in candidates:
        if glued and _in_url(text, match.start()):
            continue
        if _ends_sentence(text, match, end):
            yield end


def _ends_sentence(text: str, match: re.Match[str], end: int) -> bool:
    mark_end = match.start() + len(match.group().rstrip("\"'”’)]}»"))
    head, tail = text[max(0, mark_end - 24) : mark_end], text[end : end + 24]
    if _LOWER_NAME.match(tail):
        return not _ABBREVIATION.search(head)
    if _STARTS_LOWER.match(tail):
        return False
    if match.group().startswith(".") and not match.group().startswith(".."):
        if _ABBREVIATION.search(head) or _INITIAL.search(head):
            return False
        if _MONTH.search(head) and _STARTS_DIGIT.match(tail):
            return False
    return True


def _in_url(text: str, position: int) -> bool:
    start = max(text.rfind(" ", 0, position), text.rfind("\n", 0, position)) + 1
    token = text[start : position + 1]
    return "://" in token or token.startswith("www.") or "/" in token
