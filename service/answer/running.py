"""Runs use cases through the writer: one while somebody waits for it, or many together.

A use case is a generator of steps: it yields what is to be written and is sent what was written, or is thrown the
error of the writer. So one code serves a single request and a batch of which a dozen are under way at a time, and all
that it does between two requests (database, embedder) stays in the caller's thread.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import closing
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, NamedTuple, TypeVar

from service.errors import EngineBusyError, EngineCrashedError, EngineError, PaperboyError
from service.index.results import Generations
from service.ports import Engine, Generation, GenerationRequest, OnText

T = TypeVar("T")
R = TypeVar("R")
Steps = Generator[GenerationRequest, Generation, T]
"""A use case that ends with a `T`."""
Outcome = Generation | PaperboyError
"""What became of a request."""

_LEAST_UNDER_WAY = 4
_MOST_AHEAD = 256
"""Jobs taken beyond the oldest that is not done: who puts the results in order keeps no more than these."""
MOST_CRASHES = 4
"""How often a request may end the writer's process before it is given up."""
_SHORTEST_WAIT = 0.05


class Done(NamedTuple, Generic[T]):
    """The end of a use case."""

    result: T | PaperboyError


def run_one(
    engine: Callable[[], Engine], steps: Steps[T], on_text: OnText | None = None, kept: Generations | None = None
) -> T:  # fmt: skip
    """Run a use case to its end.

    Args:
        engine: gives the writer; called when there is something to write.
        steps: the use case.
        on_text: told the text as it grows, in this thread. If it raises, the writing is given up and what it raised
            goes on; so does an interrupt.
        kept: what was written before; such a text is told whole.

    Raises:
        PaperboyError: as the use case does, the errors of the writer included.
    """
    with closing(steps):
        step = advance(steps, None)
        while isinstance(step, GenerationRequest):
            step = advance(steps, _written(engine(), step, None if step.json_schema else on_text, kept))
    if isinstance(step.result, PaperboyError):
        raise step.result
    return step.result


def run_together(
    engine: Callable[[], Engine], jobs: Iterable[Steps[T] | PaperboyError], kept: Generations | None = None
) -> Generator[tuple[int, T | PaperboyError], None, None]:
    """Run many use cases through the writer at a time, for people who do not wait for each.

    Args:
        engine: gives the writer; not called while no job has anything to write.
        jobs: taken when there is room for one more; an error in place of a job is its result.
        kept: what was written before.

    Yields:
        the number of a job and its result or its error, in the order in which they end; a job that fails stops no
        other. Closing the generator gives up what is under way.
    """
    together = _Together(engine, jobs, kept)
    try:
        yield from together.results()
    finally:
        together.stop()


def in_order(results: Generator[tuple[int, R], None, None]) -> Generator[R, None, None]:
    """Numbered results in the order of their numbers, each as soon as all before it are there."""
    early: dict[int, R] = {}
    following = 0
    with closing(results):
        for number, result in results:
            early[number] = result
            while following in early:
                yield early.pop(following)
                following += 1


def advance(steps: Steps[T], outcome: Outcome | None) -> GenerationRequest | Done[T]:
    """The next request of a use case, or its end; `None` begins it."""
    try:
        if outcome is None:
            return next(steps)
        return steps.throw(outcome) if isinstance(outcome, PaperboyError) else steps.send(outcome)
    except StopIteration as stop:
        return Done(stop.value)
    except PaperboyError as error:
        return Done(error)


def _written(engine: Engine, request: GenerationRequest, on_text: OnText | None, kept: Generations | None) -> Outcome:
    """What became of a request on which somebody waits."""
    made = kept.get(engine.fingerprint, request) if kept else None
    if made is not None:
        if on_text:
            on_text(made.text)
        return made
    # Of this request alone: what an earlier one still says is not heard.
    pieces: SimpleQueue[str | None] = SimpleQueue()
    try:
        future = engine.submit(request, pieces.put if on_text else None)
    except PaperboyError as error:
        return error
    future.add_done_callback(lambda _future: pieces.put(None))
    try:
        while (piece := pieces.get()) is not None:
            if on_text:
                on_text(piece)
    finally:
        future.cancel()
    outcome = outcome_of(future)
    if kept and isinstance(outcome, Generation):
        kept.put(engine.fingerprint, request, outcome)
    return outcome


def outcome_of(future: Future[Generation]) -> Outcome:
    """What a future that is done holds; an error that is none of ours is raised."""
    try:
        return future.result()
    except PaperboyError as error:
        return error
    except CancelledError:
        return EngineError("the writer was closed before the text was written")


@dataclass
class _Job(Generic[T]):
    """A use case under way."""

    number: int
    steps: Steps[T]
    request: GenerationRequest
    crashes: int = 0
    """How often the writer's process ended while it had the request."""


class _Together(Generic[T]):
    """The jobs under way: each waits for its turn, or its request is with the writer."""

    def __init__(
        self, engine: Callable[[], Engine], jobs: Iterable[Steps[T] | PaperboyError], kept: Generations | None
    ) -> None:
        self._engine, self._kept = engine, kept
        self._source = enumerate(jobs)
        self._exhausted = False
        self._taken = 0
        self._under_way: dict[int, _Job[T]] = {}
        self._waiting: deque[_Job[T]] = deque()
        self._suspects: deque[_Job[T]] = deque()
        """Were with the writer when it crashed. Each goes alone, so that the one at fault takes no other down."""
        self._with_writer: dict[Future[Generation], list[_Job[T]]] = {}
        """With the writer; several jobs where they want the same written."""
        self._ended: SimpleQueue[Future[Generation]] = SimpleQueue()
        self._refused = False
        """The writer has no room until something ends."""

    def results(self) -> Iterator[tuple[int, T | PaperboyError]]:
        """Results as they come; what has ended goes before anything new."""
        while True:
            if self._must_wait():
                yield from self._land()
            elif queue := self._suspects or self._waiting:
                yield from self._launch(queue)
            elif self._has_room():
                yield from self._take()
            elif self._with_writer:
                yield from self._land()
            else:
                return

    def stop(self) -> None:
        """Give up what is under way."""
        for future in self._with_writer:
            future.cancel()
        for job in self._under_way.values():
            job.steps.close()

    def _must_wait(self) -> bool:
        if not self._ended.empty():
            return True
        alone = self._suspects or any(job.crashes for jobs in self._with_writer.values() for job in jobs)
        return bool(self._with_writer and (self._refused or alone))

    def _has_room(self) -> bool:
        if self._exhausted or not self._under_way:
            return not self._exhausted
        # The writer is loaded by now: a job has something to write.
        most = max(_LEAST_UNDER_WAY, 2 * self._engine().parallel)
        return len(self._under_way) < most and self._taken - next(iter(self._under_way)) < _MOST_AHEAD

    def _take(self) -> Iterator[tuple[int, T | PaperboyError]]:
        """Begin the next job."""
        for number, steps in self._source:
            self._taken = number + 1
            if isinstance(steps, PaperboyError):
                yield number, steps
            else:
                yield from self._follow(number, steps, advance(steps, None))
            return
        self._exhausted = True

    def _follow(
        self, number: int, steps: Steps[T], step: GenerationRequest | Done[T]
    ) -> Iterator[tuple[int, T | PaperboyError]]:
        """What a job does next: it has something to write, or ends."""
        if isinstance(step, GenerationRequest):
            self._under_way[number] = job = _Job(number, steps, step._replace(batch=True))
            self._waiting.append(job)
        else:
            self._under_way.pop(number, None)
            yield number, step.result

    def _launch(self, queue: deque[_Job[T]]) -> Iterator[tuple[int, T | PaperboyError]]:
        """Give the first job of a queue what was written before, or else its request to the writer, if it has room."""
        job = queue[0]
        if self._kept:
            made = self._kept.get(self._engine().fingerprint, job.request)
            if made is not None:
                queue.popleft()
                yield from self._follow(job.number, job.steps, advance(job.steps, made))
                return
            same = next((jobs for jobs in self._with_writer.values() if jobs[0].request == job.request), None)
            if same is not None:
                same.append(queue.popleft())
                return
        try:
            future = self._engine().submit(job.request)
        except EngineBusyError as error:
            self._wait_for_room(error)
            return
        except PaperboyError as error:
            future = Future()
            future.set_exception(error)
        self._with_writer[future] = [queue.popleft()]
        future.add_done_callback(self._ended.put)

    def _wait_for_room(self, error: EngineBusyError) -> None:
        self._refused = bool(self._with_writer)
        if not self._refused:
            # All room is taken by others.
            time.sleep(max(_SHORTEST_WAIT, error.expected_wait))

    def _land(self) -> Iterator[tuple[int, T | PaperboyError]]:
        """Wait for a request to end and go on with its jobs."""
        future = self._ended.get()
        jobs = self._with_writer.pop(future)
        self._refused = False
        outcome = outcome_of(future)
        if isinstance(outcome, EngineBusyError):
            (self._suspects if jobs[0].crashes else self._waiting).extendleft(reversed(jobs))
            self._wait_for_room(outcome)
            return
        if self._kept and isinstance(outcome, Generation):
            self._kept.put(self._engine().fingerprint, jobs[0].request, outcome)
        for job in jobs:
            if isinstance(outcome, EngineCrashedError) and job.crashes + 1 < MOST_CRASHES:
                job.crashes += 1
                self._suspects.append(job)
            else:
                yield from self._follow(job.number, job.steps, advance(job.steps, outcome))
