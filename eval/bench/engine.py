"""`python -m eval.bench engine`: the engine against llama.cpp's own tools, in one run, two sides always in turn.

Models have random weights in real shapes (`shapes.py`), tools are built once from llama-cpp-python's source
(`tools.py`). Each part prints a table of figure, bound and verdict; all numbers go to a JSON file. Every comparison is
measured as A B, B A, …; the figure is the median of the ratios of the pairs, with the least and the greatest.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import llama_cpp

from eval.bench import engine_costs, engine_latency, engine_memory, engine_plot, engine_quotes, engine_speed
from eval.bench.measure import Report, Setup, machine
from eval.data import ROOT
from service.llm.cores import free_cores
from service.llm.worker.native import system_info


class _Part(NamedTuple):
    title: str
    measure: Callable[[Setup, Report], None]


_PARTS = {
    "a": _Part("(a) tokens a second against llama-batched-bench", engine_speed.tokens_per_second),
    "b": _Part("(b) 64 summaries against a loop and llama-server", engine_speed.summaries),
    "c": _Part("(c) first token while eight others write", engine_latency.first_token_among_writers),
    "c2": _Part("(c2) questions during a batch", engine_latency.questions_during_a_batch),
    "d": _Part("(d) overhead of the worker process", engine_costs.boundary),
    "d2": _Part("(d) overhead of a grammar", engine_costs.grammar),
    "e": _Part("(e) decode steps in quotes mode", engine_quotes.quotes),
    "f": _Part("(f) memory over many requests", engine_memory.memory),
    "g": _Part("(g) prompt lookup", engine_costs.lookup),
}


def main(arguments: list[str]) -> int:
    """Measure the parts asked for; 1 where a bound is missed."""
    options = _options(arguments)
    setup = Setup(options.threads or free_cores(), options.rounds, options.quick)
    report, start = Report(), time.perf_counter()
    facts = {**machine(), "threads": setup.threads, "llama_cpp": llama_cpp.__version__, "system": system_info()}
    sys.stdout.write(f"{json.dumps(facts)}\n")
    for name in options.part:
        sys.stderr.write(f"{_PARTS[name].title}\n")
        _PARTS[name].measure(setup, report)
        report.show(f"{_PARTS[name].title}, {setup.threads} threads{', quick' if setup.quick else ''}")
        # After every part: what is measured is not lost with a later one.
        facts["minutes"] = round((time.perf_counter() - start) / 60, 1)
        _write(options.json, json.dumps({"machine": facts, "quick": setup.quick, "rows": report.records()}, indent=1))
    drawn = engine_plot.picture(report.rows)
    if options.plot and drawn:
        _write(options.plot, drawn)
    sys.stdout.write(f"all numbers: {options.json}\n")
    return int(any(row.ok is False for row in report.rows))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m eval.bench engine", description=__doc__)
    parser.add_argument("--part", type=_names, default=list(_PARTS), help=f"of {','.join(_PARTS)}; all without it")
    parser.add_argument("--rounds", type=int, help="pairs of measurements; each part has its own number without it")
    parser.add_argument("--threads", type=int, help="of the processor, for all sides; the free ones without it")
    parser.add_argument("--quick", action="store_true", help="little of everything: to see that it runs")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench" / "engine.json")
    parser.add_argument("--plot", type=Path, default=ROOT / "build" / "bench" / "engine.svg")
    return parser.parse_args(arguments)


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in _PARTS]:
        raise argparse.ArgumentTypeError(f"no part {', '.join(unknown)}: {', '.join(_PARTS)}")
    return names
