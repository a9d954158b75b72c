"""A model file as a file: whether it is one, and whether it is still the same."""

from collections.abc import Callable
from pathlib import Path

from service.errors import ModelError

GGUF_MAGIC = b"GGUF"


def check_model_file(path: Path) -> None:
    """Refuse early what is no model file.

    Raises:
        ModelError: missing, unreadable, or no GGUF file; with what to do.
    """
    if not path.exists():
        raise ModelError(f"model file {path} does not exist: see `paperboy models list`")
    if not path.is_file():
        raise ModelError(f"{path} is not a model file but a folder or device")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(f"model file {path} cannot be read: {error.strerror}") from None
    if magic != GGUF_MAGIC:
        raise ModelError(f"{path} is not a GGUF file (it begins with {magic!r}); Paperboy loads GGUF models only")


def unchanged(path: Path) -> Callable[[], None]:
    """A check, for later, that a file is still the one that it is now.

    Returns:
        raises `ModelError` where it is not: texts would be put down to a model that did not write them.
    """
    known = _state(path)

    def check() -> None:
        check_model_file(path)
        if _state(path) != known:
            raise ModelError(f"model file {path} was replaced while it was in use: start again to use the new one")

    return check


def _state(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_ino, found.st_size, found.st_mtime_ns
