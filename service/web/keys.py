"""Bearer keys: made here, shown once, stored as hashes, compared in constant time."""

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from service.errors import InputError, SettingsError

_PREFIX = "paperboy-"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LINE = re.compile(rf"({_NAME.pattern}) ([0-9a-f]{{64}})")


class Keys:
    """Names of key holders by the hashes of their keys.

    A key has 256 random bits, so one round of SHA-256 is as good as a slow hash: there is nothing to guess.
    """

    def __init__(self, hashes: Mapping[str, str] | None = None) -> None:
        self._hashes = dict(hashes or {})

    def __bool__(self) -> bool:
        """Whether a key is needed at all."""
        return bool(self._hashes)

    def name_of(self, key: str) -> str | None:
        """Who has this key; it takes the same time whether and where it is found."""
        given, found = _hash(key), None
        for name, known in self._hashes.items():
            if hmac.compare_digest(known, given):
                found = name
        return found


def read_keys(path: Path) -> Keys:
    """The keys of a file: a name and a hash a line.

    Raises:
        SettingsError: it cannot be read, has no key, or others can read it.
    """
    try:
        text = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"keys {path} cannot be read ({error}): make one with `paperboy key NAME --keys {path}`"
        ) from None
    if mode & 0o077:
        raise SettingsError(f"keys {path} can be read by others: chmod 600 {path}")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    matches = [_LINE.fullmatch(line) for line in lines]
    if not lines or not all(matches):
        raise SettingsError(
            f"keys {path}: a name and a hash a line are expected; `paperboy key NAME --keys {path}` writes one"
        )
    return Keys({match.group(1): match.group(2) for match in matches if match})


def add_key(path: Path, name: str) -> str:
    """Make a key and keep its hash; the key itself is nowhere but in what is returned.

    Raises:
        InputError: the name cannot be used, has a key already, or the file cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise InputError("a name of letters, digits, dots, hyphens and underlines is expected, 64 at most")
    key = _PREFIX + secrets.token_urlsafe(32)
    try:
        if path.exists() and re.search(rf"(?m)^{re.escape(name)} ", path.read_text(encoding="utf-8")):
            raise InputError(f"{name} has a key already: remove its line from {path} first")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as file:
            file.write(f"{name} {_hash(key)}\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"keys {path} cannot be written: {error}") from None
    return key


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
