"""Parts (d) and (g) of the engine's benchmark: what the worker process, grammars and prompt lookup cost or save.

(d) For the boundary, the same requests go through the worker, their texts told as they grow, and through the same
scheduler in this process, with the smallest model at hand, where a few microseconds show. The worker has huge pages; so
that this process has them too, set GLIBC_TUNABLES as `service/llm/child.py` does. The time of a token is one over
`workload.batch_rate`, with a grammar over `workload.joint_rate`. The grammar is the worst case for a check of the
chosen token: random weights choose a forbidden one at nearly every step, so that each has to be replaced by the best of
the allowed ones.

(g) Tokens a second of eight requests together, prompts included, with prompt lookup over without. Random weights copy
nothing, so there the figure is what lookup costs where it cannot help.
"""

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from eval.bench.measure import Report, Row, Setup, alternate, ratios, spread
from eval.bench.papers import SHIPPED, copying_requests
from eval.bench.shapes import HALF_BILLION, WRITER, model_file
from eval.bench.workload import (
    Texts,
    Written,
    batch_rate,
    joint_rate,
    open_engine,
    stream_all,
    write_batch,
    writer_spec,
)
from service.llm.engine import LlamaEngine
from service.llm.wire import TEXT_SECONDS, WriterSpec
from service.llm.worker.runtime import Runtime
from service.llm.worker.scheduler import Event
from service.ports import Generation, GenerationRequest

_PROMPT = 64
_TOKENS = 256
_BOUNDARY_MICROSECONDS = 50.0
_SENTENCES, _CHARACTERS = 60, 200
_GRAMMAR_TOKENS = 60
_GRAMMAR_SHARE = 0.10
_TOGETHER = (1, 8)
_LOOKUP_PARALLEL = (1, 2, 4, 8)
_LOOKUP_REQUESTS = 8
_LOOKUP_PROMPT, _LOOKUP_TOKENS = 128, 64
_LEAST_WITH_LOOKUP = 0.97
"""It is to be off where it loses; as close as this are two measurements of the same thing."""


def boundary(setup: Setup, report: Report) -> None:
    """Part (d), the worker process: texts told as in use, and after every step."""
    path = model_file(WRITER, "F16")
    texts = Texts(path)
    spec = writer_spec(path, setup, parallel=max(_TOGETHER), context=512)
    try:
        for seconds, told in ((TEXT_SECONDS, f"told every {TEXT_SECONDS:g} s"), (0.0, "told after every step")):
            for row in _boundary_rows(setup, texts, spec._replace(text_seconds=seconds), told):
                report.add(row)
    finally:
        texts.close()


def _boundary_rows(setup: Setup, texts: Texts, spec: WriterSpec, told: str) -> Iterator[Row]:
    with closing(open_engine(spec)) as engine, closing(_InProcess(spec)) as runtime:
        for parallel in _TOGETHER:
            requests = _requests(texts, parallel, _TOKENS)

            def ours(_: int, requests: list[GenerationRequest] = requests) -> float:
                return 1e6 / batch_rate(write_batch(engine, requests, on_text=lambda _: None))

            def inside(_: int, requests: list[GenerationRequest] = requests) -> float:
                return 1e6 / batch_rate(runtime.write(requests))

            pairs = alternate(setup.times(15), ours, inside)
            found = [through - within for through, within in pairs]
            yield Row(
                "d",
                f"worker boundary, {WRITER.name}, {parallel} streaming, {told}",
                f"{spread(found, '.1f')} µs a token of {statistics.median(inside for _, inside in pairs):.0f}",
                f"< {_BOUNDARY_MICROSECONDS:.0f} µs",
                statistics.median(found) < _BOUNDARY_MICROSECONDS,
                {"pairs_microseconds": pairs},
            )


class _InProcess:
    """The scheduler without a process of its own."""

    def __init__(self, spec: WriterSpec) -> None:
        self._made: list[Generation] = []
        self._runtime = Runtime(spec, self._report)

    def write(self, requests: Sequence[GenerationRequest]) -> list[Written]:
        """Write all."""
        self._made.clear()
        for number, request in enumerate(requests):
            self._runtime.add(number, request._replace(batch=True))
        while not self._runtime.scheduler.idle:
            self._runtime.scheduler.step()
        return [Written(made.first_token_seconds, made.seconds, made.output_tokens) for made in self._made]

    def close(self) -> None:
        """Free the model."""
        self._runtime.close()

    def _report(self, _number: int, event: Event) -> None:
        if isinstance(event, Generation):
            self._made.append(event)


def grammar(setup: Setup, report: Report) -> None:
    """Part (d), a grammar of 60 sentences."""
    path = model_file(HALF_BILLION, "Q4_0")
    texts = Texts(path)
    rules = sentences_grammar(texts)
    engine = open_engine(writer_spec(path, setup, parallel=max(_TOGETHER), context=512))
    try:
        for parallel in _TOGETHER:
            plain = _requests(texts, parallel, _GRAMMAR_TOKENS)
            bound = [request._replace(grammar=rules) for request in plain]

            def seconds(requests: list[GenerationRequest]) -> float:
                return 1 / joint_rate([stream.times for stream in stream_all(engine, requests)])

            # The first grammar makes the engine sort its vocabulary.
            stream_all(engine, bound[:1])
            pairs = alternate(
                setup.times(7),
                lambda _, requests=bound: seconds(requests),  # type: ignore[misc]
                lambda _, requests=plain: seconds(requests),  # type: ignore[misc]
            )
            found = [ratio - 1 for ratio in ratios(pairs)]
            report.add(
                Row(
                    "d",
                    f"grammar of {_SENTENCES} sentences, {HALF_BILLION.name} Q4_0, {parallel} parallel",
                    f"{spread(found, '+.1%')} of {1e3 * statistics.median(p for _, p in pairs):.1f} ms a token",
                    f"< {_GRAMMAR_SHARE:.0%}",
                    statistics.median(found) < _GRAMMAR_SHARE,
                    {"pairs_seconds": pairs},
                )
            )
    finally:
        engine.close()
        texts.close()


def sentences_grammar(texts: Texts) -> str:
    """GBNF of 60 alternatives of 200 characters each."""
    chosen = [texts.text(_CHARACTERS, 70_000 + number)[: _CHARACTERS - 1] + "." for number in range(_SENTENCES)]
    return "root ::= " + " | ".join(f'"{sentence}"' for sentence in chosen)


def _requests(texts: Texts, count: int, tokens: int) -> list[GenerationRequest]:
    return [
        GenerationRequest(texts.conversation(_PROMPT, 80_000 + number), max_tokens=tokens) for number in range(count)
    ]


def lookup(setup: Setup, report: Report) -> None:
    """Part (g)."""
    writer_model = model_file(HALF_BILLION, "Q4_0")
    texts = Texts(writer_model)

    def random_text(number: int) -> list[GenerationRequest]:
        seeds = random.Random(number).sample(range(1_000_000), _LOOKUP_REQUESTS)  # noqa: S311 - no secret
        return [GenerationRequest(texts.conversation(_LOOKUP_PROMPT, s), max_tokens=_LOOKUP_TOKENS) for s in seeds]

    def copies(number: int) -> list[GenerationRequest]:
        return copying_requests(number * _LOOKUP_REQUESTS, _LOOKUP_REQUESTS)

    cases = [
        (SHIPPED, "shipped writer, free summaries", copies),
        (writer_model, "0.5B-like Q4_0, random text", random_text),
    ]
    try:
        for path, name, requests in cases:
            for parallel in _LOOKUP_PARALLEL:
                specs = [
                    writer_spec(path, setup, parallel=parallel, context=2_048, lookup=wanted)
                    for wanted in (True, False)
                ]
                engines = [open_engine(spec) for spec in specs]
                try:
                    report.add(_lookup_row(setup, engines, f"{name}, {parallel} parallel", requests))
                finally:
                    for engine in engines:
                        engine.close()
    finally:
        texts.close()


def _lookup_row(
    setup: Setup, engines: list[LlamaEngine], name: str, requests: Callable[[int], list[GenerationRequest]]
) -> Row:
    steps = [0, 0]

    def rate(side: int, number: int) -> float:
        start = time.perf_counter()
        made = [future.result() for future in [engines[side].submit(request) for request in requests(number)]]
        steps[side] += sum(each.steps for each in made)
        return sum(each.output_tokens for each in made) / (time.perf_counter() - start)

    # The first requests teach the engine what a step costs.
    for side in (0, 1):
        rate(side, setup.times(5))
    steps[:] = 0, 0
    pairs = alternate(setup.times(5), lambda number: rate(0, number), lambda number: rate(1, number))
    found = ratios(pairs)
    return Row(
        "g",
        f"prompt lookup, {name}",
        f"{statistics.median(first for first, _ in pairs):.0f} tokens/s, {spread(found)} times without; "
        f"{steps[0]:,} steps instead of {steps[1]:,}",
        f">= {_LEAST_WITH_LOOKUP} times without",
        statistics.median(found) >= _LEAST_WITH_LOOKUP,
        {"pairs": pairs, "steps": steps},
    )
