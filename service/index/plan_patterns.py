"""The words and forms by which questions ask for dates, orders, numbers of authors, lists and comparisons.

Patterns only; what they mean is decided in `plan.py`. A question is untrusted: where the parts of a repetition overlap,
as "are there" and "are", the repetition is possessive (`*+`), or a hostile question would take for ever.
"""

import re

from service.index.catalog import Order
from service.index.dates import NUMBER_WORDS


def pattern(*lines: str) -> re.Pattern[str]:
    """A pattern in parts that does not mind the case of letters."""
    return re.compile("".join(lines), re.IGNORECASE)


PAPERS = r"(?:papers|articles|works|studies|preprints|publications|abstracts|entries|records)"
PAPER = rf"(?:paper|article|work|study|preprint|publication|abstract|entry|record|{PAPERS[3:-1]})"
PUBLISHED = r"(?:published|listed|posted|released|submitted|come out|came out|appear|appeared|written|out)\b"

COUNTED = rf"(?:{'|'.join(NUMBER_WORDS)}|\d{{1,4}})"
NEWEST = r"(?:newest|latest|most recent(?:ly)?)"
OLDEST = r"(?:oldest|earliest)"

# Questions about the order of papers or the number of their authors.
_NO_ADJECTIVE = r"(?:that|the|this|in|of|to|for|on|by|a|an|and|which|is|are|was|were)"
# "newest LoRA papers", "oldest of all papers"; but not "the earliest layer that a paper prunes".
_THEN_PAPER = (
    rf"(?:of (?:(?:all|the|our|these|those) )*)?(?:(?!{_NO_ADJECTIVE}\b)[\w.+-]+ ){{0,4}}?"
    rf"(?:{PAPER}|surveys?|reviews?)\b"
)
_MOST = r"(?:most|(?:highest|largest|greatest) number of)"
_TAIL = rf"(?: (?:on|about|of|from|in|with|by|that (?:was|were)|was|were|we|{PUBLISHED})\b|$)"


def _in_time(word: str, adverb: str, place: str) -> re.Pattern[str]:
    return pattern(
        rf"\b{word} {_THEN_PAPER}|\b{word} {PUBLISHED}$|\b{PUBLISHED} {adverb}$|",
        rf"^(?:(?:what|which) (?:one )?(?:is|are|was|were) )?(?:the )?(?:{COUNTED} )?{word}$|",
        rf"^(?:what|which) {PAPER}\b.*\b(?:is|are|was|were) (?:the )?{word}\b|",
        rf"\b{place} (?:{COUNTED} )?{PAPER}{_TAIL}",
    )


_BY_ORDER = r"(?:sorted|ordered|ranked|in order) (?:by|of)(?: the)?"
SORTED: tuple[tuple[re.Pattern[str], Order], ...] = (
    (pattern(rf",? ?\b(?:{_BY_ORDER} (?:number of (?:co-?)?authors|author count))\b"), "most_authors"),
    (pattern(rf",? ?\b(?:{_BY_ORDER} (?:number of comments|comment count))\b"), "most_comments"),
    (pattern(rf",? ?\b(?:(?:with )?(?:the )?{NEWEST} (?:ones )?first|{_BY_ORDER} recency)\b"), "newest"),
    (
        pattern(
            rf",? ?\b(?:(?:with )?(?:the )?{OLDEST} (?:ones )?first|(?:in )?chronological(?:ly| order)|",
            rf"{_BY_ORDER} (?:(?:publication|release) )?date)\b",
        ),
        "oldest",
    ),
)
"""Wishes for an order that can be cut out of a question, so that its topic is left."""

SUPERLATIVES: tuple[tuple[re.Pattern[str], Order], ...] = (
    (_in_time(NEWEST, "(?:last|most recently)", "last"), "newest"),
    (
        pattern(rf"^what is new$|^(?:(?:what|which|show|list|me|are|the|any|all|there|new|recent) )*{PAPERS}$"),
        "newest",
    ),
    (_in_time(OLDEST, "first", "first"), "oldest"),
    (pattern(rf"\b{PAPERS} (?:\w+ )?by (?:the )?number of (?:co-?)?authors\b"), "most_authors"),
    (
        pattern(
            rf"\b(?:the|with|has|have|had|by) {_MOST} (?:co-?)?author(?:s|ed)?\b|",
            r"\b(?:largest|longest|biggest) (?:author list|list of (?:co-?)?authors|(?:author )?team)\b",
        ),
        "most_authors",
    ),
    (
        pattern(
            r"\b(?:fewest|least|(?:smallest|lowest) number of) (?:co-?)?authors?\b|",
            r"\b(?:smallest|shortest) (?:author list|list of (?:co-?)?authors|(?:author )?team)\b",
        ),
        "fewest_authors",
    ),
    (pattern(rf"\b{PAPER}\b.* {_MOST} comments?\b|\bmost (?:commented|discussed) {_THEN_PAPER}"), "most_comments"),
    (pattern(rf"^(?:what|which) {PAPER}\b.*\bmost (?:commented|discussed)\b"), "most_comments"),
)

_AUTHORS = r"(?:co-?)?authors?"
_PEOPLE = r"(?:(?:co-?)?authors?|people|persons?|researchers?)"
AUTHOR_RANGE = pattern(
    rf"\b(?:(?:by|with|have|has|had) )?(?:between )?(?P<low>{COUNTED})(?: ?[-–] ?| to | and | or )(?P<high>{COUNTED}) ",
    rf"{_AUTHORS}\b",
)
AUTHOR_COUNT = pattern(
    r"(?:\b(?:by|with|have|has|had) )?(?:a team of )?(?:only |just )?",
    r"(?P<bound>\bmore than|\bover|\babove|\bat least|\bno fewer than|\bfewer than|\bless than|\bunder|\bbelow|",
    r"\bat most|\bno more than|\bup to|\bexactly|>=|<=|>|<)? ?",
    rf"(?<![\w.-])(?P<count>{COUNTED})(?P<behind>\+| or more| or fewer| or less)? {_AUTHORS}\b",
)
AUTHORS_BY = pattern(
    r"\b(?:written|(?:co-?)?authored) by (?P<bound>more than |at least |fewer than |at most |exactly |only )?",
    rf"(?P<count>{COUNTED}) {_PEOPLE}\b",
)
ONE_AUTHOR = pattern(
    rf"\b(?:single|sole|solo|lone|one)[- ]author(?:ed)?(?= (?:[\w-]+ ){{0,3}}?{PAPER}\b)|\bsolo[- ]authored\b|",
    rf"\b(?:by|with|have|has|had) (?:only |just )?(?:a|an|one|1) (?:single |sole |lone )?{_AUTHORS}\b|",
    rf"\b(?:by|with|have|has|had) (?:only |just )(?:a |one |1 )?(?:single )?{_PEOPLE}\b|",
    r"\bwritten (?:alone|by one person)\b",
)
AUTHORED = pattern(rf"\b(?P<count>{COUNTED})[- ]author(?:ed)?(?= (?:[\w-]+ ){{0,3}}?{PAPER}\b)")

LIMIT = pattern(
    rf"\b(?:(?:top|first|last|{NEWEST}|{OLDEST}) (?P<behind>{COUNTED})(?= |$)|",
    rf"(?<![.-])(?P<before>{COUNTED}) (?:first|last|most|{NEWEST}|{OLDEST}|{PAPERS})\b)",
)
ABOUT_DATES = pattern(
    rf"\b{PUBLISHED}|\b{PAPER} (?:of|from|in|on|since|before|after|until|between|during|within|over|this|last|past|",
    r"prior|older|newer|later|earlier|no)\b|",
    rf"\b(?:20\d\d|(?:today|yesterday|week|month|year|(?:mon|tues|wednes|thurs|fri|satur|sun)day)['’]s) {PAPERS}\b",
)
SAID_WITH_DATE = pattern(
    rf"\b(?:(?:was|were|been) {PUBLISHED}|(?:published|listed|posted|released|submitted|come out|came out|appeared)\b)"
)
TODAYS_STATE = re.compile(r"\b(?:today|this (?:week|month|year))\b", re.IGNORECASE)
"""In "which models are used today?" no paper of today is asked for."""

_BE = r"(?:are there|do we have|have we got|are|were|have been|is|do you have|there|exist)"
COUNT = pattern(
    rf"^(?:how many (?:of (?:the|these|our) )?{PAPERS}\b|(?:what is )?(?:the )?(?:total )?number of {PAPERS}\b|",
    rf"count (?:all |the )*{PAPERS}\b)",
)
_TREAT = (
    r"(?:deal(?:s|ing)? with|concern|cover|study|studied|use|used|propose|proposed|mention|discuss|address|treat|"
    r"introduce|present|investigate|explore|compare|evaluate|apply|consider|describe|tackle|work on|focus on|"
    r"look at|talk about|examine|analy[sz]e|survey|review|benchmark|improve|reduce)"
)
_COUNT_END = (
    rf"(?>(?:,?(?: {_BE}| so far| in total| yet| now| {PUBLISHED}|"
    r" in (?:the|our|this) (?:catalog|library|collection)))*)$"
)
COUNT_TOPIC = pattern(
    rf"(?:{COUNT.pattern})(?>(?: {_BE}| {PUBLISHED}|,| that| which)*)",
    rf" (?:on|about|regarding|{_TREAT}(?! (?:for|to|in|by)\b)) (?P<topic>.+?){_COUNT_END}",
)
COUNT_KIND = pattern(
    rf"^(?:how many|count(?: all)?(?: the)?|number of) (?!of\b|{PAPERS}\b)(?P<topic>(?:[\w.+/-]+ ){{1,4}}?){PAPERS}\b",
    r"(?P<rest>.*)$",
)

# Without these words a question about metadata alone is empty; what is left over is its topic.
METADATA_WORD = pattern(
    rf"(?<![\w-])(?:{PAPER}|{PUBLISHED}|newest|latest|most|recent|recently|oldest|earliest|fewest|least|highest|",
    r"largest|longest|biggest|smallest|shortest|lowest|greatest|number|count|total|(?:co-?)?authors?|(?:co-?)?authored|",
    r"comments?|commented|discussed|first|last|top|team|",
    r"more than|fewer than|at least|at most|exactly|over|under|less than|\d+|which|what|when|who|wrote|how many|list|",
    r"show|give|find|me|all|the|is|are|was|were|be|been|has|have|had|there|do|does|did|we|you|i|a|an|of|with|by|in|on|",
    r"from|to|for|at|this|these|those|our|new|please|any|anything|everything|something|it|that|got|get|single|and|come|",
    r"came|out|up|added|how old|titles?|day|date|days|catalog|library|collection|carry|carries|can|could|exist|",
    rf"within|since|during|category|categories|{'|'.join(NUMBER_WORDS)})(?![\w-])|['’]s\b|[?.,!:;]",
)
TOPIC = pattern(
    rf"\b{PAPER} (?:on|about|regarding|dealing with|that (?:deals?|is|are) (?:with|about)) ",
    r"(?P<topic>.+?)(?: (?:is|was|were|has|have|had|by|with|published|listed|posted|released)\b.*)?$",
)

# Kinds of questions that retrieval answers.
_SINGULAR_HEAD = r"(?:model|method|approach|dataset|benchmark|technique|metric|framework|system|task|language)"
_NO_PLURAL = (
    r"(?:is|was|does|has|this|bias|loss|basis|analysis|class|process|focus|status|corpus|consensus|always|performs|works|"
    r"gets|gives|makes|uses|needs|wins|happens|remains|causes)"
)
PLURAL_HEAD = pattern(
    rf"^(?:so |and )?(?:which|what) (?!{COUNTED}\b)(?:of (?:these|the|those|them)\b|",
    rf"(?!{PAPER} |{_SINGULAR_HEAD}\b (?!\w*s\b))(?:(?!(?:is|are|was|do|does|has|did|can|of)\b)[\w-]+ ){{0,3}}?",
    rf"(?!{_NO_PLURAL}\b)[\w-]{{2,}}s)\b(?P<rest>.*)$",
)
METHODS = pattern(r"^(?:which|what) (?:[\w-]+ )?(?:methods|approaches|techniques|models|agents|systems|algorithms)\b")
# "When does pre-training hurt?" has many answers, "when does MEFT fail?" one.
CIRCUMSTANCES = pattern(r"^when (?:does|do|can)\b")
NAME_OR_NUMBER = re.compile(r"[A-Z\d]")
LIST = pattern(
    r"^(?:list|show|find|give me|search|name|recommend|suggest|any|some|anything)\b|",
    rf"^{PAPERS}\b|\b(?:which|what|any|some) {PAPER}\b|\bwhat (?:do|have) we (?:have|got)\b|",
    rf"\b(?:is|are) there (?:new |recent )?(?:any(?:thing|one)?|some|something|{PAPER}|results?|methods?)\b|",
    r"^do(?:es)? (?:any|some)(?:one|body)?\b|^who (?!wrote|is|was|won|invented)\w+|",
    rf"^who wrote (?:about|{PAPERS})\b|",
    r"^(?:how|where) (?:can|could|do|should|would) (?:i|we|you|one|people)\b|",
    r"^what (?:has been done|can be done|is known|is there|exists|came out|appeared|is new)\b|",
    rf"^what are (?:the )?(?:{NEWEST}|recent) [\w -]+ (?:in|on|for|of)\b|",
    r"^can (?:i|we|you|one|people)\b|^does it (?:help|matter|pay)\b|",
    r"^how (?:easily|well) (?:can|do|are) (?:such|these|those) |",
    r"^what (?:was|were|has been) (?:published|listed|posted|released|submitted|written)\b|",
    rf"^how many {PAPERS} (?:(?:are|were|have been|do we have|there|published|listed) )*(?:on|about)\b",
)
COMPARISON = pattern(
    r"\b(?:versus|vs\.?|compared? (?:with|to|against)|in comparison|comparison|differ(?:s|ence|ences)?|"
    r"(?:better|worse|faster|slower|smaller|larger) than|outperforms?|compare|contrast)\b|\bbetween\b.+\band\b|"
    r"^[^,:?]{2,60}\band\b[^,:?]{2,60}: ",
)
QUESTION_WORD = pattern(
    r"^(?:\w+ )?(?:how|what|which|when|where|why|who|whose|does|do|did|is|are|was|were|can|could|has|have)\b"
)
