"""Small pure functions on text: cleaning of untrusted input, identity of titles, numbers."""

import hashlib
import re
import unicodedata

_WHITE_SPACE = re.compile(r"\s+")
_NOT_WORD = re.compile(r"[\W_]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_PRIVATE_OR_HIDDEN = {"Cc", "Cf", "Co", "Cs", "Cn"}


def clean_text(text: str) -> str:
    """One line of visible text: hidden characters removed, white space folded to single spaces.

    Control, format (zero-width, bidirectional, tag) and private-use characters can carry instructions that a
    reader does not see, and no abstract needs them. Everything visible stays as it is, so that quotes are verbatim.
    """
    text = _WHITE_SPACE.sub(" ", text)
    if not text.isprintable():
        text = "".join(character for character in text if unicodedata.category(character) not in _PRIVATE_OR_HIDDEN)
        text = _WHITE_SPACE.sub(" ", text)
    return text.strip()


def title_key(title: str) -> str:
    """The whole title without case, punctuation and accents: two titles with one key are the same title.

    Never a prefix or an acronym: there are two papers called EMMA, and MMRL and MMRL++ are different ones. So a
    plus sign counts.
    """
    if title.isascii():
        folded = title.lower()
    else:
        # Decomposed before and after: some letters have lower case only once they are plain, as bold ones.
        plain = unicodedata.normalize("NFKD", title).casefold()
        folded = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    return _NOT_WORD.sub(" ", folded.replace("+", " plus ")).strip() or title


def derived_paper_id(title: str, salt: str = "") -> str:
    """An id for a paper whose source gives none: the same for every copy of the title.

    `salt` tells apart different papers of one title.
    """
    digest = hashlib.sha256(f"{title_key(title)}\n{salt}".rstrip("\n").encode()).hexdigest()
    return f"t{digest[:11]}"


def numbers(text: str) -> list[str]:
    """The numbers of a text as written, without thousands separators: `9,120` is `9120`, `84%` is `84`."""
    return [_plain_number(match.group()) for match in _NUMBER.finditer(text)]


def _plain_number(number: str) -> str:
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", number):
        return number.replace(",", "")
    return number


def one_line(text: str, limit: int = 80) -> str:
    """A text fit for a message: one line, visible characters, at most `limit` of them."""
    line = clean_text(text)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def counted(count: int, noun: str) -> str:
    """A number of things: "1 author", "2 authors"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def content_hash(*parts: str) -> str:
    """A short stable hash of texts."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
