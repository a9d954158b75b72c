"""What the routes share: the desk, what is kept, what is counted; and whether it is ready."""

import asyncio
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from service.index.answer_log import AnswerLog
from service.index.jobs import Jobs
from service.library import Library
from service.settings import Mode, Settings
from service.web.desk import Desk, Urgency
from service.web.digests import DigestRunner
from service.web.metrics import Metrics

T = TypeVar("T")
_WARM_UP = "language models"


class Service:
    """One running service over one library."""

    def __init__(self, library: Library, settings: Settings, *, room: int) -> None:
        """Start working; `start` has to be awaited once a loop runs.

        Args:
            library: open; used by the service alone until `close`.
            settings: what it was opened with.
            room: requests that may wait at a time.
        """
        self.settings = settings
        self.metrics = Metrics()
        self.desk = Desk(library, room=room, on_generation=self.metrics.generation)
        database = library.workbench().stores.database
        self.answers, jobs = AnswerLog(database), Jobs(database)
        self.digests = DigestRunner(self.desk, jobs, settings.mode, self.metrics)
        self.unready = "the models are being loaded"
        """Why it is not ready yet; empty: it is."""
        self.disagreement = ""
        """What the stores disagree about, as of the start or of the last change of the papers; empty: nothing."""
        self.on_ready: Callable[[], None] = lambda: None
        """Called once, when the models are loaded."""
        self.stopping = False
        self._warming: asyncio.Task[None] | None = None
        self.metrics.gauge("paperboy_waiting", "Requests that somebody waits for.", lambda: self.desk.waiting)
        self.metrics.gauge("paperboy_under_way", "Use cases that were begun.", lambda: self.desk.under_way)

    @property
    def idle(self) -> bool:
        """Whether nobody waits for anything and nothing is being made."""
        return not self.desk.waiting and not self.desk.under_way

    async def start(self) -> None:
        """Load the models and finish what was interrupted, in the background."""
        self._warming = asyncio.create_task(self._warm())

    async def stop(self) -> None:
        """Give up what nobody waits for; the jobs go on when the service is started again."""
        self.stopping = True
        if self._warming:
            self._warming.cancel()
        await self.digests.stop()

    def close(self) -> None:
        """Give up everything; the library is free then."""
        self.desk.close()

    async def do(self, work: Callable[[Library], T], urgency: Urgency = Urgency.SOON) -> T:
        """Have something done with the library; after what takes long, an ingest, its stores are compared."""
        if urgency is not Urgency.LONG:
            return await asyncio.wrap_future(self.desk.do(work, urgency))

        def examined(library: Library) -> T:
            try:
                return work(library)
            finally:
                self._examine(library)

        return await asyncio.wrap_future(self.desk.do(examined, urgency))

    def mode(self, mode: Mode | None) -> Mode:
        """How a text is written."""
        return mode or self.settings.mode

    async def _warm(self) -> None:
        try:
            await self.do(self._settle, Urgency.LONG)
            await self._load()
        except Exception as error:  # noqa: BLE001 - whatever it is, `/readyz` says it
            self.unready = str(error) or type(error).__name__
            return
        # It takes a place at the desk for a moment, so it comes before anybody is called in.
        await self.digests.start()
        self.on_ready()
        self.unready = ""

    async def _load(self) -> None:
        """What the first questions would wait for, in pieces, so that others come between."""
        engine = await self.do(lambda library: library.workbench().engine())
        # Waits until it is loaded, which is nothing for the library's own thread.
        await asyncio.to_thread(lambda: engine.parallel)
        if await self.do(lambda library: library.stores.catalog.count()):
            # The second search of a process opens the vector store.
            for _ in range(2):
                await self.do(lambda library: library.search(_WARM_UP, 1))
            await self.do(self._examine)

    def _examine(self, library: Library) -> None:
        try:
            self.disagreement = library.stores.disagreement()
        except Exception as error:  # noqa: BLE001 - whatever it is, `/readyz` says it
            self.disagreement = f"a store cannot be read ({type(error).__name__})"

    def _settle(self, library: Library) -> None:
        library.settle(lambda _what, _done, _total: self.desk.let_others_in())


async def service_of(request: Request) -> Service:
    """The service that an application belongs to; asynchronous, for FastAPI calls other functions in a thread."""
    service: Service = request.app.state.service
    return service


ServiceOf = Annotated[Service, Depends(service_of)]
