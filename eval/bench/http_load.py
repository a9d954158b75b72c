"""Clients that load a service, in a process of their own: the service never waits for its measurement.

`python -m eval.bench.http_load` reads one `Load` as JSON on stdin and prints its outcomes. Every client has a
connection of its own and sends its next request when the last one was answered; a pulse sends at fixed moments, whether
answered or not, each on a new connection, as a supervisor's health check does.
"""

import asyncio
import gc
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import aiohttp

_COMMAND = [sys.executable, "-m", "eval.bench.http_load"]
_OK, _UNAVAILABLE, _TOO_MANY = 200, 503, 429


class Load(NamedTuple):
    """What is sent."""

    url: str
    bodies: tuple[Mapping[str, Any], ...] = ()
    """JSON documents, sent in turn; without any, GET is sent."""
    clients: int = 1
    requests: int = 1
    """In all."""
    every: float = 0.0
    """Seconds between two requests of a pulse, which goes on until stdin is closed; 0: no pulse."""
    timeout: float = 300.0
    """Seconds after which a request counts as lost."""


class Outcome(NamedTuple):
    """What came of a request."""

    status: int
    """0: nothing came back."""
    seconds: float
    """Until the last byte."""
    begun: float
    """When it was sent, on a clock of the machine."""
    retry_after: str = ""
    document: Any = None
    """The JSON of an answer."""

    @property
    def answered(self) -> bool:
        """Served."""
        return self.status == _OK

    @property
    def refused(self) -> bool:
        """Told to come back, and when."""
        return self.status in (_UNAVAILABLE, _TOO_MANY) and self.retry_after.isdigit()


def rate(outcomes: Sequence[Outcome]) -> float:
    """Requests a second, from the first that was sent to the last that was answered.

    Raises:
        SystemExit: one was not answered, so there is nothing to compare.
    """
    if failed := [outcome.status for outcome in outcomes if not outcome.answered]:
        raise SystemExit(f"{len(failed)} of {len(outcomes)} requests were not answered (status {failed[0]})")
    ends = [outcome.begun + outcome.seconds for outcome in outcomes]
    return len(outcomes) / (max(ends) - min(outcome.begun for outcome in outcomes))


def percentiles(values: Sequence[float], *wanted: float) -> list[float]:
    """So many of a hundred values are no greater (nearest rank), in milliseconds."""
    ordered = sorted(values)
    return [1_000 * ordered[max(0, math.ceil(share / 100 * len(ordered)) - 1)] for share in wanted]


def run_load(load: Load) -> list[Outcome]:
    """The outcomes of a load, client by client.

    Raises:
        subprocess.CalledProcessError: its process failed.
    """
    given = json.dumps(load._asdict())
    done = subprocess.run(_COMMAND, input=given, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return _read(done.stdout)


@contextmanager
def pulse(url: str, every: float) -> Iterator[list[Outcome]]:
    """Ask for something all the while; the outcomes are in the list after the block."""
    outcomes: list[Outcome] = []
    with subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(json.dumps(Load(url, every=every)._asdict()) + "\n")
        process.stdin.flush()
        # It says when it has begun.
        process.stdout.readline()
        try:
            yield outcomes
        finally:
            process.stdin.close()
            outcomes.extend(_read(process.stdout.read()))


def _read(text: str) -> list[Outcome]:
    return [Outcome(*row) for row in json.loads(text)]


async def _send(session: aiohttp.ClientSession, load: Load, number: int) -> Outcome:
    begun = time.perf_counter()
    body = load.bodies[number % len(load.bodies)] if load.bodies else None
    try:
        async with session.request("GET" if body is None else "POST", load.url, json=body) as response:
            content = await response.read()
            seconds = time.perf_counter() - begun
            document = json.loads(content) if response.status == _OK else None
            return Outcome(response.status, seconds, begun, response.headers.get("Retry-After", ""), document)
    except (aiohttp.ClientError, TimeoutError, OSError):
        return Outcome(0, time.perf_counter() - begun, begun)


async def _in_turn(load: Load) -> list[Outcome]:
    """So many clients until so many requests were sent."""
    numbers = iter(range(load.requests))
    outcomes: list[Outcome] = []

    async def client(session: aiohttp.ClientSession) -> None:
        outcomes.extend([await _send(session, load, number) for number in numbers])

    async with _session(load, keep=True) as session:
        await asyncio.gather(*(client(session) for _ in range(load.clients)))
    return outcomes


async def _regularly(load: Load) -> list[Outcome]:
    """One request at each moment, until stdin is closed."""
    closed = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    tasks: list[asyncio.Task[Outcome]] = []
    async with _session(load, keep=False) as session:
        await _send(session, load, 0)
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        begun = time.perf_counter()
        while not closed.done():
            tasks.append(asyncio.create_task(_send(session, load, len(tasks))))
            await asyncio.sleep(begun + len(tasks) * load.every - time.perf_counter())
        return await asyncio.gather(*tasks)


def _session(load: Load, *, keep: bool) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0, force_close=not keep)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=load.timeout))


def main(lines: Iterable[str]) -> list[Outcome]:
    """The outcomes of the load on the first line."""
    load = Load(**json.loads(next(iter(lines))))
    # A pause of the client is none of the service.
    gc.disable()
    return asyncio.run(_regularly(load) if load.every else _in_turn(load))


if __name__ == "__main__":
    json.dump(main(sys.stdin), sys.stdout)
