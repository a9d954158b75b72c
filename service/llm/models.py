"""Model files: which are known, where they lie, whether they are what they should be."""

import contextlib
import hashlib
import json
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from service.errors import ModelError
from service.llm.model_file import GGUF_MAGIC
from service.text import one_line

_REGISTRY = Path(__file__).with_name("models.toml")


class KnownModel(BaseModel):
    """One row of the registry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Literal["writer", "embedder"]
    file: str
    licence: str
    context: int
    """Tokens the model was made for."""
    size: int
    """Bytes of the file."""
    repository: str = ""
    """On the Hugging Face hub; empty for what ships with Paperboy."""
    sha256: str = ""
    """Of files that ship; for others the hub's own hash is checked after the download."""
    memory_gib: float = 0.0
    """Weights and a window of 4,096 tokens."""
    note: str = ""


class CheckedModel(BaseModel):
    """What a check of one file found."""

    model_config = ConfigDict(frozen=True)

    path: Path
    name: str
    sha256: str
    problem: str
    """Nothing where the file is sound."""


@cache
def known_models() -> tuple[KnownModel, ...]:
    """The registry."""
    rows = tomllib.loads(_REGISTRY.read_text(encoding="utf-8"))["model"]
    return tuple(KnownModel.model_validate(row) for row in rows)


def known_model(name: str) -> KnownModel | None:
    """The row with this name or file name."""
    return next((model for model in known_models() if name in (model.name, model.file)), None)


def resolve(name: str, folders: Sequence[Path]) -> Path:
    """The file that is meant: a path, or a file or known name in one of the folders.

    Raises:
        ModelError: there is no such file; with what to do.
    """
    try:
        path = Path(name).expanduser()
        if path.exists() or path.is_absolute() or len(path.parts) > 1:
            return path
    except (OSError, RuntimeError):
        # Too long for the file system, or below the home of a user who does not exist.
        raise ModelError(f"{one_line(name)} cannot be a model file: see `paperboy models list`") from None
    known = known_model(name)
    file = known.file if known else name
    for folder in folders:
        if (folder / file).exists():
            return folder / file
    if known and known.repository:
        raise ModelError(f"model {known.name} is not here yet: paperboy models pull {known.name}")
    raise ModelError(f"no model file {name}: give its path, or see `paperboy models list`")


def file_sha256(path: Path, cache_file: Path | None = None) -> str:
    """Hash of a file, remembered by path, size and time in `cache_file`: five gigabytes take seconds to hash.

    Raises:
        ModelError: the file cannot be read.
    """
    try:
        found = path.stat()
        key = f"{path.resolve()}:{found.st_size}:{found.st_mtime_ns}"
        remembered = _read_cache(cache_file)
        if key not in remembered:
            with path.open("rb") as file:
                remembered[key] = hashlib.file_digest(file, "sha256").hexdigest()
            if cache_file is not None:
                # Only a convenience: on a full disk the file is hashed again the next time.
                with contextlib.suppress(OSError):
                    cache_file.write_text(json.dumps(remembered))
        return remembered[key]
    except OSError as error:
        raise ModelError(f"model file {path} cannot be read: {error.strerror or error}") from None


def check(path: Path) -> CheckedModel:
    """Compare a file with the registry: present, of the right size, of the right hash."""
    known = known_model(path.name)
    name = known.name if known else path.stem
    if not path.is_file():
        return CheckedModel(path=path, name=name, sha256="", problem="missing")
    with path.open("rb") as file:
        if file.read(4) != GGUF_MAGIC:
            return CheckedModel(path=path, name=name, sha256="", problem="no GGUF file")
    sha256 = file_sha256(path)
    problem = ""
    if known and path.stat().st_size != known.size:
        problem = f"{path.stat().st_size:,} bytes instead of {known.size:,}: truncated or another file"
    elif known and known.sha256 and sha256 != known.sha256:
        problem = "its hash is not the one in the registry"
    return CheckedModel(path=path, name=name, sha256=sha256, problem=problem)


def _read_cache(cache_file: Path | None) -> dict[str, str]:
    try:
        found = json.loads(cache_file.read_text()) if cache_file else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
