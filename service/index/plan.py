"""What a question asks for: a list of papers, a fact, a comparison, or something that the catalog itself knows.

Questions about dates, numbers of authors and comments become catalog queries; no model guesses them. Rules, not a
model: each has a case in `tests/index/test_plan.py`, and a wrong plan can be read off the answer's `kind`.
"""

import re
from datetime import date
from typing import Literal

from service.index.catalog import Order
from service.index.dates import NUMBER_WORDS, find_range
from service.types import Filter, QuestionKind, Record

Operation = Literal["retrieve", "select", "count", "when", "how_many_authors", "who", "which_first"]


class Plan(Record):
    """How a question is to be answered."""

    kind: QuestionKind
    operation: Operation = "retrieve"
    condition: Filter = Filter()
    order: Order = "oldest"
    limit: int = 0
    """Papers asked for; 0 where the question gives no number."""
    min_authors: int = 0
    max_authors: int = 0
    """Bounds of the number of authors; 0 where there is none."""
    topic: str = ""
    """What the papers are about, for retrieval; empty where only metadata is asked for."""
    subjects: tuple[str, ...] = ()
    """The papers that the question names."""


def _pattern(*lines: str) -> re.Pattern[str]:
    return re.compile("".join(lines), re.IGNORECASE)


_PAPERS = r"(?:papers|articles|works|studies|preprints|publications|abstracts|entries|records)"
_PAPER = rf"(?:paper|article|work|study|preprint|publication|abstract|entry|record|{_PAPERS[3:-1]})"
_PUBLISHED = r"(?:published|listed|posted|released|submitted|come out|came out|appear|appeared|written|out)\b"

# Questions about papers that they name.
_WHEN = _pattern(
    r"^(?:when|(?:on )?(?:which|what) (?:date|day)|(?:in )?(?:which|what) (?:year|month)) (?:was|were|did) ",
    rf"(?P<subject>.+?)\s+(?:first )?{_PUBLISHED}",
)
_HOW_MANY_AUTHORS = _pattern(
    r"^how many (?:co-?)?authors (?:does|do|did|has|have|are (?:there )?(?:on|in|of)|wrote|worked on|are behind) ",
    r"(?P<subject>.+?)(?: have| has)?$",
)
_WHO = _pattern(r"^who (?:wrote|authored|are the authors of|is the (?:first )?author of) (?P<subject>.+)$")
_BEFORE_OR_AFTER = _pattern(
    rf"^(?:was|were|is|did) (?P<first>.+?) (?:first )?(?:{_PUBLISHED} (?:before or after|after or before|before|after|",
    r"earlier than|later than)|(?:earlier|later|sooner|older|newer)(?: or (?:earlier|later|older|newer))? than) ",
    r"(?P<second>.+?)(?: (?:was|did)\b.*)?$",
)
_WHICH_FIRST = _pattern(
    rf"^(?:which|what|who) (?:of .*?|{_PAPER} )?(?:is|was|were|came|appeared|got) (?:{_PUBLISHED} )?",
    r"(?:first|earlier|later|last|newer|older)\b[\s,:–-]*(?P<first>.+?),? or (?P<second>.+)$",
)

# Questions about the order of papers or the number of their authors.
_NEWEST = r"(?:newest|latest|most recent(?:ly)?)"
_OLDEST = r"(?:oldest|earliest)"
_SUPERLATIVES: tuple[tuple[re.Pattern[str], Order], ...] = (
    (_pattern(rf"\b{_NEWEST}\b(?:.*\b(?:{_PAPER}\b|{_PUBLISHED})|$)"), "newest"),
    (_pattern(rf"\b{_PAPER}\b.*\bis (?:the )?{_NEWEST}\b"), "newest"),
    (_pattern(rf"\b{_PUBLISHED} (?:last|most recently)$"), "newest"),
    (_pattern(rf"\b{_OLDEST}\b(?:.*\b(?:{_PAPER}\b|{_PUBLISHED})|$)"), "oldest"),
    (_pattern(rf"\b{_PAPER}\b.*\bis (?:the )?{_OLDEST}\b"), "oldest"),
    (_pattern(rf"\b{_PUBLISHED} first$|^(?:(?:what|which) )?(?:(?:is|was) )?(?:the )?first {_PAPER}$"), "oldest"),
    (_pattern(r"\b(?:most|(?:highest|largest) number of|largest) (?:co-?)?author(?:s|ed| list)?\b"), "most_authors"),
    (_pattern(r"\b(?:fewest|least|(?:smallest|lowest) number of) (?:co-?)?authors?\b"), "fewest_authors"),
    (_pattern(r"\b(?:most|(?:highest|largest) number of) comments?\b"), "most_comments"),
    (_pattern(r"\bmost (?:commented|discussed)\b"), "most_comments"),
)
_AUTHOR_COUNT = _pattern(
    r"\b(?P<bound>more than|over|at least|fewer than|less than|under|at most|exactly)? ?",
    r"(?P<count>\d+) (?:co-?)?authors\b",
)
_ABOUT_DATES = _pattern(rf"\b{_PUBLISHED}|\b{_PAPER} (?:of|from|in|on|since|before|after|between)\b")
_COUNT = _pattern(rf"^how many {_PAPERS}\b")
# Without these words a question about metadata alone is empty; what is left over is its topic.
_METADATA_WORD = _pattern(
    rf"\b(?:{_PAPER}|{_PUBLISHED}|newest|latest|most|recent|recently|oldest|earliest|fewest|least|highest|largest|",
    r"smallest|lowest|number|authors?|co-?authored|comments?|commented|discussed|first|last|more than|fewer than|",
    r"at least|at most|exactly|over|under|less than|\d+|which|what|how many|list|show|give|me|all|the|is|are|was|were|",
    r"be|been|has|have|had|there|do|does|did|we|you|i|a|an|of|with|by|in|on|from|to|for|at|this|these|those|new|please|",
    r"any|it|that|got|get|single|and|come|out|up|day|date|days|catalog|library|collection|carry|carries|",
    rf"{'|'.join(NUMBER_WORDS)})\b|[?.,!:]",
)
_TOPIC = _pattern(
    rf"\b{_PAPER} (?:on|about|dealing with|that (?:deals?|is|are) (?:with|about)) ",
    r"(?P<topic>.+?)(?: (?:is|was|were|has|have)\b.*)?$",
)

# Kinds of questions that retrieval answers.
_COUNTED = rf"(?:{'|'.join(NUMBER_WORDS)}|\d+)"
_SINGULAR_HEAD = r"(?:model|method|approach|dataset|benchmark|technique|metric|framework|system|task|language)"
_NO_PLURAL = (
    r"(?:is|was|does|has|this|bias|loss|basis|analysis|class|process|focus|status|corpus|consensus|always|performs|works|"
    r"gets|gives|makes|uses|needs|wins)"
)
_PLURAL_HEAD = _pattern(
    rf"^(?:so |and )?(?:which|what) (?!{_COUNTED}\b)(?:of (?:these|the|those|them)\b|",
    rf"(?!{_PAPER} |{_SINGULAR_HEAD}\b (?!\w*s\b))(?:(?!(?:is|was|does|has|did)\b)[\w-]+ ){{0,3}}?",
    rf"(?!{_NO_PLURAL}\b)[\w-]{{2,}}s)\b(?P<rest>.*)$",
)
_LIST = _pattern(
    r"^(?:list|show|find|give me|search|name|recommend|suggest|any|some|anything)\b|",
    rf"^{_PAPERS}\b|\b(?:which|what|any|some) {_PAPER}\b|\bwhat (?:do|have) we (?:have|got)\b|",
    rf"\b(?:is|are) there (?:any(?:thing|one)?|some|something|{_PAPER}|results?|methods?)\b|",
    r"^do(?:es)? (?:any|some)(?:one|body)?\b|^who (?!wrote|is|was|won|invented)\w+|",
    r"^(?:how|where) (?:can|could|do|should|would) (?:i|we|you|one|people)\b|^what (?:has been done|is known|exists)\b",
)
_COMPARISON = _pattern(
    r"\b(?:versus|vs\.?|compared? (?:with|to|against)|in comparison|comparison|differ(?:s|ence|ences)?|"
    r"(?:better|worse|faster|slower|smaller|larger) than|outperforms?|compare)\b|\bbetween\b.+\band\b|"
    r"^[^,:?]{2,60}\band\b[^,:?]{2,60}: ",
)
_QUESTION_WORD = _pattern(
    r"^(?:\w+ )?(?:how|what|which|when|where|why|who|whose|does|do|did|is|are|was|were|can|could|has|have)\b"
)


def make_plan(question: str, today: date) -> Plan:
    """Plan a question; `today` is what "last week" counts from.

    Raises:
        ValueError: the question names a day that does not exist.
    """
    text = " ".join(question.split()).rstrip("?!. ")
    named = _about_named_papers(text)
    if named is not None:
        return named
    order = next((order for pattern, order in _SUPERLATIVES if pattern.search(text)), None)
    authors = _AUTHOR_COUNT.search(text)
    about_dates = order is not None or bool(_ABOUT_DATES.search(text))
    span = find_range(text, today, bare_years=about_dates)
    condition = Filter()
    if span is not None and (about_dates or _is_list(text)):
        condition = Filter(since=span.since, until=span.until)
        text = f"{text[: span.start]} {text[span.end :]}"
        text = " ".join(re.sub(rf"\b(?:(?:were|was|have been) )?{_PUBLISHED}", " ", text, flags=re.IGNORECASE).split())
    rest = " ".join(_METADATA_WORD.sub(" ", text).split())
    if order is not None or (authors and not rest):
        return _selection(text, condition, order, authors, rest)
    if _COUNT.match(text) and not rest:
        return Plan(kind="metadata", operation="count", condition=condition)
    if not condition.is_open and not rest:
        return Plan(kind="metadata", operation="select", condition=condition)
    return Plan(kind=_kind(text), condition=condition, topic=text or question)


def _selection(
    text: str, condition: Filter, order: Order | None, authors: re.Match[str] | None, rest: str
) -> Plan:  # fmt: skip
    """Papers in an order, or with a number of authors."""
    topic = _TOPIC.search(text)
    number = re.search(rf"\b({_COUNTED})\b(?! (?:co-?)?authors)", text, re.IGNORECASE)
    limit = 0
    if number:
        word = number.group(1).lower()
        limit = int(word) if word.isdigit() else NUMBER_WORDS[word]
    elif order is not None and not re.search(rf"\b{_PAPERS}\b", text, re.IGNORECASE):
        limit = 1
    low, high = _author_bounds(authors)
    return Plan(
        kind="metadata",
        operation="select",
        condition=condition,
        order=order or "oldest",
        limit=limit,
        min_authors=low,
        max_authors=high,
        topic=topic.group("topic") if topic else rest,
    )


def _author_bounds(match: re.Match[str] | None) -> tuple[int, int]:
    if match is None:
        return 0, 0
    count, bound = int(match.group("count")), (match.group("bound") or "exactly").lower()
    return {
        "more than": (count + 1, 0),
        "over": (count + 1, 0),
        "at least": (count, 0),
        "fewer than": (1, count - 1),
        "less than": (1, count - 1),
        "under": (1, count - 1),
        "at most": (1, count),
        "exactly": (count, count),
    }[bound]


def _about_named_papers(text: str) -> Plan | None:
    operations: tuple[tuple[re.Pattern[str], Operation], ...] = (
        (_WHEN, "when"),
        (_HOW_MANY_AUTHORS, "how_many_authors"),
        (_WHO, "who"),
    )
    for pattern, operation in operations:
        match = pattern.match(text)
        if match and not re.match(
            rf"(?:the )?(?:most|newest|latest|oldest|{_PAPER}$)", match["subject"], re.IGNORECASE
        ):
            return Plan(kind="metadata", operation=operation, subjects=(_name(match["subject"]),))
    for pattern in (_BEFORE_OR_AFTER, _WHICH_FIRST):
        match = pattern.match(text)
        if match:
            subjects = (_name(match["first"]), _name(match["second"]))
            return Plan(kind="metadata", operation="which_first", subjects=subjects)
    return None


def _name(text: str) -> str:
    """The name of a paper without what is said around it: "the original RAG paper" is "RAG"."""
    text = text.strip(" \"'“”‘’")
    text = re.sub(r"^(?:the|a|an)\s+", "", text, flags=re.IGNORECASE)
    text = re.sub(rf"^(?:original|first|{_PAPER})\s+(?:(?:about|on|called|titled)\s+)?", "", text, flags=re.IGNORECASE)
    text = re.sub(rf"\s+{_PAPER}$", "", text, flags=re.IGNORECASE)
    return text.strip(" \"'“”‘’,")


def _kind(text: str) -> QuestionKind:
    if _is_list(text):
        return "list"
    if _COMPARISON.search(text):
        return "comparison"
    return "factoid" if _QUESTION_WORD.match(text) else "list"


def _is_list(text: str) -> bool:
    plural = _PLURAL_HEAD.match(text)
    # "Which datasets were used to train X?" asks for a fact.
    if plural and not re.search(r"\b(?:were|was|did|does)\b", plural["rest"].split(" that ")[0], re.IGNORECASE):
        return True
    return bool(_LIST.search(text))
