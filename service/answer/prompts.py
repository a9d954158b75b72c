"""Prompt files: versioned, hashed, filled in without looking at what is filled in.

`string.Template` and a single pass: braces, percent signs and dollars of an abstract stay what they are.
"""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from service.errors import SettingsError
from service.ports import Message
from service.text import content_hash

_GENERAL = "chat"


class Prompt(BaseModel):
    """One prompt file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    fingerprint: str
    system: str = ""
    user: str = Field(min_length=1)
    passage: str = ""
    sentence: str = Field(min_length=1)
    lead: str = ""
    candidates: int = Field(ge=0)
    margin: float = Field(ge=0)
    max_tokens: int = Field(ge=1)

    def messages(self, **values: str) -> tuple[Message, ...]:
        """The messages with `$name`s filled in.

        Raises:
            SettingsError: the file names a value that is not given.
        """
        user = Message("user", self._fill(self.user, values))
        return (Message("system", self.system.strip()), user) if self.system else (user,)

    def passages(self, passages: Sequence["PromptPassage"]) -> str:
        """The block of numbered passages."""
        return "\n".join(
            self._fill(
                self.passage,
                {
                    "marker": str(passage.marker),
                    "title": passage.title,
                    "sentences": self.sentences(passage.sentences, passage.marker),
                },
            )
            for passage in passages
        )

    def sentences(self, sentences: Sequence[str], marker: int = 0) -> str:
        """Sentences as this prompt has them, one space between them."""
        return " ".join(self._fill(self.sentence, {"text": text, "marker": str(marker)}) for text in sentences)

    def _fill(self, template: str, values: dict[str, str]) -> str:
        try:
            return Template(template).substitute(values)
        except (KeyError, ValueError) as error:
            raise SettingsError(f"prompt {self.name}: {error} is not a value that is given to it") from None


class PromptPassage(NamedTuple):
    """One passage for a prompt."""

    marker: int
    title: str
    sentences: tuple[str, ...]


def load_prompt(root: Path, family: str, task: str) -> Prompt:
    """The newest version of the prompt for a task, for this family of writers or for all.

    Raises:
        SettingsError: there is none, or the file is faulty.
    """
    folder = root / family if re.fullmatch(r"[\w-][\w.-]*", family) else root / _GENERAL
    for place in (folder, root / _GENERAL):
        versions = {
            int(match.group(1)): path
            for path in place.glob(f"{task}-*.toml")
            if (match := re.fullmatch(rf"{re.escape(task)}-(\d+)", path.stem))
        }
        if versions:
            path = versions[max(versions)]
            try:
                text = path.read_text(encoding="utf-8")
                return Prompt(name=f"{place.name}/{path.stem}", fingerprint=content_hash(text), **tomllib.loads(text))
            except (OSError, ValueError, TypeError) as error:
                raise SettingsError(f"prompt file {path} is faulty: {error}") from None
    raise SettingsError(f"no prompt for {task} under {root}")
