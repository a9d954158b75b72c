"""The one thread that works with the library, and the use cases under way in it.

A `Library` is for one thread: its SQLite connections, the lexical index and what retrieval remembers are used by
whoever calls it. A writer is slow and takes many requests at a time. So the two are kept apart. One thread, the owner,
does all that touches the catalog, a piece at a time and the most urgent first: a search, or what an answer does between
two texts (plan, retrieve, judge, check, keep), some 10 to 100 ms each. What is to be written goes to the writer, which
works in a process of its own, and the owner goes on with somebody else; when the text is there, the rest of that answer
comes back into the queue. So the texts of all clients share the steps of the writer (continuous batching), a search
never waits for a text, and no lock is needed anywhere.

Work that takes minutes (an ingest) lets others in between two of its batches, see `let_others_in`.
"""

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum
from queue import Empty, PriorityQueue
from typing import Any, Generic, NamedTuple, TypeVar

from service.answer.running import MOST_CRASHES, Done, Outcome, Steps, advance, outcome_of
from service.errors import EngineBusyError, EngineCrashedError, PaperboyError, ServiceStoppingError
from service.library import Library
from service.llm.delivery import refuse, resolve
from service.ports import Generation, GenerationRequest, OnText

T = TypeVar("T")
_LEAST_UNDER_WAY = 4
_PIECES_LET_IN = 32
_STOP_SECONDS = 10.0


class Urgency(IntEnum):
    """What goes first; the same in the order in which it came."""

    NOW = 0
    """What has come back from the writer, and what is given up: it frees room."""
    SOON = 1
    """Somebody waits for it and it is quick."""
    ASKED = 2
    """Somebody waits for a text."""
    LATER = 3
    """Nobody waits for each: digests, batches."""
    LONG = 4
    """Takes long, and lets others in."""


class _Piece(NamedTuple):
    """Something for the owner to do; no two have the same number, so `work` is never compared."""

    urgency: Urgency
    number: int
    work: Callable[[], None]


@dataclass(eq=False)
class _Task(Generic[T]):
    """A use case: waiting, with the owner, or with the writer."""

    begin: Callable[[], Steps[T]]
    future: Future[T]
    on_text: OnText | None
    batch: bool
    steps: Steps[T] | None = None
    request: GenerationRequest | None = None
    writing: Future[Generation] | None = None
    crashes: int = 0
    """How often the writer's process ended while it had the request."""
    text: Callable[[T], str] | None = None
    """The whole text, for who was told nothing of it."""
    told: bool = False

    def tell(self, piece: str) -> None:
        """Pass on a piece of the text."""
        self.told = True
        if self.on_text:
            self.on_text(piece)


@dataclass
class _Lane:
    """Use cases of one kind: those that wait to be begun, and those under way."""

    waiting: deque[_Task[Any]] = field(default_factory=deque)
    under_way: set[_Task[Any]] = field(default_factory=set)


class Desk:
    """Takes work for the library from any thread. What it gives are futures; cancelling one gives the work up."""

    def __init__(
        self, library: Library, *, room: int, on_generation: Callable[[Generation, bool], None] | None = None
    ) -> None:
        """Start the owner's thread.

        Args:
            library: used by that thread alone from now on; whoever opened it closes it after `close`.
            room: pieces of work that somebody waits for and that may wait at a time.
            on_generation: told each text that was written, and whether it had been kept from before.
        """
        self._library, self._room = library, room
        self._on_generation = on_generation or (lambda _made, _kept: None)
        self._inbox: PriorityQueue[_Piece] = PriorityQueue()
        self._lock = threading.Lock()
        self._numbers = 0
        self._waiting = 0
        self._stopping: PaperboyError | None = None
        self._people, self._batch = _Lane(), _Lane()
        self._suspects: deque[_Task[Any]] = deque()
        """Of batches, were with the writer when it crashed. Each goes alone, so the one at fault takes none down."""
        self._seconds = 0.1
        """Between the ends of two things that somebody waits for: a running mean."""
        self._parallel = 1
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="paperboy library", daemon=True)
        self._thread.start()

    @property
    def library(self) -> Library:
        """What the owner works with; for the work given to it, nowhere else."""
        return self._library

    @property
    def waiting(self) -> int:
        """Things that somebody waits for."""
        return self._waiting

    @property
    def under_way(self) -> int:
        """Use cases that were begun."""
        return len(self._people.under_way) + len(self._batch.under_way)

    def busy(self) -> EngineBusyError | None:
        """Why nothing more that somebody waits for is taken; `None`: there is room."""
        waiting = self._waiting
        if waiting < self._room:
            return None
        wait = max(1.0, self._seconds * waiting)
        return EngineBusyError(f"{waiting} requests wait already: try again in about {wait:.0f} s", wait)

    def do(self, work: Callable[[Library], T], urgency: Urgency = Urgency.SOON) -> Future[T]:
        """Have something done with the library.

        Raises:
            EngineBusyError: too many wait already.
            ServiceStoppingError: nothing is taken any more.
        """
        future: Future[T] = Future()
        self._admit(future, urgency)

        def run() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work(self._library))
                except BaseException as error:  # noqa: BLE001 - it belongs to who asked, and the owner goes on
                    future.set_exception(error)

        self._put(urgency, run)
        return future

    def write(
        self,
        begin: Callable[[Library], Steps[T]],
        on_text: OnText | None = None,
        text: Callable[[T], str] | None = None,
        *,
        batch: bool = False,
    ) -> Future[T]:
        """Run a use case.

        Args:
            begin: gives its steps; called by the owner.
            on_text: told the text as it grows, from any thread; has to return quickly.
            text: of what the use case ends with: told at the end where no writer wrote it now.
            batch: goes behind what people wait for.

        Raises:
            EngineBusyError: too many wait already; with `batch` there is always room.
            ServiceStoppingError: nothing is taken any more.
        """
        future: Future[T] = Future()
        self._admit(future, Urgency.LATER if batch else Urgency.ASKED)
        task = _Task(lambda: begin(self._library), future, on_text, batch, text=text)
        # Weakly: a future keeps what it calls, and the garbage collector would have each answer to find.
        known = weakref.ref(task)
        future.add_done_callback(lambda done: self._give_up(known()) if done.cancelled() else None)
        self._put(Urgency.LATER if batch else Urgency.ASKED, lambda: self._enter(task))
        return future

    def let_others_in(self) -> None:
        """Do what others wait for; called by long work, in the owner's thread, where nothing is half done."""
        for _ in range(_PIECES_LET_IN):
            try:
                piece = self._inbox.get_nowait()
            except Empty:
                return
            if piece.urgency is Urgency.LONG:
                self._inbox.put(piece)
                return
            piece.work()

    def stop(self, *, batch_only: bool = False) -> None:
        """Take nothing any more and give up what is under way, or only what nobody waits for."""
        error = ServiceStoppingError("the service is stopping: ask again when it is back")
        if not batch_only:
            self._stopping = error
        self._put(Urgency.NOW, lambda: self._abandon(error, batch_only))

    def close(self) -> None:
        """Give up everything and end the owner's thread."""
        self.stop()
        self._put(Urgency.NOW, self._ended.set)
        self._thread.join(_STOP_SECONDS)

    def _admit(self, future: Future[Any], urgency: Urgency) -> None:
        if self._stopping:
            raise self._stopping
        if urgency > Urgency.ASKED:
            return
        with self._lock:
            refusal = self.busy()
            if refusal:
                raise refusal
            self._waiting += 1
        begun = time.monotonic()
        future.add_done_callback(lambda done: self._left(begun, done.cancelled()))

    def _left(self, begun: float, cancelled: bool) -> None:
        with self._lock:
            if not cancelled:
                # Little's law: so many wait, and each did so long.
                self._seconds += ((time.monotonic() - begun) / self._waiting - self._seconds) / 16
            self._waiting -= 1

    def _put(self, urgency: Urgency, work: Callable[[], None]) -> None:
        with self._lock:
            self._numbers += 1
            number = self._numbers
        self._inbox.put(_Piece(urgency, number, work))

    def _run(self) -> None:
        while not self._ended.is_set():
            self._inbox.get().work()

    # Everything below runs in the owner's thread, unless it says otherwise.

    def _carry(self, task: _Task[Any], step: Callable[[], None]) -> None:
        """Go on with a use case; what fails unexpectedly ends it and nothing else."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the owner serves the others too
            refuse(task.future, error)
            self._release(task)

    def _enter(self, task: _Task[Any]) -> None:
        lane = self._batch if task.batch else self._people
        lane.waiting.append(task)
        self._begin(lane)

    def _begin(self, lane: _Lane) -> None:
        """Begin what waits, as far as the writer has room for it."""
        while lane.waiting and len(lane.under_way) < max(_LEAST_UNDER_WAY, 2 * self._parallel):
            if lane is self._batch and self._suspected():
                return
            task = lane.waiting.popleft()
            if not task.future.done():
                lane.under_way.add(task)
                self._carry(task, lambda task=task: self._first(task))  # type: ignore[misc]

    def _suspected(self) -> bool:
        """Whether one that was with the writer when it crashed has to go alone."""
        return bool(self._suspects) or any(task.crashes and task.writing for task in self._batch.under_way)

    def _first(self, task: _Task[Any]) -> None:
        task.steps = task.begin()
        self._follow(task, advance(task.steps, None))

    def _follow(self, task: _Task[Any], step: GenerationRequest | Done[Any]) -> None:
        """What a use case does next: it has something to write, or ends."""
        if isinstance(step, Done):
            self._finish(task, step.result)
            return
        task.request = step._replace(batch=task.batch)
        self._launch(task)

    def _launch(self, task: _Task[Any]) -> None:
        """Give a use case what was written before, or its request to the writer."""
        bench = self._library.workbench()
        assert task.request is not None  # noqa: S101 - set by who calls
        on_text = task.tell if task.on_text and not task.request.json_schema else None
        try:
            engine = bench.engine()
            self._parallel = engine.parallel
            kept = bench.generations.get(engine.fingerprint, task.request) if bench.generations else None
            if kept is not None:
                self._on_generation(kept, True)
                if on_text:
                    on_text(kept.text)
                self._go_on(task, kept)
                return
            task.writing = engine.submit(task.request, on_text)
        except PaperboyError as error:
            self._go_on(task, error)
            return
        task.writing.add_done_callback(
            lambda _written: self._put(Urgency.NOW, lambda: self._carry(task, lambda: self._land(task)))
        )

    def _land(self, task: _Task[Any]) -> None:
        """A text was written, or could not be."""
        if task.writing is None or task.future.done():
            return
        outcome, task.writing = outcome_of(task.writing), None
        bench = self._library.workbench()
        if isinstance(outcome, Generation) and task.request is not None:
            self._on_generation(outcome, False)
            if bench.generations:
                bench.generations.put(bench.engine().fingerprint, task.request, outcome)
        self._go_on(task, outcome)

    def _go_on(self, task: _Task[Any], outcome: Outcome) -> None:
        if task.batch and isinstance(outcome, EngineCrashedError) and task.crashes + 1 < MOST_CRASHES:
            task.crashes += 1
            self._suspects.append(task)
            self._try_suspect()
            return
        assert task.steps is not None  # noqa: S101 - it was begun
        self._follow(task, advance(task.steps, outcome))

    def _try_suspect(self) -> None:
        """Once nothing of a batch is with the writer, one of those that were there when it crashed goes alone."""
        if self._suspects and all(task.writing is None for task in self._batch.under_way):
            task = self._suspects.popleft()
            self._carry(task, lambda: self._launch(task))

    def _finish(self, task: _Task[Any], result: object) -> None:
        if isinstance(result, PaperboyError):
            refuse(task.future, result)
        else:
            if task.text and not task.told:
                task.tell(task.text(result))
            resolve(task.future, result)
        self._release(task)

    def _give_up(self, task: _Task[Any] | None) -> None:
        """Its future was cancelled, in whatever thread: the writer is told at once, the rest is the owner's."""
        if task is None:
            return
        if task.writing is not None:
            task.writing.cancel()
        self._put(Urgency.NOW, lambda: self._release(task))

    def _release(self, task: _Task[Any]) -> None:
        if task.writing is not None:
            task.writing.cancel()
            task.writing = None
        if task.steps is not None:
            task.steps.close()
        if task in self._suspects:
            self._suspects.remove(task)
        lane = self._batch if task.batch else self._people
        lane.under_way.discard(task)
        self._try_suspect()
        self._put(Urgency.LATER if task.batch else Urgency.ASKED, lambda: self._begin(lane))

    def _abandon(self, error: PaperboyError, batch_only: bool) -> None:
        for lane in [self._batch] if batch_only else [self._batch, self._people]:
            for task in [*lane.waiting, *lane.under_way]:
                refuse(task.future, error)
                self._release(task)
            lane.waiting.clear()
