"""The socket in the home through which the command line uses a running service; `service.remote` is its other end.

One JSON line for a request, one or more for what comes of it. A connection that is closed gives up what it asked for.
"""

import asyncio
import json
import os
import queue
import socket
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from service.answer import digest as digests
from service.editions import Editions
from service.errors import EngineError, InputError, PaperboyError
from service.fetching import fetch_in
from service.index.catalog import Stored
from service.index.notes import Notes
from service.library import Library
from service.llm.wire import error_row
from service.remote import LONGEST_LINE, RECORDS, WANTED, Row, comparable, short_address
from service.types import Failure, Filter, Hit, IngestReport, Paper, Record
from service.web.asking import asked
from service.web.desk import Desk, Urgency
from service.web.problems import log_unexpected
from service.web.service import Service

_HITS = TypeAdapter(list[Hit])
_PAPERS = TypeAdapter(dict[str, Paper])
_WAIT_SECONDS = 0.02
_BATCHES = 4
"""Of papers that are taken from the socket ahead of the catalog."""
Tell = Callable[[str, Any], None]


class LocalServer:
    """Listens in the home; files of the home are its access control."""

    def __init__(self, service: Service, path: Path) -> None:
        self._service, self._path = service, path
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen; the home is owned, so what lies at the path was left behind."""
        self._path.unlink(missing_ok=True)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            with short_address(self._path) as address:
                bound.bind(address)
        finally:
            os.umask(before)
        self._server = await asyncio.start_unix_server(self._serve, sock=bound, limit=LONGEST_LINE)

    async def stop(self) -> None:
        """Close every connection and remove the socket."""
        if self._server:
            self._server.close()
        self._path.unlink(missing_ok=True)
        for task in list(self._connections):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this as one
        self._connections.add(task)
        try:
            await _Connection(self._service, reader, writer).run()
        except (OSError, ValueError, asyncio.CancelledError):
            # It left, sent no JSON, or the service stops.
            pass
        finally:
            self._connections.discard(task)
            writer.close()


class _Connection:
    """One command that runs elsewhere."""

    def __init__(self, service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._service, self._reader, self._writer = service, reader, writer
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._records: dict[int, queue.Queue[list[Paper | Failure]]] = {}
        """On their way to the catalog, by the number of the ingest; an empty list is the last."""
        self._closed = False

    async def run(self) -> None:
        """Serve until it is closed."""
        try:
            while line := await self._reader.readline():
                row = json.loads(line)
                if "records" in row:
                    await self._take_records(row)
                else:
                    self._begin(row)
                await self._writer.drain()
        finally:
            self._closed = True
            for task in self._tasks:
                task.cancel()

    async def _take_records(self, row: Row) -> None:
        number, batch = row["number"], RECORDS.validate_python(row["records"] or [])
        # Waits for the catalog, so that no more is read ahead than a little; what failed already wants no more.
        while number in self._records:
            try:
                self._records[number].put_nowait(batch)
            except queue.Full:
                await asyncio.sleep(_WAIT_SECONDS)
            else:
                return

    def _begin(self, row: Row) -> None:
        number = row["number"]

        def tell(kind: str, value: Any) -> None:
            said = json.dumps({"number": number, "kind": kind, "value": value}).encode() + b"\n"
            self._loop.call_soon_threadsafe(self._writer.write, said)

        if row["operation"] == "ingest":
            self._records[number] = queue.Queue(_BATCHES)
        task = asyncio.create_task(self._answer(number, row["operation"], row["wanted"], tell))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, number: int, operation: str, wanted: Row, tell: Tell) -> None:
        try:
            tell("result", await self._result(number, operation, wanted, tell))
        except PaperboyError as error:
            tell("error", error_row(error))
        except Exception as error:  # noqa: BLE001 - the other requests of the connection go on
            log_unexpected(error)
            tell("error", error_row(EngineError("the service failed on this request; its log says where")))

    def _result(self, number: int, operation: str, wanted: Row, tell: Tell) -> Coroutine[Any, Any, Any]:
        if operation == "ingest":
            return self._ingest(number, tell)
        serve: dict[str, Callable[[Row, Tell], Coroutine[Any, Any, Any]]] = {
            "settings": self._settings,
            "search": self._search,
            "ask": self._ask,
            "summarize": self._summarize,
            "summarize_text": self._summarize_text,
            "digest": self._digest,
            "reindex": self._reindex,
            "fetch": self._fetch,
            "editions": self._editions,
        }
        if operation not in serve:
            raise InputError(f"this service does not know {operation}: it is of another version; start it anew")
        return serve[operation](wanted, tell)

    async def _settings(self, _wanted: Row, _tell: Tell) -> Any:
        return comparable(self._service.settings)

    async def _search(self, wanted: Row, _tell: Tell) -> Any:
        condition = Filter.model_validate(wanted["condition"])
        hits = await self._service.do(lambda library: library.search(wanted["query"], wanted["k"], condition))
        return _HITS.dump_python(hits, mode="json")

    async def _ask(self, wanted: Row, _tell: Tell) -> Any:
        service, batch = self._service, wanted["batch"]
        made = await _done(
            service.desk.write(
                lambda library: asked(service, library, wanted["question"], wanted["mode"], wanted["most"]), batch=batch
            )
        )
        return _json(made.answer)

    async def _summarize(self, wanted: Row, _tell: Tell) -> Any:
        return _json(
            await _done(
                self._service.desk.write(
                    lambda library: library.summarizing(wanted["name"], wanted["length"], wanted["mode"])
                )
            )
        )

    async def _summarize_text(self, wanted: Row, _tell: Tell) -> Any:
        title, abstract, length, mode = (wanted[name] for name in ("title", "abstract", "length", "mode"))
        return _json(
            await _done(
                self._service.desk.write(
                    lambda library: library.summarizing_text(title, abstract, length, mode), batch=wanted["batch"]
                )
            )
        )

    async def _digest(self, wanted: Row, tell: Tell) -> Any:
        condition = Filter.model_validate(wanted["condition"])

        def find(library: Library) -> tuple[str, list[Stored]]:
            return digests.papers_of(library.workbench(), wanted["day"], condition)

        name, papers = await self._service.do(find)
        made = await self._service.digests.make(
            name, papers, wanted["mode"], lambda done: tell("progress", ["summarizing", done, len(papers)])
        )
        return [_json(made), _PAPERS.dump_python({paper.paper_id: paper for paper in papers}, mode="json")]

    async def _editions(self, wanted: Row, _tell: Tell) -> Any:
        interests = tuple(wanted["interests"])
        return await self._service.do(
            lambda library: Editions(library, interests).answer(wanted["method"], wanted["given"])
        )

    async def _reindex(self, _wanted: Row, tell: Tell) -> Any:
        return await self._service.do(
            lambda library: library.reindex(lambda *progress: tell("progress", progress)), Urgency.LONG
        )

    async def _fetch(self, wanted: Row, tell: Tell) -> Any:
        """The network is waited for in a thread of its own; each page goes to the catalog as an ingest does."""
        service = self._service
        memory = DeskMemory(service.desk)

        def progress(*so_far: Any) -> None:
            if self._closed:
                raise InputError("the command that fetches papers has ended; those that had come are stored")
            tell("progress", so_far)

        def store(library: Library, records: Iterable[Paper | Failure]) -> IngestReport:
            def between(*so_far: Any) -> None:
                tell("progress", so_far)
                service.desk.let_others_in()

            return library.ingest_records(records, between)

        def take(records: Iterable[Paper | Failure]) -> IngestReport:
            return service.desk.do(lambda library: store(library, records), Urgency.LONG).result()

        def run() -> IngestReport:
            return fetch_in(
                wanted["source"],
                WANTED.validate_python(wanted["papers"]),
                service.settings,
                memory,
                take,
                note=lambda text: tell("note", text),
                progress=progress,
            )

        return _json(await asyncio.to_thread(run))

    async def _ingest(self, number: int, tell: Tell) -> Any:
        records = self._records[number]

        def progress(*so_far: Any) -> None:
            tell("progress", so_far)
            self._service.desk.let_others_in()

        def take_in(library: Library) -> Any:
            return _json(library.ingest_records(self._arriving(records), progress))

        try:
            return await self._service.do(take_in, Urgency.LONG)
        finally:
            del self._records[number]

    def _arriving(self, records: "queue.Queue[list[Paper | Failure]]") -> Iterator[Paper | Failure]:
        """Records as they come over the socket; others are let in while none does.

        Raises:
            InputError: the connection was closed before the last one.
        """
        while True:
            try:
                batch = records.get(timeout=_WAIT_SECONDS)
            except queue.Empty:
                if self._closed:
                    raise InputError("the command that sent papers has ended; those that had come are stored") from None
                self._service.desk.let_others_in()
                continue
            if not batch:
                return
            yield from batch


class DeskMemory:
    """What a fetch keeps from one time to the next, in a home that the desk works with."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def get(self, name: str) -> str | None:
        """What was kept under a name."""
        return self._desk.do(lambda library: Notes(library.stores.database).get(name)).result()

    def put(self, name: str, value: str) -> None:
        """Keep a text."""
        self._desk.do(lambda library: Notes(library.stores.database).put(name, value)).result()

    def delete(self, name: str) -> None:
        """Forget it; it may not be there."""
        self._desk.do(lambda library: Notes(library.stores.database).delete(name)).result()


async def _done(future: "Future[Any]") -> Any:
    return await asyncio.wrap_future(future)


def _json(record: Record) -> Any:
    return record.model_dump(mode="json")
