"""Part (f) of the engine's benchmark: resident memory of both processes over 10,000 requests of all kinds.

Taken from /proc after every 50 requests, when none is being worked on. Compared are the medians of the first and of the
last tenth of the samples, the warm-up left out; medians, because the garbage collector makes single samples jump.
"""

import random
import statistics
from concurrent.futures import CancelledError, Future
from pathlib import Path

from eval.bench.measure import Report, Row, Setup
from eval.bench.papers import SHIPPED, copying_requests, quoting_requests
from eval.bench.processes import resident_bytes
from eval.bench.workload import open_engine, writer_spec
from service.llm.engine import LlamaEngine
from service.ports import Generation, GenerationRequest, Message

_REQUESTS, _WARM_UP = 10_000, 2_000
"""The longest prompts of the first requests touch the last pages of the buffers, which are reserved from the start."""
_TOGETHER = 50
_PARALLEL = 8
_TOKENS = 12
_GROWTH = 0.01
_GRAMMAR = 'root ::= ("yes" | "no" | "perhaps") [ a-z]*'
_KINDS = ("greedy", "temperature", "grammar", "choices", "cancelled", "streamed", "logprobs")


def memory(setup: Setup, report: Report) -> None:
    """Part (f)."""
    if not Path("/proc/self/statm").exists():
        report.add(Row("f", "resident memory", "not measured: this system has no /proc"))
        return
    count = setup.count(_REQUESTS, 1_500)
    engine = open_engine(writer_spec(SHIPPED, setup, parallel=_PARALLEL, context=2_048, lookup=True))
    pid = engine.pid
    samples: dict[str, list[int]] = {"parent": [], "worker": []}
    try:
        for first in range(0, _WARM_UP + count, _TOGETHER):
            _work(engine, first)
            if first >= _WARM_UP:
                samples["parent"].append(resident_bytes("self"))
                samples["worker"].append(resident_bytes(pid))
        if engine.pid != pid:
            raise SystemExit("the worker was replaced during the run: its memory cannot be compared")
    finally:
        engine.close()
    for who, values in samples.items():
        report.add(_row(who, count, values))


def _row(who: str, count: int, values: list[int]) -> Row:
    tenth = max(1, len(values) // 10)
    before, after = statistics.median(values[:tenth]), statistics.median(values[-tenth:])
    growth = after / before - 1
    return Row(
        "f",
        f"resident memory of the {who} over {count:,} requests",
        f"{growth:+.2%}: from {before / 2**20:.1f} to {after / 2**20:.1f} MiB, at most {max(values) / 2**20:.1f}",
        f"< {_GROWTH:.0%}",
        growth < _GROWTH,
        {"bytes": values},
    )


def _work(engine: LlamaEngine, first: int) -> None:
    """Fifty requests of all kinds at the same time."""
    futures: list[Future[Generation]] = []
    for number in range(first, first + _TOGETHER):
        kind = _KINDS[number % len(_KINDS)]
        pieces: list[str] = []
        future = engine.submit(_request(kind, number), pieces.append if kind == "streamed" else None)
        if kind == "cancelled":
            future.cancel()
        futures.append(future)
    for future in futures:
        try:
            future.result()
        except CancelledError:
            continue


def _request(kind: str, number: int) -> GenerationRequest:
    """A short request; its words depend on its number, so that no prompt comes twice."""
    if kind == "choices":
        return quoting_requests(number, 1)[0]
    if kind == "streamed":
        return copying_requests(number, 1)[0]._replace(max_tokens=_TOKENS)
    words = random.Random(number).choices(("memory", "model", "layer", "token", "which", "paper"), k=20)  # noqa: S311
    request = GenerationRequest((Message("user", " ".join([*words, str(number)])),), max_tokens=_TOKENS, seed=number)
    if kind == "temperature":
        return request._replace(temperature=0.8)
    if kind == "grammar":
        return request._replace(grammar=_GRAMMAR)
    return request._replace(logprobs=kind == "logprobs")
