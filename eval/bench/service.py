"""`python -m eval.bench service`: the HTTP service under load, with the shipped models on the sample pages.

Service, clients and health check are processes of their own, over loopback. Searches at 1, 8 and 64 clients; 1,000
questions at once, while `/healthz` is asked every 20 ms on a new connection; and requests a second of
`/v1/chat/completions` against `python -m llama_cpp.server`, in turn. For that comparison each question goes to the
service, which looks for papers, writes and checks; and the prompt that it writes with goes to the other server, with as
many tokens to write as the service wrote. Both have the same model file and threads.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from eval.bench.http_load import Load, Outcome, percentiles, pulse, rate, run_load
from eval.bench.measure import Report, Row, Setup, alternate, machine, ratios, spread
from eval.bench.service_process import Served, llama_server, paperboy
from eval.data import ROOT
from eval.questions import SAMPLE_PAGES, own_lists, own_questions
from service.errors import PaperboyError
from service.library import Library
from service.llm.cores import free_cores
from service.settings import Settings

Body = dict[str, Any]
_CLIENTS = (1, 8, 64)
_WRITING_CLIENTS = (1, 8)
_SEARCHES = 400
_ASKS = 1_000
_CROWDS = 2
_WRITTEN = 32
"""Questions in one round of the comparison."""
_EVERY_SECONDS = 0.02
_HEALTH_BOUND = 100.0
_GROWTH_BOUND = 1.1
_FORMS = ("what does {} propose?", "which papers are like {}?", "how well does {} work?")


class Written(NamedTuple):
    """A question, and what a server that only writes is given for it."""

    question: str
    body: Body


def main(arguments: list[str]) -> int:
    """Measure; 1 where a bound is missed."""
    options = _options(arguments)
    setup = Setup(options.threads or free_cores(), options.rounds, options.quick)
    report, facts = Report(), {**machine(), "threads": setup.threads}
    sys.stdout.write(f"{json.dumps(facts)}\n")
    with _sample_home() as (home, questions):
        copy = shutil.copytree(home, home.with_name("copy"))
        with paperboy(home, setup.threads) as served:
            searches(served, setup, report)
            crowd(served, questions, setup, report)
            # Those that nobody has asked yet stand at the end.
            writing(served, copy, questions[::-1], setup, report)
    report.show(f"The service under load, {setup.threads} threads{', quick' if setup.quick else ''}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"machine": facts, "quick": setup.quick, "rows": report.records()}, indent=1))
    return int(any(row.ok is False for row in report.rows))


def searches(served: Served, setup: Setup, report: Report) -> None:
    """How long a search takes while so many clients search."""
    bodies = tuple({"query": question.text} for question in (*own_questions(), *own_lists()))
    for clients in _CLIENTS:
        load = Load(f"{served.url}/api/v1/search", bodies, clients, max(setup.count(_SEARCHES, 20), 2 * clients))
        outcomes = run_load(load)
        answered = [outcome for outcome in outcomes if outcome.answered]
        middle, late = percentiles([outcome.seconds for outcome in answered], 50, 95)
        report.add(
            Row(
                "search",
                f"{clients} clients, {len(outcomes)} searches",
                f"p50 {middle:.0f} ms, p95 {late:.0f} ms, {len(outcomes) - len(answered)} not answered",
                "all answered",
                len(answered) == len(outcomes),
                {"seconds": [outcome.seconds for outcome in outcomes]},
            )
        )


def crowd(served: Served, questions: Sequence[str], setup: Setup, report: Report) -> None:
    """Everybody asks at once: who was answered, who refused; and what the health check had to wait."""
    memory = []
    count = setup.count(_ASKS, 40)
    for number in range(setup.times(_CROWDS)):
        # A space more is another question to whatever remembers questions.
        bodies = tuple({"question": question + " " * number} for question in questions)
        with pulse(f"{served.url}/healthz", _EVERY_SECONDS) as beats:
            outcomes = run_load(Load(f"{served.url}/api/v1/ask", bodies, count, count))
        memory.append(served.memory())
        report.add(crowd_row(outcomes, memory[-1]))
        report.add(health_row(beats))
    growth = max(memory[-1][name] / memory[0][name] for name in memory[0] if memory[0][name])
    report.add(
        Row(
            "memory",
            "peak after the last crowd over peak after the first",
            f"{growth:.2f}",
            f"<= {_GROWTH_BOUND}",
            growth <= _GROWTH_BOUND,
            {"peaks": memory},
        )
    )


def crowd_row(outcomes: Sequence[Outcome], memory: dict[str, float]) -> Row:
    """What came of questions that were asked at once."""
    answered = sum(outcome.answered for outcome in outcomes)
    refused = sum(outcome.refused for outcome in outcomes)
    lost = len(outcomes) - answered - refused
    peaks = ", ".join(f"{name} {mib:.0f} MiB" for name, mib in memory.items())
    return Row(
        "crowd",
        f"{len(outcomes)} questions at once",
        f"{answered} answered, {refused} refused, {lost} lost; peak {peaks}",
        "none lost",
        lost == 0,
        {"statuses": [outcome.status for outcome in outcomes], "seconds": [outcome.seconds for outcome in outcomes]},
    )


def health_row(beats: Sequence[Outcome]) -> Row:
    """What the health check had to wait."""
    late, worst = percentiles([beat.seconds for beat in beats], 99, 100)
    lost = sum(not beat.answered for beat in beats)
    return Row(
        "health",
        f"/healthz meanwhile, {len(beats)} times",
        f"p99 {late:.0f} ms, worst {worst:.0f} ms, {lost} not answered",
        f"<= {_HEALTH_BOUND:.0f} ms",
        worst <= _HEALTH_BOUND and not lost,
        {"seconds": [beat.seconds for beat in beats]},
    )


def writing(served: Served, home: Path, questions: Sequence[str], setup: Setup, report: Report) -> None:
    """Requests a second against a server that writes only, in turn."""
    count, rounds = setup.count(_WRITTEN, 4), setup.times(3)
    with Library.open(Settings(home=home, threads=setup.threads)) as library:
        prompts = list(islice(written_prompts(library, questions), count * rounds * len(_WRITING_CLIENTS)))
    if len(prompts) < count * rounds * len(_WRITING_CLIENTS):
        raise SystemExit(f"only {len(prompts)} questions are written on: fewer --rounds")
    rest = iter(prompts)
    with llama_server(setup.threads) as other:
        for clients in _WRITING_CLIENTS:
            parts = [list(islice(rest, count)) for _ in range(rounds)]

            def measured(server: Served, bodies: list[Body], clients: int = clients) -> float:
                return rate(run_load(Load(f"{server.url}/v1/chat/completions", tuple(bodies), clients, len(bodies))))

            pairs = alternate(
                rounds,
                lambda number, parts=parts: measured(served, [_chat(item.question) for item in parts[number]]),  # type: ignore[misc]
                lambda number, parts=parts: measured(other, [item.body for item in parts[number]]),  # type: ignore[misc]
            )
            report.add(_writing_row(clients, count, pairs))


def written_prompts(library: Library, questions: Iterable[str]) -> Iterator[Written]:
    """The prompts that questions are answered with; those without one (dates, abstentions) are left out."""
    for question in questions:
        steps = library.asking(question)
        try:
            request = next(steps)
        except (StopIteration, PaperboyError):
            continue
        finally:
            steps.close()
        made = library.workbench().engine().submit(request).result()
        messages = [message._asdict() for message in request.messages]
        yield Written(question, {"messages": messages, "max_tokens": max(1, made.output_tokens), "temperature": 0.0})


def _chat(question: str) -> Body:
    return {"messages": [{"role": "user", "content": question}]}


def _writing_row(clients: int, count: int, pairs: list[tuple[float, float]]) -> Row:
    first, second = zip(*pairs, strict=True)
    return Row(
        "writing",
        f"{clients} clients, {count} questions, against llama_cpp.server with their prompts",
        f"{spread(first)} requests/s, {spread(second)} there; ratio {spread(ratios(pairs))}",
        values={"pairs": pairs},
    )


@contextmanager
def _sample_home() -> Iterator[tuple[Path, list[str]]]:
    """A home with the sample pages, and questions on its papers."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        with Library.open(Settings(home=home)) as library:
            library.ingest([SAMPLE_PAGES])
            titles = [title for _, title in library.stores.catalog.titles()]
        yield home, [form.format(title) for form in _FORMS for title in titles]


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m eval.bench service", description=__doc__)
    parser.add_argument("--rounds", type=int, help="crowds, and pairs of measurements; 2 and 3 without it")
    parser.add_argument("--threads", type=int, help="of the writer, for both servers; the free ones without it")
    parser.add_argument("--quick", action="store_true", help="little of everything: to see that it runs")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench" / "service.json")
    return parser.parse_args(arguments)
