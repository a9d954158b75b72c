"""From papers to answers at several sizes: `python -m eval.bench ingest [--sizes 1000,10000,91451]`.

The abstracts of arXiv go into one home, to each size in turn, and at each size questions are asked. What counts is how
near the ingest comes to the embedder by itself, which is measured on some of the same batches in turn; how memory and
disk grow; and how long a search takes. A run that was stopped goes on: delete the work folder to begin anew.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from eval.bench.ingest_report import Size, written
from eval.bench.ingest_step import END, Line, read_journal
from eval.bench.lexical import ABSTRACTS
from eval.bench.measure import machine
from eval.bench.processes import bytes_on_disk
from eval.data import ROOT, data_folder, read_lines
from service.child import module_command, module_environment
from service.index.home import Home

SIZES = (1_000, 10_000, 91_451)


def main(arguments: Sequence[str]) -> int:
    """Measure the sizes asked for, those that are done already left out; 1 where a bound is missed."""
    options = _options(arguments)
    if data_folder() is None:
        sys.stderr.write("no abstracts: set PAPERS_DATA, see training/README.md; skipped\n")
        return 0
    work: Path = options.work
    work.mkdir(parents=True, exist_ok=True)
    results = work / "results.json"
    done = _read(results)
    facts = machine()
    for size in sorted(options.sizes):
        if all(known.papers != size for known in done):
            done.append(_measure(work, size, done))
            rows = [asdict(known) for known in done]
            results.write_text(json.dumps({"machine": facts, "sizes": rows}, indent=1), encoding="utf-8")
    return written(work, done, facts)


def _read(results: Path) -> list[Size]:
    if not results.exists():
        return []
    sys.stderr.write(f"what {results} has is not measured again; delete {results.parent} to begin anew\n")
    return [Size(**row) for row in json.loads(results.read_text(encoding="utf-8"))["sizes"]]


def _measure(work: Path, size: int, done: Sequence[Size]) -> Size:
    if done and size < done[-1].papers:
        raise SystemExit(f"the home in {work} has {done[-1].papers} papers already: delete it to measure {size}")
    sys.stderr.write(f"{size:,} papers\n")
    home, papers, journal = work / "home", work / f"papers-{size}.jsonl", work / f"journal-{size}.jsonl"
    with papers.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(record)}\n" for record in islice(read_lines(*ABSTRACTS), size))
    lines = read_journal(journal)
    if not lines or lines[-1].stage != END:
        _step("ingest", home, papers, journal)
        lines = read_journal(journal)
    searched = json.loads(_step("search", home))
    return sized(size, home, lines, searched["milliseconds"], searched["peak"])


def _step(name: str, *paths: Path) -> str:
    """A step in a process of its own, so that the memory of one size is not that of another."""
    command = module_command("eval.bench.ingest_step", name, *map(str, paths))
    return subprocess.run(  # noqa: S603 - our own interpreter and module
        command, stdout=subprocess.PIPE, text=True, check=True, env=module_environment()
    ).stdout


def sized(papers: int, home: Path, lines: Sequence[Line], times: Sequence[float], searching_peak: int) -> Size:
    """What the journal of an ingest, the home that it filled and the times of searches say of a size."""
    total, stages = Line(), dict[str, float]()
    for line in lines:
        total.add(line)
        stages[line.stage] = stages.get(line.stage, 0.0) + line.seconds
    # What stands behind the last stage that tells of itself.
    stages["near-duplicates"] = stages.pop(END, 0.0)
    tokens_per_second = total.passages * total.tried_tokens / total.tried_passages / total.seconds
    # Of each pair of measurements, seconds apart: the machine may be faster or slower for minutes.
    slower = statistics.median(line.tried / line.alone for line in lines if line.alone)
    embedding = total.inside / total.seconds
    parts = Home(home)
    return Size(
        papers=papers,
        added=total.papers,
        seconds=total.seconds,
        stages=stages,
        embedding=embedding,
        tokens_per_second=tokens_per_second,
        alone_tokens_per_second=tokens_per_second * slower / embedding,
        service_peak=total.service_peak,
        worker_peak=total.worker_peak,
        searching_peak=searching_peak,
        disk={
            "catalog": bytes_on_disk(*parts.path.glob("catalog.sqlite3*")),
            "Chroma": bytes_on_disk(parts.chroma),
            "BM25": bytes_on_disk(parts.lexical),
        },
        search_p50=statistics.median(times),
        search_p95=statistics.quantiles(times, n=20)[-1],
        search_worst=max(times),
    )


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m eval.bench ingest", description=__doc__)
    parser.add_argument("--sizes", type=_sizes, default=SIZES, help="papers, ascending; 1000,10000,91451 without it")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench" / "ingest", help="where all of it lies")
    return parser.parse_args(arguments)


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        sizes = (0,)
    if min(sizes) < 1:
        raise argparse.ArgumentTypeError(f"{text}: numbers of papers are expected, such as 1000,10000")
    return sizes
