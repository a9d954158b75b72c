"""Questions that name papers or things: when one came out, what is like it, and what is compared with what."""

import re
from typing import Literal, NamedTuple

from service.index.dates import NUMBER_WORDS
from service.index.plan_patterns import COUNTED, NAME_OR_NUMBER, NEWEST, OLDEST, PAPER, PAPERS, PUBLISHED, pattern

NamedOperation = Literal["when", "how_many_authors", "how_many_comments", "who"]

_WHEN = pattern(
    r"^(?:when|(?:on )?(?:which|what) (?:date|day)|(?:in )?(?:which|what) (?:year|month)) (?:was|were|did) ",
    rf"(?P<subject>.+?)\s+(?:first )?{PUBLISHED}",
)
_DATE_OF = pattern(
    r"^(?:what (?:is|was) )?(?:the )?(?:publication|release|listing) (?:date|day|year) of (?P<subject>.+)$"
)
_AGE_OF = pattern(
    rf"^(?:how old is (?P<subject>the .+ {PAPER})|(?:from )?(?:which|what) (?:year|month|date|day) is (?P<other>.+?)",
    r"(?: from| dated)?)$",
)
_HOW_MANY_AUTHORS = pattern(
    r"^how many (?:co-?authors|authors|people|researchers) (?:does|do|did|has|have|are (?:there )?(?:on|in|of|behind|"
    r"listed (?:on|for))|wrote|worked on|are behind|authored) (?P<subject>.+?)(?: have| has| list)?$",
)
_NUMBER_OF_AUTHORS = pattern(r"^(?:what is )?the number of (?:co-?)?authors (?:of|on|behind) (?P<subject>.+)$")
_HOW_MANY_COMMENTS = pattern(
    r"^how many comments (?:does|do|did|has|have|are (?:there )?(?:on|for|under)) (?P<subject>.+?)"
    r"(?: have| has| get| got| received?)?$"
)
_WHO = pattern(
    r"^(?:who (?:wrote|authored|are the (?:co-?)?authors of|is the (?:first )?author of|is behind)|",
    r"(?:list |name |what are )?the (?:names of the )?(?:co-?)?authors of|by whom (?:is|was)) (?P<subject>.+)$",
)
_OPERATIONS: tuple[tuple[re.Pattern[str], NamedOperation], ...] = (
    (_WHEN, "when"),
    (_DATE_OF, "when"),
    (_AGE_OF, "when"),
    (_HOW_MANY_AUTHORS, "how_many_authors"),
    (_NUMBER_OF_AUTHORS, "how_many_authors"),
    (_HOW_MANY_COMMENTS, "how_many_comments"),
    (_WHO, "who"),
)
_LOOKS_NAMED = re.compile(rf"[A-Z\d“\"]|\b{PAPER}$")
_MUST_LOOK_NAMED = (_AGE_OF, _NUMBER_OF_AUTHORS, _HOW_MANY_COMMENTS)
# "the newest paper", "papers on adapters": papers that are described, not named.
_NO_NAME = pattern(
    rf"(?:the )?(?:(?:{COUNTED} )?(?:most|{NEWEST}|{OLDEST}|(?:first|last) {PAPER})\b|{PAPER}$|{PAPERS}\b|about )"
)
_BEFORE_OR_AFTER = pattern(
    rf"^(?:was|were|did) (?P<first>.+?) (?:first )?{PUBLISHED} (?:before or after|after or before|before|after|",
    r"earlier than|later than) (?P<second>.+?)(?: (?:was|did)\b.*)?$",
)
# But "is A applied earlier than B" is about a method.
_OLDER = pattern(
    r"^(?:is|was) (?P<first>.+?)(?<!ed) (?:earlier|later|older|newer)(?: or (?:earlier|later|older|newer))? than ",
    r"(?P<second>.+?)(?: (?:was|is)\b.*)?$",
)
_FIRST = r"(?:first|earlier|later|last|newer|older)"
_WHICH_FIRST = pattern(
    rf"^(?:which|what|who) (?:of .*?|{PAPER} )?(?:is|was|were|came|appeared|got) (?:{PUBLISHED} )?",
    rf"{_FIRST}\b[\s,:–-]*(?P<first>.+?),? or (?P<second>.+)$",
)
_WHICH_OF = pattern(
    r"^which (?:one )?of (?P<first>.+?) (?:and|or) (?P<second>.+?) (?:is|was|were|came|appeared) (?:the )?",
    rf"(?:{PUBLISHED} )?{_FIRST}(?: one)?(?: {PUBLISHED})?$",
)

_ASK = (
    r"(?:(?:please|can you|could you|show|give|find|get|list|recommend|suggest|me|i (?:want|need|would like)|are there|"
    r"is there|do we have|what are|which are|what|which|any|some|the|other|more|further|all|most|closely) )*"
)
_LIKE = r"(?:similar to|close to|closest to|near to|nearest to|resembling|akin to|comparable to|along the lines of)"
_SIMILAR = (
    pattern(rf"^{_ASK}(?P<limit>{COUNTED} )?(?:more )?(?:{PAPERS} )?(?:most )?(?P<like>like) (?P<subject>.+)$"),
    pattern(
        rf"^{_ASK}(?P<limit>{COUNTED} )?(?:(?:more|most|other|closely) )?(?:similar |related |nearest |closest )?",
        rf"{PAPER} (?:that )?(?:are |is |come |comes |look |looks )?(?:the )?(?:most |very |closely )?",
        rf"(?:{_LIKE}|like(?= )) (?P<subject>.+)$",
    ),
    pattern(rf"^{_ASK}(?P<limit>{COUNTED} )?(?:most )?(?:similar|nearest|closest) {PAPERS} (?:to|as) (?P<subject>.+)$"),
    pattern(rf"^{_ASK}(?:something|anything|what else|what|who) (?:is |comes )?(?:most )?{_LIKE} (?P<subject>.+)$"),
    pattern(rf"^{_ASK}(?:something|anything|what else is) like (?P<subject>.+)$"),
    pattern(rf"^{_ASK}(?:nearest )?neighbou?rs of (?P<subject>.+)$"),
    pattern(rf"^{_ASK}(?P<limit>{COUNTED} )?{PAPERS} related to (?P<subject>(?:the )?.+ paper|“.+”|\".+\")$"),
    pattern(
        r"^(?:if )?(?:i|we) (?:liked|enjoyed|have read|just read|read) (?P<subject>.+?)"
        r"(?:[,;:.]| and)? what (?:else |other papers )?(?:should|could|can|would) (?:i|we) read\b.*$"
    ),
    pattern(r"^what (?:else )?(?:should|could|can) (?:i|we) read (?:next )?(?:after|if i liked|like) (?P<subject>.+)$"),
)
_NO_SUBJECT = pattern(r"^(?:this|that|it|these|those|the above|me|i|we|you)\b$|^(?:to|if|when|how|in|a)\b")


class Similar(NamedTuple):
    """A wish for papers like a named one."""

    subject: str
    limit: int


def about_one(text: str) -> tuple[NamedOperation, str] | None:
    """What is asked of the one paper that a question names."""
    for form, operation in _OPERATIONS:
        match = form.match(text)
        if not match:
            continue
        subject = match["subject"] or match["other"]
        if _NO_NAME.match(subject) or (form in _MUST_LOOK_NAMED and not _LOOKS_NAMED.search(subject)):
            continue
        return operation, paper_name(subject)
    return None


def which_first(text: str) -> tuple[str, str] | None:
    """The two papers whose order in time is asked for."""
    for form in (_BEFORE_OR_AFTER, _OLDER, _WHICH_OF, _WHICH_FIRST):
        match = form.match(text)
        if match:
            return paper_name(match["first"]), paper_name(match["second"])
    return None


def similar_to(text: str) -> Similar | None:
    """The paper to which similar ones are wanted, and how many; 0 where no number is given."""
    for form in _SIMILAR:
        match = form.match(text)
        if not match:
            continue
        said = match.groupdict()
        # "papers like X" names a paper; "which methods like LoRA …" does not begin so, and neither does "which papers".
        if said.get("like") and (
            not re.search(rf"\b(?:more|{PAPERS}|anything|something)\b", text[: match.start("like")], re.IGNORECASE)
            or re.match(r"which|what", text, re.IGNORECASE)
        ):
            continue
        subject = paper_name(match["subject"])
        if subject and not _NO_SUBJECT.match(subject):
            return Similar(subject, number(said["limit"].strip()) if said.get("limit") else 0)
    return None


def number(word: str) -> int:
    """A number in digits or, up to ten, in words."""
    return int(word) if word.isdigit() else NUMBER_WORDS[word.lower()]


def paper_name(text: str) -> str:
    """The name of a paper without what is said around it: "the original RAG paper" is "RAG"."""
    text = text.strip(" \"'“”‘’,:")
    text = re.sub(r"^(?:the|a|an)\s+", "", text, flags=re.IGNORECASE)
    text = re.sub(rf"^(?:original|first|{PAPER})\s+(?:(?:about|on|called|titled)\s+)?", "", text, flags=re.IGNORECASE)
    text = re.sub(rf"\s+{PAPER}$", "", text, flags=re.IGNORECASE)
    return text.strip(" \"'“”‘’,")


_AND = r"(?:,? and |,? or |,? with |,? to |,? against |,? versus |,? vs\.? |, )"
_BETTER = r"(?:better|worse|less|more|fewer|[a-z]{3,}er)"
_WHICH_OF_TWO = pattern(
    r"^which (?:one |method |model |approach |of them )?(?:is|was|uses|needs|takes|has|works|performs|gives|trains|"
    r"runs)\b[^,:]{0,60}[,:] (?P<sides>[^,]+,? or .+)$",
)
_SIDES = (
    pattern(
        r"^(?:please |can you |could you )*(?:compare|contrast|(?:a |the )?comparison (?:of|between)) (?P<sides>.+)$"
    ),
    pattern(
        r"\b(?:difference|differences|comparison|trade-?offs?|distinction|contrast) between (?P<sides>.+?)$",
    ),
    pattern(
        r"^how (?:do|does|did) (?P<first>.+?) (?:compare|stack up|fare|differ)(?: \w+)?? (?:to|with|against|from) "
        r"(?P<second>.+)$"
    ),
    pattern(r"^how (?:do|does) (?P<sides>[^,]+ and .+?) (?:differ|compare)\b(?! (?:between|across))"),
    pattern(r"^how (?:is|are) (?P<first>.+?) different from (?P<second>.+)$"),
    pattern(r"^how are (?P<sides>.+ and .+) different$"),
    pattern(
        r"^(?:is|are|was|were) (?P<first>.+?) (?:\w+ )?(?:better|worse|more \w+|less \w+|[a-z]{3,}er) "
        r"(?:\w+ ){0,3}?than (?P<second>.+)$"
    ),
    pattern(
        r"^(?:do|does|did|can) (?P<first>.+?) (?:outperform|beat|surpass|exceed|improve (?:on|over)) (?P<second>.+)$"
    ),
    pattern(
        rf"^(?:do|does) (?P<first>[\w.+-]+(?: [\w.+-]*[A-Z\d][\w.+-]*){{0,2}}) (?:\w+ ){{1,4}}?{_BETTER} "
        r"(?:\w+ ){0,3}?than (?P<second>.+)$"
    ),
    pattern(
        r"^(?:what are )?(?:the )?(?:advantages|benefits|drawbacks|pros and cons) of (?P<first>.+?) "
        r"(?:over|versus|vs\.?|compared (?:to|with)) (?P<second>.+)$"
    ),
    _WHICH_OF_TWO,
    pattern(r"^(?P<first>[^:,?]+?) (?:versus|vs\.?|compared (?:with|to)) (?P<second>[^:?]+?)(?:[:,?] .*)?$"),
    pattern(r"^(?P<first>[^:,?]+?) or (?P<second>[^:,?]+?)[:,?] (?:which|what|is|does)\b.*$"),
    pattern(r"^(?P<sides>[^:?]{1,60}\band\b[^:?]{2,60}): "),
)
_ASPECT = pattern(
    r"\s*(?:[:?;].*|,? (?:in terms of|with respect to|with regard to|regarding|concerning|on|for|in|at|when|under|by|"
    r"as|if|while|during|using|which|what|how|whose|is|are|do|does|used|trained)\b.*|,? in\b.*)$"
)
_QUESTION = pattern(r"^(?:how|what|which|who|when|where|why|is|are|do|does|did|can|should)\b")
_GENERIC = pattern(
    r"^(?:the |all |any )?(?:others?|existing|previous|prior|earlier|current|standard|baselines?|all|any|each|its|"
    r"their|state[- ]of[- ]the[- ]art|sota|rest|conventional|traditional|them|these|those|it|each other|one another|"
    r"another|competing|alternatives?|similar|both|before|after|that|this|best|not|the)\b|"
    r"^(?:the )?\d[\d.,]*\s?(?:%|[a-z]{0,2})$"
)
_MOST_SIDES = 4


def asks_which(text: str) -> bool:
    """Whether it is asked which of two: "which needs less memory, LST or UniPT?"."""
    return bool(_WHICH_OF_TWO.match(text))


def compared(text: str) -> tuple[str, ...]:
    """The things that a question compares, as it calls them; of "LST and all the others" only the first."""
    for form in _SIDES:
        match = form.search(text)
        if not match:
            continue
        said = match.groupdict()
        if said.get("sides"):
            parts = re.split(_AND, _ASPECT.sub("", said["sides"]), flags=re.IGNORECASE)
        else:
            if _QUESTION.match(said["first"]):
                continue
            parts = [said["first"], _ASPECT.sub("", said["second"])]
        parts = [paper_name(part) for part in parts]
        if len(parts) < 2 or len(parts) > _MOST_SIDES or not all(0 < len(part.split()) <= 8 for part in parts):
            continue
        specific = tuple(part for part in parts if not _GENERIC.match(part))
        # "is the model larger than 7B": no thing that could be looked up.
        return specific if len(specific) > 1 or any(map(NAME_OR_NUMBER.search, specific)) else ()
    return ()
