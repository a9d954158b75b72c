"""What the tests of the writer share: requests, a process to write with, and waiting for what has to happen."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from service.llm.engine import LlamaEngine
from service.llm.wire import WriterSpec
from service.ports import Choice, Choices, Generation, GenerationRequest, Message
from tests.conftest import TRIAL_WRITER

CONTEXT = 512
ABSTRACT = "We study language models. We propose Quick, a method that reduces memory by 84%. It is fast and simple."
OTHER = "Graphs are large. This paper presents GraphMix, which samples nodes at random. It needs no labels."
SENTENCES = ("We study language models.", "We propose Quick, a method that reduces memory by 84%.", "It is fast.")
GENEROUS_SECONDS = 60.0
"""No test waits so long unless something is broken."""


def asking(
    content: str = ABSTRACT, *, max_tokens: int = 24, choices: Choices | None = None, **values: Any
) -> GenerationRequest:
    """A request with one message."""
    lead = " " if choices else ""
    values = {"lead": lead, "max_tokens": max_tokens, "choices": choices, **values}
    return GenerationRequest((Message("user", content),), **values)


def options(*parts: str, group: int | None = None) -> tuple[Choice, ...]:
    """Options, each of a group of its own unless one is given."""
    return tuple(Choice(text, index if group is None else group) for index, text in enumerate(parts))


@contextmanager
def writer(path: Path = TRIAL_WRITER, *, queue: int = 256, **values: Any) -> Iterator[LlamaEngine]:
    """An engine on one thread with a small context, unless other values are given."""
    spec = WriterSpec(str(path), **{"context": CONTEXT, "threads": 1, **values})
    made = LlamaEngine(spec, fingerprint="trial", queue=queue)
    try:
        yield made
    finally:
        made.close()


def write(engine: LlamaEngine, wanted: GenerationRequest) -> Generation:
    """Generate; fails unless what was shown on the way is what came out."""
    shown: list[str] = []
    made = engine.submit(wanted, shown.append).result(GENEROUS_SECONDS)
    assert "".join(shown) == made.text
    return made


def wait_until(condition: Callable[[], bool], what: str, seconds: float = GENEROUS_SECONDS) -> float:
    """Wait for something to become true; the seconds that it took."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.005)
    return time.monotonic() - start


def is_alive(pid: int) -> bool:
    """Whether a process is there; one that has ended and was not waited for is not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def memory_of(pid: int | None = None) -> int:
    """Bytes of main memory that a process uses."""
    pages = int(Path(f"/proc/{pid or os.getpid()}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
