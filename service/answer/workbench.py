"""What the use cases work with: stores, models, prompts. Built once by the library and passed down."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from service.answer.prompts import Prompt, load_prompt
from service.answer.titles import TitleVectors
from service.index.results import Generations
from service.index.stores import Stores
from service.ports import Embedder, Engine, Generation, Reranker
from service.settings import Mode
from service.text import content_hash
from service.types import Provenance

EXTRACTIVE = "extractive"


@dataclass(frozen=True)
class Workbench:
    """The parts that answering and summarizing need. `engine` loads the writer at first use."""

    stores: Stores
    embedder: Embedder
    engine: Callable[[], Engine]
    writer_fingerprint: Callable[[], str]
    """Hash of the writer's file; needs no loading."""
    prompts: Path
    seed: int
    generations: Generations | None = None
    """What the writer wrote before; without it everything is written anew."""
    reranker: Callable[[], Reranker | None] = lambda: None
    """Loads the reranker at first use; `None` where there is none."""

    @cached_property
    def titles(self) -> TitleVectors:
        """The vectors of titles."""
        return TitleVectors(self.embedder)

    def terms(self, text: str) -> list[str]:
        """Stemmed content words of a text."""
        return list(self.stores.lexical.analyzer.query_terms(text).elements())

    def prompt(self, task: str) -> Prompt:
        """The prompt of a task for the writer in use."""
        return load_prompt(self.prompts, self.engine().family, task)

    def prompts_fingerprint(self) -> str:
        """Hash of all prompt files."""
        return content_hash(*(path.read_text(encoding="utf-8") for path in sorted(self.prompts.glob("*/*.toml"))))

    def provenance(
        self, mode: Mode, start: float, prompt: Prompt | None = None, made: Generation | None = None
    ) -> Provenance:
        """What made a text; `start` is what `time.perf_counter` said at the beginning.

        A text that was kept took as long as when it was written.
        """
        writer = self.engine() if mode != EXTRACTIVE and made is not None else None
        return Provenance(
            engine=writer.name if writer else EXTRACTIVE,
            engine_fingerprint=writer.fingerprint if writer else "",
            prompt=f"{prompt.name}@{prompt.fingerprint}" if prompt and writer else "",
            mode=mode,
            seed=self.seed if writer else None,
            prompt_tokens=made.prompt_tokens if made else 0,
            output_tokens=made.output_tokens if made else 0,
            seconds=round(max(time.perf_counter() - start, made.seconds if made else 0.0), 3),
            index_fingerprint=self.stores.fingerprint,
        )
