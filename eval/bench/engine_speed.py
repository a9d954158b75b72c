"""Parts (a) and (b) of the engine's benchmark: tokens a second, and a batch of summaries.

(a) Our requests go through the whole engine, worker process included, as those of a digest; llama-batched-bench only
computes: it feeds random tokens and samples nothing. Both have the same file, threads, prompt and output lengths, and
attend in the same way; what it reaches by itself stands beside that. What is compared is its S_TG, tokens a second of
all sequences in steps that hold one token of each; how ours is cut to the same stretch is said at
`workload.batch_rate`. Prompts differ from each other, so that nothing is shared. Streams, which wake this process after
each step, are measured in part (d).

(b) The same conversations for all programs, new ones in each round, so that nobody finds them in a cache. The engine
does them eight at a time, as the others, and as many at a time as it chooses itself.
"""

import platform
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from eval.bench.anchors import Rates, allowed_ratio, anchors, batched_bench, check_length
from eval.bench.measure import Report, Row, Setup, alternate, ratios, spread
from eval.bench.shapes import HALF_BILLION, WRITER, Shape, model_file
from eval.bench.workload import Conversation, Texts, batch_rate, open_engine, write_batch, writer_spec
from service.llm.engine import LlamaEngine
from service.llm.worker.sizing import flash_attention
from service.ports import GenerationRequest

PARALLEL = (1, 2, 4, 8, 16)
MODELS: tuple[tuple[Shape, str], ...] = ((HALF_BILLION, "Q4_0"), (HALF_BILLION, "Q4_K_M"), (WRITER, "F16"))
_PROMPT = 128
_GENERATED = {HALF_BILLION.name: 64, WRITER.name: 192}
"""Tokens of each request: enough that all write together for a while."""
_LEAST_OF_BENCH = 0.95
OUR_ATTENTION = flash_attention(processor=platform.machine(), cache_type="f16", score_bytes=0, free_bytes=0)
"""Whether the engine uses flash attention here."""

INSTRUCTIONS, ABSTRACT, SUMMARY = 150, 300, 80
"""Tokens of the shared instructions, of each abstract, and of each summary."""
AT_A_TIME = 8
_TIMES_LOOP, _LEAST_OF_ALLOWED, _TIMES_SERVER = 3.0, 0.95, 1.1


class _Model(NamedTuple):
    """One model of part (a)."""

    name: str
    path: Path
    generated: int
    engine: LlamaEngine
    texts: Texts

    def our_rate(self, parallel: int, number: int) -> float:
        """Tokens a second of our engine, with prompts that no other round has."""
        seeds = range(1_000_000 * parallel + number * parallel, 1_000_000 * parallel + (number + 1) * parallel)
        prompts = [self.texts.conversation(_PROMPT, seed) for seed in seeds]
        written = write_batch(self.engine, [GenerationRequest(each, max_tokens=self.generated) for each in prompts])
        for each in written:
            check_length(each.tokens, self.generated, "the engine")
        return batch_rate(written)

    def bench_rate(self, setup: Setup, parallel: int, *, flash: bool | None) -> float:
        """Tokens a second of llama-batched-bench."""
        found = batched_bench(
            self.path, parallel, prompt=_PROMPT, generated=self.generated, threads=setup.threads, flash=flash
        )
        return found.decode


def tokens_per_second(setup: Setup, report: Report) -> None:
    """Part (a)."""
    for shape, kind in MODELS:
        path = model_file(shape, kind)
        texts = Texts(path)
        engine = open_engine(writer_spec(path, setup, parallel=max(PARALLEL), context=512))
        model = _Model(f"{shape.name} {kind}", path, _GENERATED[shape.name], engine, texts)
        try:
            for parallel in PARALLEL:
                report.add(_against_bench(setup, model, parallel))
        finally:
            engine.close()
            texts.close()


def _against_bench(setup: Setup, model: _Model, parallel: int) -> Row:
    pairs = alternate(
        setup.times(5),
        lambda number: model.our_rate(parallel, number),
        lambda _: model.bench_rate(setup, parallel, flash=OUR_ATTENTION),
    )
    default = model.bench_rate(setup, parallel, flash=None)
    found = ratios(pairs)
    ours, bench = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    return Row(
        "a",
        f"{model.name}, {parallel} parallel",
        f"{ours:.1f} tokens/s, batched-bench {bench:.1f} (by itself {default:.1f}), ratio {spread(found)}",
        f">= {_LEAST_OF_BENCH}",
        statistics.median(found) >= _LEAST_OF_BENCH,
        {"model": model.name, "parallel": parallel, "pairs": pairs, "default": default},
    )


def summaries(setup: Setup, report: Report) -> None:
    """Part (b)."""
    count = setup.count(64, 16)
    for shape, kind in MODELS[:2]:
        _summaries_of(setup, report, model_file(shape, kind), f"{shape.name} {kind}", count)


def _summaries_of(setup: Setup, report: Report, path: Path, name: str, count: int) -> None:
    texts = Texts(path)
    seconds: dict[str, list[float]] = {"engine": [], "chosen": [], "loop": [], "server": []}
    limits: list[_Limit] = []
    with (
        anchors(path, threads=setup.threads, parallel=AT_A_TIME) as (loop, server),
        closing(open_engine(writer_spec(path, setup, parallel=AT_A_TIME, context=1_024))) as engine,
        closing(open_engine(writer_spec(path, setup, parallel=None, context=1_024))) as chosen,
    ):
        try:
            for number in range(setup.times(2)):
                batch = abstracts(texts, count, number)
                limits.append(_limit(path, setup, texts.not_shared(batch[0], batch[1])))
                turns: list[tuple[str, Callable[[list[Conversation]], float]]] = [
                    ("engine", partial(summarize, engine)),
                    ("chosen", partial(summarize, chosen)),
                    ("loop", partial(loop.write, tokens=SUMMARY)),
                    ("server", partial(server.write, tokens=SUMMARY)),
                ]
                for who, work in turns if number % 2 == 0 else turns[::-1]:
                    seconds[who].append(work(batch))
        finally:
            texts.close()
    for row in _verdicts(name, count, seconds, limits):
        report.add(row)


def abstracts(texts: Texts, count: int, number: int) -> list[Conversation]:
    """The prompts of one round: the same instructions, other abstracts than in any other round."""
    return [texts.instructed(INSTRUCTIONS, ABSTRACT, 100_000 * (number + 1) + seed) for seed in range(count)]


def summarize(engine: LlamaEngine, batch: list[Conversation]) -> float:
    """Seconds until all are done."""
    start = time.perf_counter()
    futures = [engine.submit(GenerationRequest(each, max_tokens=SUMMARY, batch=True)) for each in batch]
    for future in futures:
        check_length(future.result().output_tokens, SUMMARY, "the engine")
    return time.perf_counter() - start


class _Limit(NamedTuple):
    """What batched-bench, with as many tokens in each sequence, says that a batch can gain over a loop."""

    by_itself: float
    as_ours: float
    """With the engine's attention; the loop has that too."""
    rates: tuple[Rates, ...]
    """By itself at one and eight sequences, then the others."""


def _limit(path: Path, setup: Setup, computed: int) -> _Limit:
    rates = [
        batched_bench(
            path, parallel, prompt=INSTRUCTIONS + ABSTRACT, generated=SUMMARY, threads=setup.threads, flash=flash
        )
        for flash in (None, OUR_ATTENTION)
        for parallel in (1, AT_A_TIME)
    ]
    by_itself, as_ours = (
        allowed_ratio(one, many, computed=computed, generated=SUMMARY) for one, many in (rates[:2], rates[2:])
    )
    return _Limit(by_itself, as_ours, tuple(rates))


def _verdicts(
    name: str, count: int, seconds: dict[str, list[float]], limits: list[_Limit]
) -> list[Row]:  # fmt: skip
    over_loop, over_server, chosen_over_server = (
        ratios(zip(seconds[other], seconds[ours], strict=True))
        for ours, other in (("engine", "loop"), ("engine", "server"), ("chosen", "server"))
    )
    limit = statistics.median(each.by_itself for each in limits)
    as_ours = statistics.median(each.as_ours for each in limits)
    demanded = min(_TIMES_LOOP, _LEAST_OF_ALLOWED * limit)
    hourly = 3_600 * count / statistics.median(seconds["engine"])
    values = {"model": name, "summaries": count, "seconds": seconds, "allowed": limits}
    against_server = f"over llama-server --parallel {AT_A_TIME} -cb"
    return [
        Row(
            "b",
            f"{name}, {count} summaries, over a loop of create_chat_completion",
            f"{spread(over_loop)} times; {hourly:,.0f} summaries/h, {spread(seconds['engine'], '.1f')} s",
            f">= {demanded:.2f} times (batched-bench allows {limit:.2f}, attending as the engine {as_ours:.2f})",
            statistics.median(over_loop) >= demanded,
            values,
        ),
        Row(
            "b",
            f"{name}, {count} summaries, {AT_A_TIME} at a time, {against_server}",
            f"{spread(over_server)} times",
            f">= {_TIMES_SERVER} times",
            statistics.median(over_server) >= _TIMES_SERVER,
            values,
        ),
        Row(
            "b",
            f"{name}, {count} summaries, as many at a time as the engine chooses, {against_server}",
            f"{spread(chosen_over_server)} times; {spread(seconds['chosen'], '.1f')} s",
            f">= {_TIMES_SERVER} times",
            statistics.median(chosen_over_server) >= _TIMES_SERVER,
            values,
        ),
    ]
