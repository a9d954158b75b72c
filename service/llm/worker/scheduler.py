"""Continuous batching: requests join and leave the running batch at any step.

Each step takes one token of every request that is writing (more where tokens are given or drafted), and fills up with
parts of prompts. Where all only take their best tokens, several steps are computed at once. What a person waits for
goes before batch work: a slot stays free for it, and a step in which prompts of a batch are read is broken off when it
comes.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from heapq import heappop, heappush
from itertools import chain, islice, pairwise
from typing import NamedTuple

import numpy as np

from service.errors import DeadlineError, EngineError, PaperboyError
from service.llm.cores import CoreWatch
from service.llm.wire import TEXT_SECONDS
from service.llm.worker.decoder import BATCH_TOKENS, Decoder, InterruptedStepError, Place
from service.llm.worker.lookup import LONGEST_DRAFT, Lookup, StepCosts
from service.llm.worker.native import NativeModel
from service.llm.worker.sampling import Sampler
from service.llm.worker.sizing import Size
from service.llm.worker.slots import Job, Slot, stream_number
from service.llm.worker.streams import WORTH_SHARING, Stream, Streams
from service.llm.worker.vocabulary import VocabularyTree
from service.llm.worker.writers import ChoiceText, ChoiceWriter, FreeText, Writer, Written, write_freely
from service.ports import Generation, GenerationRequest

_SHORT_PROMPT_PART = 64
"""Tokens of batch prompts in a step while somebody waits or reads, and for some seconds after that, when more may come.
A step with no more than these is not broken off, or a batch would never get on beside many questions."""
_ATTENTIVE_SECONDS = 5.0
_COMPARED = 32
"""Waiting prompts that a new one is compared with."""
_LONGEST_GAP = 1
"""Streams without work that are filled up with a token: a gap in the numbers costs another pass over the weights."""


class _Deadline(NamedTuple):
    """When a request is given up."""

    time: float
    number: int
    limit: float


class Begun(NamedTuple):
    """A request has left the queue."""


Event = Begun | str | Generation | PaperboyError
"""What is told of a request: that it began, a piece of text, the end, or why there is none."""
Report = Callable[[int, Event], None]


class Scheduler:
    """Works on many requests in one context. Not safe to share between threads, `hurry` excepted."""

    def __init__(
        self,
        model: NativeModel,
        decoder: Callable[[int, int], Decoder],
        size: Size,
        report: Report,
        *,
        lookup: bool = True,
        forced: bool = True,
        cores: CoreWatch | None = None,
        arrived: Callable[[], bool] | None = None,
        text_seconds: float = TEXT_SECONDS,
    ) -> None:
        """Make the context.

        Args:
            model: the writer.
            decoder: makes a decoder for a number of sequences and of outputs.
            size: slots and window.
            report: told what becomes of each request, by its number.
            lookup: draft tokens by prompt lookup where it pays.
            forced: in choices, feed tokens that are given together.
            cores: says with how many threads to compute; `None`: as at first.
            arrived: whether there is news of requests to be told; `None`: there may be after every token.
            text_seconds: between two pieces of a text that is read as it grows.
        """
        slots = size.slots
        self._model, self._size, self._report = model, size, report
        self._lookup, self._forced = lookup and not size.deterministic and not model.is_recurrent, forced
        self._decoder = decoder(slots, min(slots * (1 + LONGEST_DRAFT), max(slots, 64)))
        self._streams = Streams(self._decoder, slots, sharing=not size.deterministic, whole_only=model.is_recurrent)
        self._waiting: tuple[deque[Job], deque[Job]] = (deque(), deque())
        self._slots: list[Slot] = []
        """Those that a person waits for come first."""
        self._deadlines: list[_Deadline] = []
        """A heap, the next one first; also of some that have ended."""
        self._costs, self._cores = StepCosts(), cores
        self._arrived, self._text_seconds = arrived, text_seconds
        self._vocabulary: VocabularyTree | None = None
        self._reading_batch = False
        self._attentive_until = 0.0
        self._stood_aside = False

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._slots and not any(self._waiting)

    def add(
        self,
        number: int,
        request: GenerationRequest,
        prompt: Sequence[int],
        options: list[list[int]],
        *,
        streamed: bool = True,
    ) -> None:
        """Queue a request.

        Args:
            number: by which it is reported.
            request: what to write.
            prompt: its tokens.
            options: the tokens of each of `request.choices`.
            streamed: report the text as it grows.

        Raises:
            RequestTooLargeError: it can never fit.
        """
        job = Job(number, request, np.array(prompt, np.int32), options, time.perf_counter(), streamed)
        job.check(self._size.window, self._model.path.stem)
        self._waiting[request.batch].append(job)
        if request.deadline is not None:
            heappush(self._deadlines, _Deadline(job.start + request.deadline, number, request.deadline))

    def hurry(self) -> None:
        """Break off the step that is being computed if it reads prompts of a batch: somebody waits. For any thread."""
        if self._reading_batch:
            self._decoder.interrupt()

    def cancel(self, number: int) -> bool:
        """Give a request up, waiting or running; whether it was there."""
        for queue in self._waiting:
            for job in [job for job in queue if job.number == number]:
                queue.remove(job)
                return True
        for slot in [slot for slot in self._slots if slot.job.number == number]:
            self._release(slot)
            return True
        return False

    def step(self) -> None:
        """Admit what there is room for, compute one batch, and let each request that has its logits go on."""
        self._expire()
        self._admit()
        if not self._slots:
            return
        if self._cores and (threads := self._cores.look()):
            self._decoder.use_threads(threads)
        slots = self._chosen()
        if not slots:
            return
        fillers = self._put(slots)
        start = time.perf_counter()
        if not (steps := self._run(slots, fillers)):
            return
        now = time.perf_counter()
        if self._lookup and all(slot.first for slot in slots):
            self._costs.add(sum(slot.count for slot in slots), (now - start) / steps)
        for slot in slots:
            self._advance(slot, now)

    def close(self) -> None:
        """Free the context."""
        for slot in list(self._slots):
            self._release(slot)
        self._decoder.close()

    def _expire(self) -> None:
        while self._deadlines and self._deadlines[0].time < time.perf_counter():
            _, number, limit = heappop(self._deadlines)
            if self.cancel(number):
                self._report(number, DeadlineError(f"not done within {limit:g} s: allow more time or ask for less"))

    def _admit(self) -> None:
        """Give slots to what waits."""
        interactive, batch = self._waiting
        while interactive and self._streams.free:
            self._start(interactive.popleft())
        while (
            batch and self._streams.free and sum(slot.job.request.batch for slot in self._slots) < self._size.parallel
        ):
            self._start(batch.popleft())

    def _start(self, job: Job) -> None:
        self._report(job.number, Begun())
        try:
            sampler = Sampler(self._model, self._decoder, job.request, self._tree)
        except PaperboyError as error:
            self._report(job.number, error)
            return
        slot = Slot(job, self._streams.take(job.prompt), self._writer(job, sampler), sampler)
        self._slots.append(slot)
        self._slots.sort(key=lambda slot: slot.job.request.batch)
        waiting = islice((other.prompt for other in chain(*self._waiting)), _COMPARED)
        slot.goal = self._streams.goal(job.prompt, waiting)
        self._resume(slot, None)

    def _writer(self, job: Job, sampler: Sampler) -> Writer:
        request, prompt = job.request, job.prompt.tolist()
        emit = partial(self._report, job.number) if job.streamed else None
        if request.choices:
            parts = ChoiceText(self._model, self._decoder, request.choices, job.options, request.logprobs, self._forced)
            return ChoiceWriter(prompt, parts, emit).write()
        lookup = Lookup(prompt) if self._lookup else None
        return write_freely(prompt, request, FreeText(self._model, sampler, lookup, self._cost), emit)

    def _tree(self) -> VocabularyTree:
        self._vocabulary = self._vocabulary or VocabularyTree(self._model)
        return self._vocabulary

    def _cost(self) -> float:
        """What a drafted token costs now; drafting ends where the positions with logits do."""
        writing = sum(slot.writing for slot in self._slots)
        if writing * (1 + LONGEST_DRAFT) > self._decoder.outputs:
            return 1.0
        return self._costs.share(writing)

    def _chosen(self) -> list[Slot]:
        """The slots of the batch by ascending stream, each with the number of its tokens."""
        # A place for each stream that has to be filled up.
        room, outputs = self._decoder.capacity - self._size.slots, self._decoder.outputs
        prompt_room = BATCH_TOKENS
        now = time.perf_counter()
        if not self._slots[0].job.request.batch:
            self._attentive_until = now + _ATTENTIVE_SECONDS
        batch_room = _SHORT_PROMPT_PART if now < self._attentive_until else prompt_room
        found: list[Slot] = []
        for slot in self._in_turn():
            limit = room if slot.first else min(room, prompt_room, batch_room if slot.reading_batch else room)
            count = slot.count = self._portion(slot, limit, outputs)
            if count > 0:
                found.append(slot)
                room -= count
                outputs -= slot.wanted if slot.whole else 0
                if not slot.first:
                    prompt_room -= count
                    batch_room -= count if slot.reading_batch else 0
        found.sort(key=stream_number)
        return found

    def _in_turn(self) -> Iterator[Slot]:
        """Those who write, then prompts that a person waits for, then the others; each kind in order of arrival.

        While a person waits for the first word no other prompt is read; and where the step can end the wait, batch
        work stands aside, though never for two steps in a row.
        """
        reading = [slot for slot in self._slots if not slot.first]
        if not reading:
            self._stood_aside = False
            return iter(self._slots)
        urgent = [slot for slot in reading if not slot.job.request.batch]
        soon = bool(urgent) and sum(len(slot.pending) for slot in urgent) <= BATCH_TOKENS
        self._stood_aside = soon and not self._stood_aside
        writing = [slot for slot in self._slots if slot.first]
        if self._stood_aside:
            writing = [slot for slot in writing if not slot.job.request.batch]
        return (slot for slot in (*writing, *(urgent or reading)) if slot.begun or self._may_begin(slot))

    def _may_begin(self, slot: Slot) -> bool:
        """Begin a prompt with what there is of it; not while another is computing what it could share."""
        if slot.goal and any(other.leads(slot) for other in self._slots):
            return False
        if self._streams.available(slot.job.prompt) + WORTH_SHARING > slot.goal:
            slot.goal = 0
        length = self._streams.begin(slot.stream, slot.job.prompt)
        slot.pending = slot.pending[length:]
        slot.begun = True
        return True

    def _portion(self, slot: Slot, room: int, outputs: int) -> int:
        """How many of the pending tokens go into this batch."""
        count = min(len(slot.pending), room)
        if self._model.is_recurrent and len(slot.stream.held) < slot.goal:
            # What others wait for can be given to them only while it is all that the stream has.
            count = min(count, slot.goal - len(slot.stream.held))
        if count < len(slot.pending):
            # Positions that need logits stay together.
            return min(count, len(slot.pending) - slot.wanted)
        return count if slot.wanted <= outputs else count - slot.wanted

    def _put(self, slots: list[Slot]) -> list[Stream]:
        """Fill the batch; the streams that only fill gaps."""
        fillers = self._fillers(slots)
        entries: Sequence[Slot | Stream] = sorted((*slots, *fillers), key=stream_number) if fillers else slots
        self._decoder.begin()
        for entry in entries:
            if isinstance(entry, Stream):
                self._decoder.add(entry.number, len(entry.held), [0], 0)
                continue
            stream = entry.stream
            tokens, wanted = (entry.pending, entry.wanted) if entry.whole else (entry.pending[: entry.count], 0)
            place = self._decoder.add(stream.number, len(stream.held), tokens, wanted)
            entry.place = place if wanted else None
        return fillers

    def _fillers(self, slots: list[Slot]) -> list[Stream]:
        numbers = [slot.stream.number for slot in slots]
        if numbers[-1] - numbers[0] < len(numbers) or self._model.is_recurrent:
            return []
        gaps = (range(one + 1, two) for one, two in pairwise(numbers) if 1 < two - one <= 1 + _LONGEST_GAP)
        found = (self._streams.everyone[number] for gap in gaps for number in gap)
        return [stream for stream in found if len(stream.held) < self._size.window]

    def _run(self, slots: list[Slot], fillers: list[Stream]) -> int:
        """Compute the batch, and more steps where nobody has to look at this one; how many."""
        batch_tokens = sum(slot.count for slot in slots if slot.reading_batch)
        self._reading_batch = batch_tokens > _SHORT_PROMPT_PART and not self._model.is_recurrent
        try:
            self._decoder.run()
            return 1 if fillers else 1 + self._go_on(slots)
        except InterruptedStepError:
            for slot in slots:
                self._decoder.cut(slot.stream.number, len(slot.stream.held))
        except EngineError as error:
            self._fail_all(error)
        finally:
            self._reading_batch = False
            for stream in fillers:
                self._decoder.cut(stream.number, len(stream.held))
        return 0

    def _go_on(self, slots: list[Slot]) -> int:
        """More steps while all take their best tokens and nobody comes or goes (multi-step scheduling); how many."""
        arrived, most = self._arrived, min(slot.free for slot in slots)
        if not (arrived and most) or len(slots) < len(self._slots):
            return 0
        watched = any(slot.job.streamed for slot in slots)
        until = time.perf_counter() + (self._text_seconds if watched else TEXT_SECONDS)
        steps = self._decoder.go_on(most, lambda: time.perf_counter() < until and not arrived())
        for slot, ahead in zip(slots, zip(*steps, strict=True), strict=False):
            slot.place = slot.place._replace(ahead=ahead) if slot.place else None
        return len(steps)

    def _advance(self, slot: Slot, now: float) -> None:
        slot.stream.held += slot.pending[: slot.count]
        slot.pending = slot.pending[slot.count :]
        if slot.goal and len(slot.stream.held) >= slot.goal:
            self._streams.keep(slot.stream)
            slot.goal = 0
        if slot.place is not None:
            slot.stream.held += slot.place.ahead
            slot.first = slot.first or now
            self._resume(slot, slot.place)

    def _resume(self, slot: Slot, place: Place | None) -> None:
        """Let a writer go on with its logits, up to the tokens that it needs next or its end."""
        try:
            feed = next(slot.writer) if place is None else slot.writer.send(place)
        except StopIteration as stop:
            self._finish(slot, stop.value)
            return
        except PaperboyError as error:
            self._release(slot)
            self._report(slot.job.number, error)
            return
        if feed.drop:
            self._streams.cut(slot.stream, len(slot.stream.held) - feed.drop)
        slot.pending, slot.wanted, slot.free = feed.tokens, feed.wanted, feed.free

    def _finish(self, slot: Slot, written: Written) -> None:
        job, now = slot.job, time.perf_counter()
        self._release(slot)
        made = Generation(
            text=written.text,
            chosen=written.chosen,
            prompt_tokens=len(job.prompt),
            output_tokens=written.tokens,
            seconds=now - job.start,
            first_token_seconds=(slot.first or now) - job.start,
            steps=written.steps,
            logprobs=written.logprobs,
        )
        self._report(job.number, made)

    def _release(self, slot: Slot) -> None:
        slot.writer.close()
        slot.sampler.close()
        self._slots.remove(slot)
        self._streams.give_back(slot.stream)

    def _fail_all(self, error: EngineError) -> None:
        for slot in list(self._slots):
            self._release(slot)
            self._report(slot.job.number, error)
        self._streams.clear()
