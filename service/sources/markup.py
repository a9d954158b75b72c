"""LaTeX and HTML in titles and abstracts, decoded for reading and search.

Only what is LaTeX for certain is touched: in running text `%`, `$`, `~` and braces mostly stand for themselves ("98% of
$5", "~10%", "{-1, 0, 1}"). So macros, accents, formulas and quotation marks are looked for one by one, and each is
handed to pylatexenc; what it does not know stays as it is.
"""

from __future__ import annotations

import html
import logging
import re
import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pylatexenc.latex2text import LatexNodes2Text
    from pylatexenc.latexwalker import LatexNode

_GROUP = r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]{0,200}\}){0,200}\}){0,400}\}"
_ACCENTED = r"(?:\{\s*\\?[A-Za-z]\s*\}|\\[ij](?![A-Za-z])|[A-Za-z])"
_LATEX = re.compile(
    "|".join(
        (
            r"\\\((?:[^\n]{1,400}?)\\\)",
            r"(?<![\\$])\$\$?(?=\s{0,3}\\)(?:[^$\\]|\\.){1,400}?\$\$?",
            # Dollars as pandoc reads them (tex_math_dollars): none followed or preceded by white space on its inner
            # side, and no digit behind the closing one; so prices are no formulas.
            r"(?<![\\$])\$\$?(?![\s$])(?:[^$\\]|\\.){1,400}?(?<!\s)\$\$?(?![\d$])",
            # What has a macro inside is a formula whatever stands behind it: "$T\leq$500 K".
            r"(?<![\\$])\$[^$\\\s]{0,40}\\[A-Za-z]{2,}(?:[^$\\]|\\.){0,400}?(?<!\s)\$(?!\$)",
            rf"\{{\\(?:em|it|bf|sc|tt|sl|rm|sf|cal|itshape|bfseries)\b(?:[^{{}}]|{_GROUP}){{0,400}}\}}",
            rf"\{{\\(?:[`'^\"~=.]|[Hcuvdbkrt](?![A-Za-z])|[A-Za-z]{{1,2}})\s*{_ACCENTED}?\s*\}}",
            rf"\\[`'^\"~=.]\s?{_ACCENTED}",
            r"\\[Hcuvdbkrt]\s?\{\s*\\?[A-Za-z]\s*\}",
            rf"\\[A-Za-z]+\*?(?:(?:\[[^\[\]]{{0,100}}\])?{_GROUP}){{1,2}}",
            r"\\math[a-z]{2,4}\s?[A-Za-z](?![A-Za-z])",
            r"\\(?:[LlOo]|ae|AE|oe|OE|ss|aa|AA)(?![A-Za-z])\s?",
            r"\\[A-Za-z]+(?![A-Za-z])",
            r"\\[%$&#_{}]",
            r"\\[,;:! ](?=\S)",
            r"(?<=[^\s\\/:])~(?=[^\s/])",
        )
    )
)
_QUOTED = re.compile(r"``([^`]{1,300}?)''")
_LINK = re.compile(r"\\url\{([^{}]*)\}\Z|\\href\{([^{}]*)\}\{([^{}]*)\}\Z")
# Written for others that are known; sizes of brackets say nothing in a line of text.
_WRITTEN_FOR = {
    "tfrac": r"\frac", "dfrac": r"\frac", "cfrac": r"\frac", "boldsymbol": r"\mathbf", "bm": r"\mathbf",
    "textsubscript": r"\textrm", "textsuperscript": r"\textrm",
}  # fmt: skip
_WRITTEN = re.compile(rf"\\({'|'.join(_WRITTEN_FOR)})(?![A-Za-z])")
_BRACKET_SIZE = re.compile(r"\\(?:left|right|[bB]igg?[lrm]?)(?![A-Za-z])\.?")
_SIGNS = {"deg": "°", "degree": "°", "degC": "°C", "celsius": "°C", "hbar": "ħ"}
_OPERATORS = ("log", "ln", "min", "max", "exp", "arg", "lim", "sup", "inf", "det", "sin", "cos")
_SWITCHES = (
    "em",
    "it",
    "bf",
    "sc",
    "tt",
    "sl",
    "rm",
    "sf",
    "itshape",
    "bfseries",
    "displaystyle",
    "operatorname",
    "cal",
)
# Tags that publishers put into abstracts (JATS and HTML); others, as in "the <div> element" or "a <b> c", are text.
_TAG = re.compile(
    r"</?(?:jats:)?(?:p|i|b|u|em|strong|sub|sup|br|span|font|italic|bold|sc|sec|title|inline-formula|tex-math|"
    r"list|list-item|ul|ol|li|abstract|h[1-6]|a|img)(?:\s[^<>]{0,300})?/?>",
    re.IGNORECASE,
)
_NOT_TEXT = re.compile(
    r"<(script|style)\b[^<>]{0,300}>.{0,20000}?</\1\s*>|<!--.{0,20000}?-->", re.IGNORECASE | re.DOTALL
)
_BLOCKS = re.compile(r"</?(?:jats:)?(?:p|br|sec|title|list-item|li|h[1-6])\b", re.IGNORECASE)
# Letters of formulas in bold, script and so on are the letters themselves to who reads and searches.
_STYLED = re.compile("[\U0001d400-\U0001d7ff\u210a-\u210d\u2110\u2112\u211b\u212c\u212f-\u2131\u2133\u2134]+")
# It reports macros without their arguments as errors of its own configuration.
logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)


def without_html(text: str) -> str:
    """The text with entities decoded and the tags of publishers taken out."""
    if "&" in text:
        text = html.unescape(text)
    if "<" not in text:
        return text
    text = _NOT_TEXT.sub(" ", text)
    return _TAG.sub(lambda tag: " " if _BLOCKS.match(tag.group()) else "", text)


def without_latex(text: str) -> str:
    r"""The text with LaTeX decoded: `\%` is `%`, `$\beta$` is `β`, `{\"o}` is `ö`; formulas stay readable."""
    if "``" in text:
        text = _QUOTED.sub("“\\1”", text)
    if "\\" not in text and "$" not in text and "~" not in text:
        return text
    return _LATEX.sub(lambda match: _decoded(match.group()), text)


@lru_cache(maxsize=4096)
def _decoded(source: str) -> str:
    if source == "~":
        return " "
    if link := _LINK.match(source):
        address, target, label = link.groups()
        return address or (label if label in target else f"{label} ({target})")
    formula = source.startswith(("$", "\\("))
    if source.startswith("$") and not _is_formula(source.strip("$")):
        return source
    from pylatexenc.latexwalker import LatexWalkerError

    known = _BRACKET_SIZE.sub("", _WRITTEN.sub(lambda macro: _WRITTEN_FOR[macro[1]], source))
    try:
        decoded = str(_converter().latex_to_text(known, tolerant_parsing=True))
    except (LatexWalkerError, RecursionError, IndexError, ValueError, TypeError, AttributeError, KeyError):
        # Macros without their arguments; the library has no error of its own for all of them.
        return source
    decoded = _STYLED.sub(lambda letters: unicodedata.normalize("NFKC", letters.group()), decoded)
    if formula:
        decoded = " ".join(decoded.split()).replace("( ", "(")
    lost = not decoded.strip() and source.strip("\\,;:! {}$")
    return source if lost or "%s" in decoded else decoded


def _is_formula(inner: str) -> bool:
    """Whether what stands between dollars is mathematics rather than the text between two prices."""
    return bool(re.search(r"[\\^_={}<>+]", inner)) or not re.search(r"\w{2,}\s+\w{2,}", inner)


@cache
def _converter() -> LatexNodes2Text:
    from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec, get_default_latex_context_db

    context = get_default_latex_context_db()
    context.add_context_category(
        "paperboy",
        prepend=True,
        macros=[
            *(MacroTextSpec(name, f" {name} ") for name in _OPERATORS),
            *(MacroTextSpec(name, "") for name in _SWITCHES),
            *(MacroTextSpec(name, sign) for name, sign in _SIGNS.items()),
            MacroTextSpec("texttt", "%s"),
            MacroTextSpec("|", "‖"),
            # A key in the text is better than a hole in it.
            *(MacroTextSpec(name, _verbatim) for name in ("cite", "citep", "citet", "ref")),
        ],
    )
    context.set_unknown_macro_spec(MacroTextSpec("", simplify_repl=_verbatim))
    return LatexNodes2Text(latex_context=context, math_mode="text", strict_latex_spaces="macros")


def _verbatim(node: LatexNode) -> str:
    return str(node.latex_verbatim())
