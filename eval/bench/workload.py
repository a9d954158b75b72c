"""What the engine is given to do: prompts of an exact length, and the streams that come of them."""

import itertools
import random
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from eval.bench.measure import Setup
from eval.questions import SAMPLE_PAGES
from service.llm.engine import LlamaEngine
from service.llm.wire import WriterSpec
from service.llm.worker.chat import ChatTemplate
from service.llm.worker.native import NativeModel
from service.ports import Generation, GenerationRequest, Message

Conversation = tuple[Message, ...]
_WAIT_SECONDS = 1_200


_SAME_STEP_SECONDS = 0.002
"""First tokens that are no further apart came from one step: the next one reads a prompt, which takes longer."""


def writer_spec(
    path: Path, setup: Setup, *, parallel: int | None, context: int, lookup: bool = False, forced: bool = True
) -> WriterSpec:  # fmt: skip
    """A model as the benchmark loads it: on the processor, with fixed threads, and without guessing tokens.

    Texts are told after every step, so that tokens can be timed one by one; as shipped, they come in larger pieces.
    """
    return WriterSpec(
        str(path),
        0,
        context=context,
        threads=setup.threads,
        parallel=parallel,
        lookup=lookup,
        forced=forced,
        text_seconds=0.0,
    )


def open_engine(spec: WriterSpec) -> LlamaEngine:
    """The engine with its worker process, loaded and warmed up."""
    engine = LlamaEngine(spec, fingerprint="benchmark")
    engine.wait()
    engine.submit(GenerationRequest((Message("user", "warm up"),), max_tokens=8)).result(_WAIT_SECONDS)
    return engine


class Texts:
    """Conversations of exactly so many tokens for one model, of words out of the sample pages."""

    def __init__(self, path: Path) -> None:
        """Load the vocabulary."""
        self._model = NativeModel(path, vocab_only=True)
        self._template = ChatTemplate(self._model)

    def conversation(self, tokens: int, seed: int) -> Conversation:
        """One message of the user; with everything that the template adds, so many tokens."""
        added = len(self._template.tokens((Message("user", ""),)))
        return (Message("user", self.text(tokens - added, seed)),)

    def instructed(self, instructions: int, tokens: int, seed: int) -> Conversation:
        """Instructions that are always the same, and a text; the template's own tokens come on top."""
        return (Message("system", self.text(instructions, 0)), Message("user", self.text(tokens, seed)))

    def not_shared(self, first: Conversation, second: Conversation) -> int:
        """Tokens of the second prompt that come behind what it has in common with the first."""
        prompts = zip(self._template.tokens(first), second_tokens := self._template.tokens(second), strict=False)
        return len(second_tokens) - sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], prompts))

    def text(self, tokens: int, seed: int) -> str:
        """Words from a place that the seed chooses, so many tokens by themselves."""
        words = _words()
        begin = random.Random(seed).randrange(len(words) - tokens)  # noqa: S311 - no secret
        low, high = 0, tokens
        while low < high:
            middle = (low + high + 1) // 2
            if self._count(words[begin : begin + middle]) <= tokens:
                low = middle
            else:
                high = middle - 1
        chosen = words[begin : begin + low]
        while (missing := tokens - self._count(chosen)) > 0:
            # One token each, in every vocabulary that knows English.
            chosen = [*chosen, *["a"] * missing]
        return " ".join(chosen)

    def close(self) -> None:
        """Free the vocabulary."""
        self._model.close()

    def _count(self, words: Sequence[str]) -> int:
        return len(self._model.tokenize(" ".join(words)))


class Stream:
    """One request on its way; `times` is when each piece of its text came to this process."""

    def __init__(self, engine: LlamaEngine, request: GenerationRequest) -> None:
        """Submit."""
        self.times: list[float] = []
        self.begin = time.perf_counter()
        self._future: Future[Generation] = engine.submit(request, lambda _: self.times.append(time.perf_counter()))

    def wait(self) -> Generation:
        """What was written."""
        return self._future.result(_WAIT_SECONDS)

    def cancel(self) -> None:
        """Give it up."""
        self._future.cancel()

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._future.done()

    @property
    def first_token_seconds(self) -> float:
        """From the request to the first piece of text."""
        return self.times[0] - self.begin


def stream_all(engine: LlamaEngine, requests: Sequence[GenerationRequest]) -> list[Stream]:
    """Submit all at once and wait for all."""
    streams = [Stream(engine, request) for request in requests]
    for stream in streams:
        stream.wait()
    return streams


def joint_rate(times: Sequence[Sequence[float]]) -> float:
    """Tokens a second while all streams write: from the last first token to the first last one.

    This is what S_TG of llama-batched-bench is: in each step one token of every sequence, no prompt beside them. The
    requests that come first write some tokens while the prompts of the others are computed; these do not count.

    Args:
        times: for each stream, when its tokens came.

    Raises:
        SystemExit: the streams never wrote all at the same time.
    """
    begin, end = max(moments[0] for moments in times), min(moments[-1] for moments in times)
    count = sum(begin < moment <= end for moments in times for moment in moments)
    if end <= begin or not count:
        raise SystemExit(f"{len(times)} requests never wrote at the same time: their texts are too short")
    return count / (end - begin)


class Written(NamedTuple):
    """One request of a batch: seconds since its beginning to the first token and to the end, and its tokens."""

    first: float
    end: float
    tokens: int


def write_batch(
    engine: LlamaEngine, requests: Sequence[GenerationRequest], on_text: Callable[[str], None] | None = None
) -> list[Written]:  # fmt: skip
    """Write texts as a digest does; without `on_text` nobody reads them as they grow."""
    start = time.perf_counter()
    futures = [
        (time.perf_counter() - start, engine.submit(request._replace(batch=True), on_text)) for request in requests
    ]
    found = ((sent, future.result(_WAIT_SECONDS)) for sent, future in futures)
    return [Written(sent + made.first_token_seconds, sent + made.seconds, made.output_tokens) for sent, made in found]


def batch_rate(written: Sequence[Written]) -> float:
    """Tokens a second while all texts of one length are written, as `joint_rate`, from first tokens and ends alone.

    Prompts are read in a few steps, and each of these also gives a token to everyone who writes already: so who began
    first has as many tokens more as there are later beginnings. The stretch lasts until the first end.

    Raises:
        SystemExit: the texts were never written at the same time.
    """
    firsts = sorted(each.first for each in written)
    later = sum(after - before > _SAME_STEP_SECONDS for before, after in itertools.pairwise(firsts))
    begin, end = firsts[-1], min(each.end for each in written)
    steps = min(each.tokens for each in written) - 1 - later
    if steps < 1 or end <= begin:
        raise SystemExit(f"{len(written)} requests never wrote at the same time: their texts are too short")
    return len(written) * steps / (end - begin)


@cache
def _words() -> list[str]:
    text = "".join(page.read_text(encoding="utf-8") for page in sorted(SAMPLE_PAGES.iterdir()))
    return re.findall(r"[A-Za-z]{2,}", text)
