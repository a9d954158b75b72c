"""Requests that wait, the threads that work on them, and the clock that ends those whose time is up.

A request has ended when its future is done, whoever did that: the thread that wrote the text, the caller who
cancelled, or the clock. All three take the same way, so a connection is cut in one place only.
"""

import heapq
import itertools
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from service.errors import DeadlineError, EngineBusyError, EngineError
from service.link import Link
from service.llm.delivery import refuse, resolve
from service.ports import Generation, GenerationRequest, OnText

_FIRST_GUESS = 5.0
"""Seconds that a request takes, as long as none was seen."""
_WEIGHT = 0.2
"""Of the newest request in the mean of the seconds that they take."""
_JOIN_SECONDS = 2.0


class Job:
    """One request on its way."""

    def __init__(self, request: GenerationRequest, on_text: OnText | None, work: Callable[["Job"], None]) -> None:
        """The clock starts now. `work` brings the job to its end, in a thread of the queue."""
        self.request = request
        self.on_text = on_text
        self.work = work
        self.begun = time.monotonic()
        self.due = math.inf if request.deadline is None else self.begun + request.deadline
        # Never set running: a running future cannot be cancelled.
        self.future: Future[Generation] = Future()
        self.delivered = ""
        """What the caller has been told; it cannot be taken back."""
        self.first_token_seconds = 0.0
        self.trouble = ""
        """Why the last attempt failed."""
        self._ended = threading.Event()
        self._link = Link()
        self.future.add_done_callback(self._end)

    @property
    def ended(self) -> bool:
        """Whether nobody waits for it any more."""
        return self._ended.is_set()

    def new_link(self) -> Link:
        """The connection of the next attempt: cut as soon as the job ends."""
        self._link = link = Link()
        # Looked at after the link was put there: one of the two sees the other.
        if self.ended:
            link.cut()
        return link

    def pause(self, seconds: float) -> None:
        """Wait, as long as the job has not ended."""
        self._ended.wait(seconds)

    def succeed(self, made: Generation) -> None:
        """Hand over the text; too late is no error."""
        resolve(self.future, made)

    def fail(self, error: BaseException) -> None:
        """Hand over an error; too late is none."""
        refuse(self.future, error)

    def expire(self) -> None:
        """Its time is up."""
        because = f" (before that: {self.trouble})" if self.trouble else ""
        self.fail(DeadlineError(f"the endpoint cannot finish within {self.request.deadline:g} s{because}"))

    def _end(self, _future: Future[Generation]) -> None:
        self._ended.set()
        self._link.cut()


class Queue:
    """A bounded queue of two classes, what a person waits for first, with its threads."""

    def __init__(self, threads: int, waiting: int) -> None:
        """`waiting` jobs may wait while all threads are at work."""
        self._most_threads = threads
        self._waiting = waiting
        self._heap: list[tuple[bool, int, Job]] = []
        self._numbers = itertools.count()
        self._jobs: set[Job] = set()
        self._changed = threading.Condition()
        self._closed = False
        self._seconds = _FIRST_GUESS
        self._at_work = 0
        self._threads: list[threading.Thread] = []
        self._clock: threading.Thread | None = None

    def put(self, job: Job) -> None:
        """Take a job on.

        Raises:
            EngineBusyError: as many as may are waiting.
            EngineError: the queue was closed.
        """
        with self._changed:
            if self._closed:
                raise EngineError("the endpoint is closed")
            self._heap = [entry for entry in self._heap if not entry[2].ended]
            heapq.heapify(self._heap)
            if len(self._heap) >= self._waiting + self._most_threads - self._at_work:
                wait = self._seconds * (len(self._heap) + 1) / self._most_threads
                raise EngineBusyError(
                    f"{len(self._heap)} requests wait for the endpoint already: try again in {math.ceil(wait)} s", wait
                )
            self._jobs.add(job)
            heapq.heappush(self._heap, (job.request.batch, next(self._numbers), job))
            self._start_threads(job)
            self._changed.notify_all()
        job.future.add_done_callback(lambda _future: self._forget(job))

    def close(self) -> None:
        """End everything; returns when the threads have, or after 2 seconds."""
        with self._changed:
            self._closed = True
            jobs = list(self._jobs)
            self._changed.notify_all()
        for job in jobs:
            job.fail(EngineError("the endpoint was closed"))
        until = time.monotonic() + _JOIN_SECONDS
        for thread in [*self._threads, *([self._clock] if self._clock else [])]:
            if thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))

    def _start_threads(self, job: Job) -> None:
        free = len(self._threads) - self._at_work
        if len(self._heap) > free and len(self._threads) < self._most_threads:
            # Daemons: one may hang in a name lookup, which nothing can end, and must not keep the process.
            thread = threading.Thread(target=self._serve, name=f"endpoint-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        if self._clock is None and job.due != math.inf:
            self._clock = threading.Thread(target=self._watch, name="endpoint-clock", daemon=True)
            self._clock.start()

    def _forget(self, job: Job) -> None:
        with self._changed:
            self._jobs.discard(job)

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            start = time.monotonic()
            if not job.ended:
                try:
                    job.work(job)
                except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to who waits
                    job.fail(error)
            with self._changed:
                self._at_work -= 1
                self._seconds += _WEIGHT * (time.monotonic() - start - self._seconds)

    def _next(self) -> Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._heap or self._closed)
            if self._closed:
                return None
            self._at_work += 1
            return heapq.heappop(self._heap)[2]

    def _watch(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                now = time.monotonic()
                due = [job for job in self._jobs if job.due <= now]
                if not due:
                    soonest = min((job.due for job in self._jobs), default=math.inf)
                    self._changed.wait(None if soonest == math.inf else min(soonest - now, threading.TIMEOUT_MAX))
            # Outside the lock: a future calls whoever waits for it.
            for job in due:
                job.expire()
