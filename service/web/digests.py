"""Digests as jobs: one after the other, each paper behind what people wait for, and gone on with after a restart.

The summaries are kept one by one in the catalog as they are made, so whatever ends a job, the next try begins where
that one stopped.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from service.answer import digest as digests
from service.answer.summarize import summarize_once
from service.contract import digest_document, summary_document
from service.errors import PaperboyError, ServiceStoppingError
from service.index.catalog import Stored
from service.index.jobs import Job, Jobs, JobState
from service.index.results import Results
from service.library import Library
from service.settings import Mode
from service.types import Digest, Filter, Record, Summary
from service.web.desk import Desk
from service.web.metrics import Metrics
from service.web.problems import Refusal, log_unexpected
from service.web.streams import Event

T = TypeVar("T")
_UNDER_WAY = 64
"""Papers of a digest that are handed to the desk at a time."""
_KEEP_ALIVE_SECONDS = 15.0


class DigestRequest(Record):
    """What a digest is wanted of: `latest`, or the days of a condition."""

    day: str
    condition: Filter
    mode: Mode


class _Run:
    """A job as it is worked on, and what has been made so far."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.summaries: list[dict[str, Any]] = []
        self.task: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()

    async def tell(self, **changes: object) -> None:
        """Change how the job stands, and tell who watches."""
        async with self._changed:
            self.job = self.job.model_copy(update=changes)
            self._changed.notify_all()

    async def differs(self, seen: Job) -> bool:
        """Wait until the job stands otherwise than was seen; false where that takes long."""
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: self.job != seen), _KEEP_ALIVE_SECONDS)
            except TimeoutError:
                return False
            return True


class DigestRunner:
    """Works on the digests of one library. To be used from the loop only."""

    def __init__(self, desk: Desk, jobs: Jobs, mode: Mode, metrics: Metrics) -> None:
        self._desk, self._jobs, self._mode, self._metrics = desk, jobs, mode, metrics
        self._runs: dict[str, _Run] = {}
        self._queue: asyncio.Queue[_Run] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin with what an earlier process left unfinished."""
        for job in await self._do(lambda: self._jobs.unfinished()):
            self._enqueue(job.model_copy(update={"state": JobState.WAITING}))
        self._worker = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Let go of what is under way; it stays to be done."""
        for task in [self._worker, *(run.task for run in self._runs.values())]:
            if task:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def add(self, day: str, condition: Filter, mode: Mode | None) -> Job:
        """A new job.

        Raises:
            InputError: there is no paper of these days.
        """
        request = DigestRequest(day=day, condition=condition, mode=mode or self._mode)

        def add(library: Library) -> Job:
            name, papers = digests.papers_of(library.workbench(), day, condition)
            job = self._jobs.add("digest", name, request.model_dump_json())
            return self._jobs.update(job.model_copy(update={"total": len(papers)}))

        job = await asyncio.wrap_future(self._desk.do(add))
        self._enqueue(job)
        return job

    async def get(self, job_id: str) -> Job | None:
        """How a job stands now."""
        if job_id in self._runs:
            return self._runs[job_id].job
        return await self._do(lambda: self._jobs.get(job_id))

    async def newest(self, limit: int) -> list[Job]:
        """The newest jobs."""
        kept = await self._do(lambda: self._jobs.newest(limit))
        return [self._runs[job.id].job if job.id in self._runs else job for job in kept]

    async def result(self, job_id: str) -> Digest | None:
        """What came of a job that is done."""
        found = await self._do(lambda: self._jobs.result(job_id))
        return Digest.model_validate_json(found) if found else None

    async def cancel(self, job: Job) -> Job:
        """Give a job up; what was made of it stays."""
        run = self._runs.get(job.id)
        if run is None or not job.open:
            return job
        if run.task:
            run.task.cancel()
            with suppress(asyncio.CancelledError):
                await run.task
        await self._settle(run, state=JobState.CANCELLED)
        return run.job

    async def resume(self, job: Job) -> Job:
        """Take up a job that was cancelled or has failed.

        Raises:
            Refusal: it is done.
        """
        if job.state is JobState.DONE:
            raise Refusal(409, "done", "this digest is done: ask for a new one")
        if job.open and job.id in self._runs:
            return job
        job = job.model_copy(update={"state": JobState.WAITING, "problem": ""})
        await self._do(lambda: self._jobs.update(job))
        self._enqueue(job)
        return job

    async def watch(self, job: Job) -> AsyncIterator[Event | None]:
        """`progress` and `summary` as they come, then `digest`; `None` where it is time for a sign of life.

        Who comes late is told the summaries that were made before.
        """
        run = self._runs.get(job.id) or await self._ended(job)
        told, seen = 0, Job(id="", kind="", day="", created="", request="")
        while True:
            job = run.job
            if (job.done, job.total) != (seen.done, seen.total) or not seen.id:
                yield "progress", {"done": job.done, "total": job.total}
            while told < len(run.summaries):
                yield "summary", run.summaries[told]
                told += 1
            if not job.open:
                yield "digest", await self.document(job)
                return
            seen = job
            if not await run.differs(seen):
                yield None

    async def _ended(self, job: Job) -> "_Run":
        """A job that is not under way, as it was when it ended."""
        run, result = _Run(job), await self.result(job.id)
        run.summaries += [summary_document(summary) for summary in result.summaries] if result else []
        return run

    async def document(self, job: Job) -> dict[str, Any]:
        """A job as JSON, with its result once it is done."""
        document = job_document(job)
        if job.state is JobState.DONE:
            result = await self.result(job.id)
            document["result"] = digest_document(result) if result else None
        return document

    def _enqueue(self, job: Job) -> None:
        self._runs[job.id] = run = _Run(job)
        self._queue.put_nowait(run)

    async def _work(self) -> None:
        while True:
            run = await self._queue.get()
            if run.job.state is not JobState.WAITING:
                continue
            run.task = asyncio.create_task(self._run(run))
            # Cancelled is this worker only when the service stops.
            await asyncio.wait([run.task])

    async def _run(self, run: _Run) -> None:
        try:
            digest = await self._make(run)
        except PaperboyError as error:
            if not isinstance(error, ServiceStoppingError):
                await self._settle(run, state=JobState.FAILED, problem=str(error))
        except Exception as error:  # noqa: BLE001 - the next job is not to suffer
            log_unexpected(error)
            await self._settle(run, state=JobState.FAILED, problem="it failed unexpectedly; the log says where")
        else:
            await self._settle(run, digest, state=JobState.DONE, done=run.job.total)

    async def _make(self, run: _Run) -> Digest:
        wanted = DigestRequest.model_validate(json.loads(run.job.request))

        def find(library: Library) -> tuple[str, list[Stored]]:
            return digests.papers_of(library.workbench(), wanted.day, wanted.condition)

        name, papers = await asyncio.wrap_future(self._desk.do(find))
        await run.tell(state=JobState.RUNNING, day=name, done=0, total=len(papers))
        await self._do(lambda: self._jobs.update(run.job))
        made: dict[int, Summary | PaperboyError] = {}
        async for number, result in self._each(papers, wanted.mode):
            made[number] = result
            if isinstance(result, Summary):
                run.summaries.append(summary_document(result))
            await run.tell(done=len(made))
        return digests.collected(name, papers, made)

    async def make(self, name: str, papers: list[Stored], mode: Mode, progress: Callable[[int], None]) -> Digest:
        """A digest for somebody who waits for it, and watches how many papers are done."""
        made: dict[int, Summary | PaperboyError] = {}
        async for number, result in self._each(papers, mode):
            made[number] = result
            progress(len(made))
        return digests.collected(name, papers, made)

    async def _each(
        self, papers: list[Stored], mode: Mode
    ) -> AsyncIterator[tuple[int, Summary | PaperboyError]]:  # fmt: skip
        """The places of the papers and what was made of each, as they come."""
        under_way: dict[asyncio.Future[Summary], int] = {}
        remaining = enumerate(papers)
        try:
            while True:
                self._fill(under_way, remaining, mode)
                if not under_way:
                    return
                ended, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for future in ended:
                    result = _result(future)
                    if isinstance(result, Summary):
                        self._metrics.claims(result.claims)
                    yield under_way.pop(future), result
        finally:
            for future in under_way:
                future.cancel()

    def _fill(
        self, under_way: dict[asyncio.Future[Summary], int], remaining: Iterator[tuple[int, Stored]], mode: Mode
    ) -> None:
        while len(under_way) < _UNDER_WAY and (following := next(remaining, None)):
            number, paper = following
            under_way[asyncio.wrap_future(self._summary(paper, mode))] = number

    def _summary(self, paper: Stored, mode: Mode) -> Future[Summary]:
        return self._desk.write(
            lambda library: summarize_once(
                library.workbench(), Results(library.workbench().stores.database), paper, "sentence", mode
            ),
            batch=True,
        )

    async def _settle(self, run: _Run, digest: Digest | None = None, **changes: object) -> None:
        """Keep how a job ended, then tell."""
        job = run.job.model_copy(update=changes)
        await self._do(lambda: self._jobs.update(job, digest.model_dump_json() if digest else None))
        await run.tell(**changes)
        self._runs.pop(run.job.id, None)

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._desk.do(lambda _library: work()))


def job_document(job: Job) -> dict[str, Any]:
    """A job as JSON."""
    document = job.model_dump(exclude={"request"}, mode="json")
    return document | {"problem": job.problem or None}


def _result(future: asyncio.Future[Summary]) -> Summary | PaperboyError:
    """What became of one paper.

    Raises:
        ServiceStoppingError: it is to be made later.
    """
    try:
        return future.result()
    except ServiceStoppingError:
        raise
    except PaperboyError as error:
        return error
