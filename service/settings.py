"""All settings, typed and frozen: defaults < `settings.toml` in the home directory < `PAPERBOY_*` < flags.

Settings build nothing; `Library.open` does.
"""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from service.errors import SettingsError

Mode = Literal["quotes", "free", "extractive"]
Planner = Literal["rules", "writer"]
ENVIRONMENT_PREFIX = "PAPERBOY_"
SECRETS = ("smtp_password", "webhook_url")
"""Variables that are no settings: they are read where they are used, and stand in no file and in no log."""


def _parted(value: object) -> object:
    """Several values of a variable, with semicolons between."""
    return tuple(part.strip() for part in value.split(";") if part.strip()) if isinstance(value, str) else value


Several = Annotated[tuple[str, ...], BeforeValidator(_parted)]


class Settings(BaseModel):
    """What a run depends on. Every field can be set by `PAPERBOY_<FIELD>` or in `settings.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(description="directory of the catalog and the indexes")
    writer: str = Field(
        default="paperboy-writer-trial-f16.gguf", description="chat model: a GGUF file or the name of one"
    )
    endpoint: str = Field(
        default="",
        description="addresses of OpenAI-compatible servers of one model, with commas, which write instead of `writer`",
    )
    endpoint_model: str = Field(default="", description="name of the model there; empty: the only one they list")
    endpoint_key: str = Field(default="", repr=False, description="sent to these addresses as a bearer token")
    embedder: str = Field(default="all-MiniLM-L6-v2-Q8_0.gguf", description="embedding model, likewise")
    reranker: str = Field(
        default="", description="cross-encoder that orders the first 50 papers anew, likewise; empty: none"
    )
    fetch_mirrors: str = Field(
        default="",
        description="HOST=URL with commas: addresses of one's own that `paperboy fetch` asks instead of a service's",
    )
    semantic_scholar_key: str = Field(default="", repr=False, description="sent to Semantic Scholar; empty: none")
    mode: Mode = Field(default="quotes", description="how answers and summaries are written")
    planner: Planner = Field(
        default="rules",
        description="what plans questions; writer: a capable chat model first, rules where it gives no sound plan",
    )
    gpu_layers: Annotated[int, Field(ge=0)] | Literal["auto"] = Field(
        default="auto", description="layers of writer and reranker to offload; auto: all where the build can"
    )
    threads: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default="auto", description="processor threads; auto: the cores that are free at start"
    )
    context: Annotated[int, Field(ge=512)] | Literal["auto"] = Field(
        default="auto", description="context window in tokens; auto: the model's own, 8,192 at most"
    )
    parallel: Annotated[int, Field(ge=1, le=200)] | Literal["auto"] = Field(
        default="auto", description="requests of a batch at a time; auto: by the model, the memory and the workload"
    )
    deterministic: bool = Field(
        default=False, description="one request at a time, and the same request always gives the same text"
    )
    lookup: bool = Field(default=True, description="draft tokens by copying from the prompt where it pays")
    cache_type: Literal["f16", "q8_0", "q4_0"] = Field(
        default="f16", description="precision of the writer's keys and values"
    )
    flash_attention: bool | Literal["auto"] = Field(
        default="auto", description="llama.cpp's flash attention; auto: where it writes faster, not on x86 processors"
    )
    max_papers: int = Field(default=20, ge=1, le=100, description="papers that a list answer may have")
    chroma_cold_limit: int = Field(
        default=20_000,
        ge=0,
        description="chunks up to which the second search of a process opens Chroma, which then builds its graph "
        "anew; before and above, the vectors of the catalog are scanned",
    )
    seed: int = Field(default=0, ge=0, description="seed of the writer's sampling")
    interests: Several = Field(default=(), description="topics, as phrases, whose papers come first in a digest")
    sources: Several = Field(default=(), description="files and folders that `paperboy run` takes in")
    fetch: Several = Field(default=(), description="what `paperboy run` fetches, such as `arxiv --category cs.CL`")
    smtp_host: str = Field(default="", description="mail server that `paperboy send` hands its messages to")
    smtp_port: int = Field(default=587, ge=1, le=65_535, description="its port")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="how the connection is encrypted; none: only to this machine"
    )
    smtp_user: str = Field(default="", description="name to log in with; empty: no login")
    mail_from: str = Field(default="", description="sender of the digests, such as `Paperboy <me@example.org>`")
    mail_to: Several = Field(default=(), description="who gets the digests")
    unsubscribe: str = Field(
        default="", description="https: or mailto: address to unsubscribe at; empty: a mail to the sender"
    )


def load_settings(flags: dict[str, Any] | None = None, environment: dict[str, str] | None = None) -> Settings:
    """Settings from all sources; `flags` that are `None` were not given.

    Raises:
        SettingsError: an unknown name or an unusable value, with where it came from.
    """
    environment = dict(os.environ) if environment is None else environment
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    variables = _from_environment(environment)
    home = Path(given.get("home") or variables.get("home") or default_home(environment)).expanduser()
    merged = {**_from_file(home / "settings.toml"), **variables, **given, "home": home}
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][:1])
        raise SettingsError(f"setting {name}: {first['msg'].lower()} (given: {first['input']!r})") from None


def default_home(environment: dict[str, str]) -> Path:
    """The user's data directory: `$XDG_DATA_HOME/paperboy` or `~/.local/share/paperboy`."""
    base = environment.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "paperboy"


def _from_environment(environment: dict[str, str]) -> dict[str, str]:
    found = {}
    for variable, value in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if name in SECRETS:
            continue
        if name not in Settings.model_fields:
            known = ", ".join(ENVIRONMENT_PREFIX + field.upper() for field in Settings.model_fields)
            raise SettingsError(f"environment variable {variable} is not a setting; known are {known}")
        if value:
            found[name] = value
    return found


def _from_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    for secret in SECRETS:
        if secret in values:
            raise SettingsError(
                f"{path}: {secret} must not stand there: set {ENVIRONMENT_PREFIX}{secret.upper()} "
                "or keep it in the keyring"
            )
    unknown = sorted(set(values) - set(Settings.model_fields) | ({"home"} & set(values)))
    if unknown:
        raise SettingsError(f"{path}: {unknown[0]} is not a setting that can stand there")
    return values
