"""Model files: which are known, where they lie, whether they are what they should be."""

import hashlib
import json
import subprocess
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from service.child import run_module
from service.errors import ModelError
from service.text import one_line

_REGISTRY = Path(__file__).with_name("models.toml")
_PROBE_SECONDS = 300


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
                cache_file.write_text(json.dumps(remembered))
        return remembered[key]
    except OSError as error:
        raise ModelError(f"model file {path} cannot be read: {error.strerror or error}") from None


def make_sure_it_loads(path: Path, sha256: str, cache_file: Path) -> None:
    """Load an unknown file in a child process once: a hostile or damaged file may end the process that opens it.

    Raises:
        ModelError: the file does not load, or crashed the child.
    """
    if any(model.sha256 == sha256 for model in known_models()):
        return
    remembered = _read_cache(cache_file)
    if remembered.get(f"loads:{sha256}") == "yes":
        return
    try:
        done = run_module("service.llm.probe", str(path), timeout=_PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        raise ModelError(f"{path.name} did not load within {_PROBE_SECONDS} s") from None
    if done.returncode < 0:
        raise ModelError(f"{path.name} crashes llama.cpp (signal {-done.returncode}): do not use this file")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it gave no reason"]
        raise ModelError(lines[-1])
    cache_file.write_text(json.dumps(_read_cache(cache_file) | {f"loads:{sha256}": "yes"}))


def check(path: Path) -> CheckedModel:
    """Compare a file with the registry: present, of the right size, of the right hash."""
    known = known_model(path.name)
    name = known.name if known else path.stem
    if not path.is_file():
        return CheckedModel(path=path, name=name, sha256="", problem="missing")
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
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
