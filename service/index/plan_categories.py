"""Categories of arXiv in questions: "in cs.CL", "cs.LG papers about pruning", "the computer vision category"."""

import re
from typing import NamedTuple

from service.index.plan_patterns import PAPER, pattern

_CODE = (
    r"(?:(?:cs|stat|eess|econ|math|q-bio|q-fin|astro-ph|nlin)\.[a-z]{2}|(?:physics|cond-mat)\.[a-z]{2,4}-[a-z]{1,4}|"
    r"(?:hep-(?:th|ph|ex|lat)|gr-qc|quant-ph|nucl-(?:th|ex)|math-ph))(?![\w-]|\.\w)"
)
_NAMES = {
    "artificial intelligence": "cs.AI",
    "computation and language": "cs.CL",
    "computational linguistics": "cs.CL",
    "natural language processing": "cs.CL",
    "nlp": "cs.CL",
    "computer vision": "cs.CV",
    "computer vision and pattern recognition": "cs.CV",
    "vision": "cs.CV",
    "cryptography and security": "cs.CR",
    "databases": "cs.DB",
    "distributed computing": "cs.DC",
    "human-computer interaction": "cs.HC",
    "information retrieval": "cs.IR",
    "machine learning": "cs.LG",
    "multiagent systems": "cs.MA",
    "neural and evolutionary computing": "cs.NE",
    "robotics": "cs.RO",
    "software engineering": "cs.SE",
    "sound": "cs.SD",
    "speech and audio processing": "eess.AS",
    "audio and speech processing": "eess.AS",
    "image and video processing": "eess.IV",
    "signal processing": "eess.SP",
    "statistical machine learning": "stat.ML",
}
_NAME = rf"(?:{'|'.join(sorted(_NAMES, key=len, reverse=True))})"
_AND = r"(?:,? (?:and|or) |, ?| ?/ ?)"
_CODES = rf"(?P<codes>(?<![\w.-]){_CODE}(?:{_AND}{_CODE})*)"
_CATEGORY = r"(?:arxiv )?(?:category|categories|section|archive|subject class|primary class)"
_FILED = r"(?:listed|filed|categori[sz]ed|classified|tagged|cross-listed) (?:in|under|as|with)"
_FORMS = (
    # A code is a restriction beside a preposition or before papers; in "what does cs.CL mean?" it is not.
    pattern(
        rf"\b(?:(?:that|which) (?:are|were) )?(?:{_FILED}|in|from|of|under|within|on|for)(?: the)?(?: {_CATEGORY})? ",
        rf"{_CODES}(?: {_CATEGORY})?",
    ),
    pattern(rf"(?:\bthe )?{_CODES}(?= (?:[\w-]+ ){{0,3}}?{PAPER}\b)"),
    pattern(rf"\b(?:{_CATEGORY}:?) {_CODES}"),
    pattern(rf"\b(?<=newest ){_CODES}|\b(?<=latest ){_CODES}|\b(?<=recent ){_CODES}".replace("?P<codes>", "")),
    pattern(rf"^{_CODES}(?=$|,? (?:since|this|last|from|in|today|yesterday|newest|latest)\b)"),
    # A spoken name is one only beside such a word: "papers in computer vision" are papers about it.
    pattern(
        rf"\b(?:(?:that|which) (?:are|were) )?(?:(?:{_FILED}|in|from|of|under|within)(?: the)? )?{_CATEGORY}:? ",
        rf"[\"“'‘]?(?P<names>{_NAME})\b[\"”'’]?",
    ),
    pattern(
        rf"\b(?:(?:{_FILED}|in|from|of|under|within)(?: the)? )?[\"“'‘]?(?P<names>{_NAME})[\"”'’]? {_CATEGORY}\b",
    ),
    pattern(rf"\b(?:(?:that|which) (?:are|were) )?{_FILED} [\"“'‘]?(?P<names>{_NAME})\b[\"”'’]?"),
)
_ONE_CODE = re.compile(_CODE, re.IGNORECASE)


class Found(NamedTuple):
    """The categories of a question as arXiv writes them, and the question without them."""

    categories: tuple[str, ...]
    rest: str


def take_categories(text: str) -> Found:
    """Take the categories to which a question restricts the papers out of it; of several, any will do."""
    for form in _FORMS:
        match = form.search(text)
        if not match:
            continue
        said = match.groupdict()
        categories: tuple[str, ...]
        if said.get("names"):
            categories = (_NAMES[said["names"].lower()],)
        else:
            categories = tuple(dict.fromkeys(canonical(code) for code in _ONE_CODE.findall(match.group())))
        rest = f"{text[: match.start()].rstrip()} {text[match.end() :].lstrip()}"
        return Found(categories, rest.strip(" ,"))
    return Found((), text)


def canonical(code: str) -> str:
    """A category as arXiv writes it: `cs.CL`, but `physics.comp-ph`."""
    group, dot, name = code.lower().partition(".")
    return f"{group}{dot}{name.upper() if len(name) == 2 else name}"


def mentioned(text: str) -> set[str]:
    """All categories that a text names, by code or by name, whatever is said of them."""
    codes = {canonical(code) for code in _ONE_CODE.findall(text)}
    return codes | {code for name, code in _NAMES.items() if re.search(rf"\b{name}\b", text, re.IGNORECASE)}
