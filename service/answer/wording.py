"""Sentences as they read away from their abstract: without a beginning that only leads over from the one before."""

import re

_THIS = r"(?:this|that|these|those|such|the (?:above|aforementioned))"
_WHAT = r"(?:[ ][a-z-]+){0,3}"
_LEADS_OVER = re.compile(
    rf"""(?:(?:
        (?:to|towards?|for|with)[ ]{_THIS}[ ](?:end|aim|purpose|reason|goal|in[ ]mind)
        |to[ ](?:address|tackle|overcome|bridge|fill|close|solve|mitigate|resolve|alleviate|remedy|handle|meet|achieve
            |combat|counter|avoid|fix|remove|explore|investigate|study|answer|do)[ ](?:{_THIS}{_WHAT}|it|so|them)
        |(?:based|building|relying)[ ](?:up)?on[ ]{_THIS}{_WHAT}
        |(?:motivated|inspired|driven|guided|informed)[ ]by[ ]{_THIS}{_WHAT}
        |in[ ](?:response|addition|particular|this[ ](?:paper|work|article|study|letter|report|regard|direction))
        |here(?:in)?|therefore|thus|hence|accordingly|consequently|specifically|concretely|moreover|furthermore
        |additionally|finally|importantly|notably
    ),[ ]+|in[ ]this[ ](?:paper|work|article|study|letter|report)[ ](?=we\b))+(?=\S)""",
    re.IGNORECASE | re.VERBOSE,
)
_FEWEST_LEFT = 20
"""Characters that make a sentence of their own."""


def lead_over(sentence: str) -> int:
    """How many characters at its beginning lead over from the sentence before and say nothing by themselves.

    "To bridge this gap, we propose …" has 20; what says something ("To save memory, we …") has none.
    """
    found = _LEADS_OVER.match(sentence)
    return found.end() if found and len(sentence) - found.end() >= _FEWEST_LEFT else 0


def by_itself(text: str) -> str:
    """Sentences without what leads over to the first, which begins with a capital letter."""
    left = lead_over(text)
    if not left:
        return text
    return capitalized(text[left:])


def capitalized(text: str) -> str:
    """A text that begins with a capital letter where it begins with a plain word: "iGPT" and "k-means" stay."""
    return text[0].upper() + text[1:] if re.match(r"[a-z]+[ ,]", text) else text
