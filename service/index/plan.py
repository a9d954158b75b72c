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

    @property
    def by_authors(self) -> bool:
        """Whether the number of authors is bounded."""
        return bool(self.min_authors or self.max_authors)


def _pattern(*lines: str) -> re.Pattern[str]:
    return re.compile("".join(lines), re.IGNORECASE)


_PAPERS = r"(?:papers|articles|works|studies|preprints|publications|abstracts|entries|records)"
_PAPER = rf"(?:paper|article|work|study|preprint|publication|abstract|entry|record|{_PAPERS[3:-1]})"
_PUBLISHED = r"(?:published|listed|posted|released|submitted|come out|came out|appear|appeared|written|out)\b"

_COUNTED = rf"(?:{'|'.join(NUMBER_WORDS)}|\d{{1,4}})"
_NEWEST = r"(?:newest|latest|most recent(?:ly)?)"
_OLDEST = r"(?:oldest|earliest)"

# Questions about papers that they name.
_WHEN = _pattern(
    r"^(?:when|(?:on )?(?:which|what) (?:date|day)|(?:in )?(?:which|what) (?:year|month)) (?:was|were|did) ",
    rf"(?P<subject>.+?)\s+(?:first )?{_PUBLISHED}",
)
_DATE_OF = _pattern(r"^what (?:is|was) the (?:publication|release) (?:date|day|year) of (?P<subject>.+)$")
_HOW_MANY_AUTHORS = _pattern(
    r"^how many (?:co-?)?authors (?:does|do|did|has|have|are (?:there )?(?:on|in|of)|wrote|worked on|are behind) ",
    r"(?P<subject>.+?)(?: have| has)?$",
)
_WHO = _pattern(r"^who (?:wrote|authored|are the authors of|is the (?:first )?author of) (?P<subject>.+)$")
# "the newest paper", "papers on adapters": papers that are described, not named.
_NO_NAME = _pattern(
    rf"(?:the )?(?:(?:{_COUNTED} )?(?:most|{_NEWEST}|{_OLDEST}|(?:first|last) {_PAPER})\b|{_PAPER}$|{_PAPERS}\b|about )"
)
_BEFORE_OR_AFTER = _pattern(
    rf"^(?:was|were|did) (?P<first>.+?) (?:first )?{_PUBLISHED} (?:before or after|after or before|before|after|",
    r"earlier than|later than) (?P<second>.+?)(?: (?:was|did)\b.*)?$",
)
# But "is A applied earlier than B" is about a method.
_OLDER = _pattern(
    r"^(?:is|was) (?P<first>.+?)(?<!ed) (?:earlier|later|older|newer)(?: or (?:earlier|later|older|newer))? than ",
    r"(?P<second>.+?)(?: (?:was|is)\b.*)?$",
)
_WHICH_FIRST = _pattern(
    rf"^(?:which|what|who) (?:of .*?|{_PAPER} )?(?:is|was|were|came|appeared|got) (?:{_PUBLISHED} )?",
    r"(?:first|earlier|later|last|newer|older)\b[\s,:–-]*(?P<first>.+?),? or (?P<second>.+)$",
)

# Questions about the order of papers or the number of their authors.
_NO_ADJECTIVE = r"(?:that|the|this|in|of|to|for|on|by|a|an|and|which|is|are|was|were)"
# "newest LoRA papers", "oldest of all papers"; but not "the earliest layer that a paper prunes".
_THEN_PAPER = rf"(?:of (?:(?:all|the|our|these|those) )*)?(?:(?!{_NO_ADJECTIVE}\b)[\w.+-]+ ){{0,4}}?{_PAPER}\b"
_MOST = r"(?:most|(?:highest|largest) number of)"
_TAIL = rf"(?: (?:on|about|of|from|in|with|by|that (?:was|were)|was|were|we|{_PUBLISHED})\b|$)"


def _in_time(word: str, adverb: str, place: str) -> re.Pattern[str]:
    return _pattern(
        rf"\b{word} {_THEN_PAPER}|\b{word} {_PUBLISHED}$|\b{_PUBLISHED} {adverb}$|",
        rf"^(?:(?:what|which) (?:one )?(?:is|are|was|were) )?(?:the )?(?:{_COUNTED} )?{word}$|",
        rf"^(?:what|which) {_PAPER}\b.*\b(?:is|are|was|were) (?:the )?{word}\b|",
        rf"\b{place} (?:{_COUNTED} )?{_PAPER}{_TAIL}",
    )


_SUPERLATIVES: tuple[tuple[re.Pattern[str], Order], ...] = (
    (_in_time(_NEWEST, "(?:last|most recently)", "last"), "newest"),
    (
        _pattern(rf"^what is new$|^(?:(?:what|which|show|list|me|are|the|any|all|there|new|recent) )*{_PAPERS}$"),
        "newest",
    ),
    (_in_time(_OLDEST, "first", "first"), "oldest"),
    (_pattern(rf"\b{_PAPERS} (?:\w+ )?by (?:the )?number of (?:co-?)?authors\b"), "most_authors"),
    (
        _pattern(rf"\b(?:the|with|has|have|by) {_MOST} (?:co-?)?author(?:s|ed)?\b|\blargest author list\b"),
        "most_authors",
    ),
    (_pattern(r"\b(?:fewest|least|(?:smallest|lowest) number of) (?:co-?)?authors?\b"), "fewest_authors"),
    (_pattern(rf"\b{_PAPER}\b.* {_MOST} comments?\b|\bmost (?:commented|discussed) {_THEN_PAPER}"), "most_comments"),
    (_pattern(rf"^(?:what|which) {_PAPER}\b.*\bmost (?:commented|discussed)\b"), "most_comments"),
)
_AUTHOR_COUNT = _pattern(
    r"\b(?P<bound>more than|over|at least|fewer than|less than|under|at most|exactly)? ?",
    rf"\b(?P<count>{_COUNTED}) (?:co-?)?authors\b",
)
_LIMIT = _pattern(
    rf"\b(?:(?:top|first|last|{_NEWEST}|{_OLDEST}) (?P<behind>{_COUNTED})(?= |$)|",
    rf"(?<![.-])(?P<before>{_COUNTED}) (?:first|last|most|{_NEWEST}|{_OLDEST}|{_PAPERS})\b)",
)
_ABOUT_DATES = _pattern(
    rf"\b{_PUBLISHED}|\b{_PAPER} (?:of|from|in|on|since|before|after|between|this|last)\b|",
    rf"\b(?:20\d\d|(?:today|yesterday|week|month|year)['’]s) {_PAPERS}\b",
)
_COUNT = _pattern(rf"^how many {_PAPERS}\b")
_SAID_WITH_DATE = _pattern(
    rf"\b(?:(?:was|were|been) {_PUBLISHED}|(?:published|listed|posted|released|submitted|come out|came out|appeared)\b)"
)
# Without these words a question about metadata alone is empty; what is left over is its topic.
_METADATA_WORD = _pattern(
    rf"(?<![\w-])(?:{_PAPER}|{_PUBLISHED}|newest|latest|most|recent|recently|oldest|earliest|fewest|least|highest|",
    r"largest|smallest|lowest|number|(?:co-?)?authors?|(?:co-?)?authored|comments?|commented|discussed|first|last|top|",
    r"more than|fewer than|at least|at most|exactly|over|under|less than|\d+|which|what|when|who|wrote|how many|list|",
    r"show|give|me|all|the|is|are|was|were|be|been|has|have|had|there|do|does|did|we|you|i|a|an|of|with|by|in|on|from|",
    r"to|for|at|this|these|those|new|please|any|anything|everything|something|it|that|got|get|single|and|come|out|up|",
    r"added|how old|titles?|day|date|days|catalog|library|collection|carry|carries|",
    rf"{'|'.join(NUMBER_WORDS)})(?![\w-])|['’]s\b|[?.,!:]",
)
_TOPIC = _pattern(
    rf"\b{_PAPER} (?:on|about|dealing with|that (?:deals?|is|are) (?:with|about)) ",
    r"(?P<topic>.+?)(?: (?:is|was|were|has|have|published|listed|posted|released)\b.*)?$",
)

# Kinds of questions that retrieval answers.
_SINGULAR_HEAD = r"(?:model|method|approach|dataset|benchmark|technique|metric|framework|system|task|language)"
_NO_PLURAL = (
    r"(?:is|was|does|has|this|bias|loss|basis|analysis|class|process|focus|status|corpus|consensus|always|performs|works|"
    r"gets|gives|makes|uses|needs|wins)"
)
_PLURAL_HEAD = _pattern(
    rf"^(?:so |and )?(?:which|what) (?!{_COUNTED}\b)(?:of (?:these|the|those|them)\b|",
    rf"(?!{_PAPER} |{_SINGULAR_HEAD}\b (?!\w*s\b))(?:(?!(?:is|are|was|do|does|has|did|can|of)\b)[\w-]+ ){{0,3}}?",
    rf"(?!{_NO_PLURAL}\b)[\w-]{{2,}}s)\b(?P<rest>.*)$",
)
_METHODS = _pattern(r"^(?:which|what) (?:[\w-]+ )?(?:methods|approaches|techniques|models|agents|systems|algorithms)\b")
_NAME_OR_NUMBER = re.compile(r"[A-Z\d]")
_LIST = _pattern(
    r"^(?:list|show|find|give me|search|name|recommend|suggest|any|some|anything)\b|",
    rf"^{_PAPERS}\b|\b(?:which|what|any|some) {_PAPER}\b|\bwhat (?:do|have) we (?:have|got)\b|",
    rf"\b(?:is|are) there (?:new |recent )?(?:any(?:thing|one)?|some|something|{_PAPER}|results?|methods?)\b|",
    r"^do(?:es)? (?:any|some)(?:one|body)?\b|^who (?!wrote|is|was|won|invented)\w+|",
    rf"^who wrote (?:about|{_PAPERS})\b|",
    r"^(?:how|where) (?:can|could|do|should|would) (?:i|we|you|one|people)\b|",
    r"^what (?:has been done|can be done|is known|is there|exists|came out|appeared|is new)\b|",
    r"^can (?:i|we|you|one|people)\b|^does it (?:help|matter|pay)\b|",
    r"^how (?:easily|well) (?:can|do|are) (?:such|these|those) |",
    r"^what (?:was|were|has been) (?:published|listed|posted|released|submitted|written)\b|",
    rf"^how many {_PAPERS} (?:(?:are|were|have been|do we have|there|published|listed) )*(?:on|about)\b",
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
    text = re.sub(r"\b(what|who|when)['’]s\b", r"\1 is", text, flags=re.IGNORECASE)
    named = _about_named_papers(text)
    if named is not None:
        return named
    order = next((order for pattern, order in _SUPERLATIVES if pattern.search(text)), None)
    authors = _AUTHOR_COUNT.search(text)
    undated, condition = _without_dates(text, today, order is not None or bool(_ABOUT_DATES.search(text)))
    rest = _besides_metadata(undated)
    if order is not None or (authors and (not rest or _TOPIC.search(undated))):
        return _selection(undated, condition, order, authors, rest)
    if _COUNT.match(undated) and not rest:
        return Plan(kind="metadata", operation="count", condition=condition)
    if not condition.is_open and not rest:
        return Plan(kind="metadata", operation="select", condition=condition)
    return Plan(kind="list" if _is_list(text) else _kind(undated), condition=condition, topic=undated or question)


def _without_dates(text: str, today: date, about_dates: bool) -> tuple[str, Filter]:
    """The question without the days that it restricts the papers to, and the restriction."""
    for bare_years in (about_dates, True):
        span = find_range(text, today, bare_years=bare_years)
        if span is None:
            continue
        undated = f"{text[: span.start]} {text[span.end :]}"
        if about_dates or (not bare_years and _is_list(text)) or not _besides_metadata(undated):
            undated = " ".join(_SAID_WITH_DATE.sub(" ", undated).split())
            return undated, Filter(since=span.since, until=span.until)
    return text, Filter()


def _besides_metadata(text: str) -> str:
    return " ".join(_METADATA_WORD.sub(" ", text).split())


def _selection(
    text: str, condition: Filter, order: Order | None, authors: re.Match[str] | None, rest: str
) -> Plan:  # fmt: skip
    """Papers in an order, or with a number of authors."""
    topic = _TOPIC.search(text)
    number = _LIMIT.search(text)
    limit = 0
    if number:
        limit = _number(number["behind"] or number["before"])
    elif order is not None and not re.search(rf"\b(?:{_PAPERS}|new$)", text, re.IGNORECASE):
        limit = 1
    low, high = _author_bounds(authors)
    return Plan(
        kind="metadata",
        operation="count" if _COUNT.match(text) and not topic else "select",
        condition=condition,
        order=order or "oldest",
        limit=limit,
        min_authors=low,
        max_authors=high,
        topic=topic.group("topic") if topic else rest,
    )


def _number(word: str) -> int:
    return int(word) if word.isdigit() else NUMBER_WORDS[word.lower()]


def _author_bounds(match: re.Match[str] | None) -> tuple[int, int]:
    if match is None:
        return 0, 0
    count, bound = _number(match.group("count")), (match.group("bound") or "exactly").lower()
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
        (_DATE_OF, "when"),
        (_HOW_MANY_AUTHORS, "how_many_authors"),
        (_WHO, "who"),
    )
    for pattern, operation in operations:
        match = pattern.match(text)
        if match and not _NO_NAME.match(match["subject"]):
            return Plan(kind="metadata", operation=operation, subjects=(_name(match["subject"]),))
    for pattern in (_BEFORE_OR_AFTER, _OLDER, _WHICH_FIRST):
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
    if plural:
        was = re.search(r"\b(?:were|was|did|does)\b", plural["rest"].split(" that ")[0], re.IGNORECASE)
        # "Which datasets were used to train X?" asks for a fact, "which methods were tried on a robot?" does not.
        if not was or (_METHODS.match(text) and not _NAME_OR_NUMBER.search(plural["rest"])):
            return True
    return bool(_LIST.search(text))
