"""Parts (c) and (c2) of the engine's benchmark: how long a person waits for the first word while others write.

All times are taken in the calling process, from `submit` to the first piece of text, so the way to the worker and back
is in them. A decode step is the median time between two pieces of a stream while eight streams write and nothing else
happens. What a request may take is its time on the idle engine, in the same round, and two such steps.
"""

import itertools
import statistics
import threading
import time
from typing import NamedTuple

from eval.bench.engine_speed import AT_A_TIME, SUMMARY, abstracts, summarize
from eval.bench.measure import Report, Row, Setup, alternate, ratios, spread
from eval.bench.shapes import HALF_BILLION, model_file
from eval.bench.workload import Stream, Texts, open_engine, writer_spec
from service.ports import GenerationRequest

_CONTEXT = 1_024
_PROMPTS = (128, 512)
"""Tokens of the new request: a short question, and one with passages."""
_WRITERS_PROMPT, _WRITERS_TOKENS = 32, 900
_STEPS_SEEN = 8
"""Pieces that each stream shows before its steps are taken as steady."""
_STEPS_ALLOWED = 2
_PER_ROUND = 3

_PAPERS = 100
_QUESTION, _ANSWER = 256, 32
"""Tokens of a question with its passages, and of the answer."""
_EVERY_SECONDS = 10.0
_LEAST_OF_RATE = 0.7


class _Trial(NamedTuple):
    """Seconds: to the first word among eight writing streams, of one of their steps, and to the first word alone."""

    busy: float
    step: float
    idle: float

    @property
    def bound(self) -> float:
        return self.idle + _STEPS_ALLOWED * self.step


class _Bench:
    """The engine with its texts; each question is a new one."""

    def __init__(self, setup: Setup) -> None:
        path = model_file(HALF_BILLION, "Q4_0")
        self.texts = Texts(path)
        self.engine = open_engine(writer_spec(path, setup, parallel=AT_A_TIME, context=_CONTEXT))
        self._seeds = itertools.count(5_000_000)

    def first_token(self, tokens: int, answer: int = 2) -> float:
        """Ask something new; seconds to the first word."""
        request = GenerationRequest(self.texts.conversation(tokens, next(self._seeds)), max_tokens=answer)
        stream = Stream(self.engine, request)
        stream.wait()
        return stream.first_token_seconds

    def writers(self) -> list[Stream]:
        """Eight streams of batch work that all write."""
        prompts = [self.texts.conversation(_WRITERS_PROMPT, next(self._seeds)) for _ in range(AT_A_TIME)]
        requests = [GenerationRequest(prompt, max_tokens=_WRITERS_TOKENS, batch=True) for prompt in prompts]
        streams = [Stream(self.engine, request) for request in requests]
        while any(len(stream.times) < _STEPS_SEEN for stream in streams):
            time.sleep(0.005)
        return streams

    def stop(self, streams: list[Stream]) -> None:
        """Cancel streams and wait until the engine has nothing to do."""
        for stream in streams:
            stream.cancel()
        self.first_token(_WRITERS_PROMPT)

    def close(self) -> None:
        self.engine.close()
        self.texts.close()


def first_token_among_writers(setup: Setup, report: Report) -> None:
    """Part (c)."""
    bench = _Bench(setup)
    try:
        for tokens in _PROMPTS:
            trials = [trial for _ in range(setup.times(4)) for trial in _round(bench, tokens)]
            report.add(_row("c", f"prompt of {tokens} tokens while {AT_A_TIME} write", trials))
    finally:
        bench.close()


def _round(bench: _Bench, tokens: int) -> list[_Trial]:
    """Some requests among eight writing streams, then as many alone."""
    streams = bench.writers()
    seen = []
    for _ in range(_PER_ROUND):
        time.sleep(_STEPS_SEEN * _step(streams))
        step = _step(streams)
        seen.append((bench.first_token(tokens), step))
    if any(stream.done for stream in streams):
        raise SystemExit("the streams ended before the measurement did")
    bench.stop(streams)
    return [_Trial(busy, step, bench.first_token(tokens)) for busy, step in seen]


def _step(streams: list[Stream]) -> float:
    """Median time between the last pieces of all streams."""
    gaps = [
        after - before for stream in streams for before, after in itertools.pairwise(stream.times[-_STEPS_SEEN:])
    ]  # fmt: skip
    return statistics.median(gaps)


def _row(part: str, what: str, trials: list[_Trial]) -> Row:
    busy, step, idle, bound = (
        1_000 * statistics.median(values)
        for values in (
            [trial.busy for trial in trials],
            [trial.step for trial in trials],
            [trial.idle for trial in trials],
            [trial.bound for trial in trials],
        )
    )
    shares = [trial.busy / trial.bound for trial in trials]
    return Row(
        part,
        what,
        f"first token {busy:.0f} ms; of the bound {spread(shares)}",
        f"<= {bound:.0f} ms: {idle:.0f} alone and {_STEPS_ALLOWED} steps of {step:.0f}",
        statistics.median(shares) <= 1,
        {"trials": [trial._asdict() for trial in trials]},
    )


def questions_during_a_batch(setup: Setup, report: Report) -> None:
    """Part (c2): a batch of papers with a question every ten seconds against the same batch alone."""
    papers = setup.count(_PAPERS, 24)
    bench = _Bench(setup)
    try:
        streams = bench.writers()
        step = _step(streams)
        bench.stop(streams)
        idle = statistics.median(bench.first_token(_QUESTION) for _ in range(_PER_ROUND))
        waits: list[float] = []
        numbers = itertools.count()

        def batch(asked: list[float] | None) -> float:
            work = abstracts(bench.texts, papers, 50 + next(numbers))
            if asked is None:
                return papers / summarize(bench.engine, work)
            with _Questions(bench, asked):
                return papers / summarize(bench.engine, work)

        pairs = alternate(setup.times(2), lambda _: batch(waits), lambda _: batch(None))
    finally:
        bench.close()
    rates = ratios(pairs)
    report.add(_row("c2", f"questions during a batch of {papers} papers", [_Trial(wait, step, idle) for wait in waits]))
    report.add(
        Row(
            "c2",
            f"the batch with a question every {_EVERY_SECONDS:.0f} s ({papers} papers, {SUMMARY} tokens each)",
            f"{spread([3_600 * with_them for with_them, _ in pairs], '.0f')} papers/h, {spread(rates)} of it alone",
            f">= {_LEAST_OF_RATE} of its rate alone",
            statistics.median(rates) >= _LEAST_OF_RATE,
            {"pairs": pairs},
        )
    )


class _Questions:
    """Somebody who asks now and then, until left."""

    def __init__(self, bench: _Bench, waits: list[float]) -> None:
        self._bench, self._waits = bench, waits
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _ask(self) -> None:
        # The first one comes when the batch is under way.
        while not self._end.wait(_EVERY_SECONDS):
            self._waits.append(self._bench.first_token(_QUESTION, _ANSWER))
