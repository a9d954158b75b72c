"""The library of a home that a running service owns, reached through a socket in that home.

`RemoteLibrary` has the methods of `Library` that the commands use. Requests and answers are JSON lines: the records
travel as they are, so a command prints the same, byte for byte. The socket lies in the home and is its owner's alone
(mode 0600): whoever may open it may open the files beside it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic import TypeAdapter

from service.answer.running import in_order
from service.errors import HomeError, PaperboyError, SettingsError
from service.index.home import Home
from service.llm.wire import read_error
from service.settings import Mode, Settings
from service.sources.fetch.wanted import Wanted
from service.types import Answer, Digest, Failure, Filter, Hit, IngestReport, Paper, Summary, SummaryLength

if TYPE_CHECKING:
    from service.fetching import SourceName
    from service.index.indexer import Progress

T = TypeVar("T")
_Item = TypeVar("_Item")
Row = dict[str, Any]
LONGEST_LINE = 64 * 2**20
_LONGEST_ADDRESS = 100
"""Bytes that a socket's path may have, on every system."""
_UNDER_WAY = 64
"""Requests of a batch that are sent ahead."""
_RECORDS = 50
"""Papers that travel in one line."""
_OWN = {
    "home", "mode", "max_papers", "endpoint_key", "interests", "sources", "fetch", "smtp_host", "smtp_port",
    "smtp_security", "smtp_user", "mail_from", "mail_to", "unsubscribe", "fetch_mirrors", "semantic_scholar_key",
}  # fmt: skip
"""Settings that go with each request, or are nobody else's business; those of a fetch are the service's own."""
_HITS = TypeAdapter(list[Hit])
_PAPERS = TypeAdapter(dict[str, Paper])
WANTED = TypeAdapter(Wanted)
RECORDS: TypeAdapter[list[Paper | Failure]] = TypeAdapter(list[Paper | Failure])


def connect(settings: Settings, note: Callable[[str], None]) -> RemoteLibrary | None:
    """The library of the service that owns the home; `None` where none runs.

    Raises:
        SettingsError: the service works with other models or settings than these.
    """
    path = Home(settings.home).socket
    if not path.exists():
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_address(path) as address:
            connection.connect(address)
    except OSError:
        # Left behind by one that was killed.
        connection.close()
        return None
    library = RemoteLibrary(connection, settings, note)
    try:
        library.agree()
    except BaseException:
        library.close()
        raise
    return library


@contextlib.contextmanager
def short_address(path: Path) -> Iterator[str]:
    """A path to a socket that is short enough for the system: through a link, where the home's is not."""
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield str(path)
        return
    folder = Path(tempfile.mkdtemp(prefix="paperboy-"))
    try:
        (folder / "home").symlink_to(path.parent.absolute())
        yield str(folder / "home" / path.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def comparable(settings: Settings) -> Row:
    """The settings that a command and a service have to have in common."""
    return settings.model_dump(mode="json", exclude=_OWN)


class RemoteLibrary:
    """What the commands need of a library, done by the service. For one thread, as a `Library` is."""

    def __init__(self, connection: socket.socket, settings: Settings, note: Callable[[str], None]) -> None:
        """Use `connect`, which also makes sure that the service works with these settings."""
        self._connection, self._settings, self._note = connection, settings, note
        self._file = connection.makefile("rwb")
        self._numbers = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave; the service gives up what is under way."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._file.close()
        self._connection.close()

    def agree(self) -> None:
        """Compare settings.

        Raises:
            SettingsError: a setting that shapes texts differs.
        """
        theirs, ours = self.call("settings", {}), comparable(self._settings)
        for name, value in ours.items():
            if theirs.get(name) != value:
                raise SettingsError(
                    f"the service that owns {self._settings.home} runs with {name} {theirs.get(name)!r}, not "
                    f"{value!r}: leave that setting out, or stop the service"
                )

    def ingest(
        self, paths: Iterable[Path], format_name: str | None = None, progress: Progress | None = None
    ) -> IngestReport:  # fmt: skip
        """As `Library.ingest`; the files are read here."""
        from service.intake import records_of

        records = records_of(paths, format_name)
        batch = list(islice(records, _RECORDS))
        number = self._send("ingest", {})
        while batch:
            self._write({"number": number, "records": RECORDS.dump_python(batch, mode="json")})
            batch = list(islice(records, _RECORDS))
        self._write({"number": number, "records": None})
        return IngestReport.model_validate(self._wait(number, progress))

    def fetch(self, source: SourceName, wanted: Wanted, progress: Progress | None = None) -> IngestReport:
        """As `Library.fetch`; the service goes to the network."""
        row = WANTED.dump_python(wanted, mode="json")
        return IngestReport.model_validate(self._wait(self._send("fetch", {"source": source, "papers": row}), progress))

    def search(self, query: str, k: int = 10, condition: Filter | None = None) -> list[Hit]:
        """As `Library.search`."""
        return _HITS.validate_python(
            self.call("search", {"query": query, "k": k, "condition": _json(condition or Filter())}), strict=False
        )

    def ask(self, question: str, mode: Mode | None = None, most: int | None = None) -> Answer:
        """As `Library.ask`."""
        return Answer.model_validate(self.call("ask", self._asking(question, mode, most, batch=False)))

    def ask_many(
        self, questions: Iterable[str | PaperboyError], mode: Mode | None = None, most: int | None = None
    ) -> Generator[Answer | PaperboyError, None, None]:
        """As `Library.ask_many`."""
        return self._many(
            questions, "ask", lambda question: self._asking(question, mode, most, batch=True), Answer.model_validate
        )

    def summarize(self, name: str, length: SummaryLength = "sentence", mode: Mode | None = None) -> Summary:
        """As `Library.summarize`."""
        wanted = {"name": name, "length": length, "mode": self._mode(mode), "batch": False}
        return Summary.model_validate(self.call("summarize", wanted))

    def summarize_text(
        self, title: str, abstract: str, length: SummaryLength = "sentence", mode: Mode | None = None
    ) -> Summary:  # fmt: skip
        """As `Library.summarize_text`."""
        wanted = self._summarizing((title, abstract), length, mode, batch=False)
        return Summary.model_validate(self.call("summarize_text", wanted))

    def summarize_many(
        self,
        texts: Iterable[tuple[str, str] | PaperboyError],
        length: SummaryLength = "sentence",
        mode: Mode | None = None,
    ) -> Generator[Summary | PaperboyError, None, None]:
        """As `Library.summarize_many`."""
        return self._many(
            texts,
            "summarize_text",
            lambda text: self._summarizing(text, length, mode, batch=True),
            Summary.model_validate,
        )

    def digest(
        self, day: str, condition: Filter, mode: Mode | None = None, progress: Progress | None = None
    ) -> tuple[Digest, dict[str, Paper]]:  # fmt: skip
        """As `Library.digest`."""
        wanted = {"day": day, "condition": _json(condition), "mode": self._mode(mode)}
        made, papers = self._wait(self._send("digest", wanted), progress)
        return Digest.model_validate(made), _PAPERS.validate_python(papers)

    def reindex(self, progress: Progress | None = None) -> int:
        """As `Library.reindex`."""
        return int(self._wait(self._send("reindex", {}), progress))

    def _mode(self, mode: Mode | None) -> Mode:
        return mode or self._settings.mode

    def _asking(self, question: str, mode: Mode | None, most: int | None, *, batch: bool) -> Row:
        wanted = {"question": question, "mode": self._mode(mode), "most": most or self._settings.max_papers}
        return wanted | {"batch": batch}

    def _summarizing(self, text: tuple[str, str], length: SummaryLength, mode: Mode | None, *, batch: bool) -> Row:
        wanted = {"title": text[0], "abstract": text[1], "length": length, "mode": self._mode(mode)}
        return wanted | {"batch": batch}

    def _many(
        self,
        items: Iterable[_Item | PaperboyError],
        operation: str,
        wanted: Callable[[_Item], Row],
        read: Callable[[Any], T],
    ) -> Generator[T | PaperboyError, None, None]:
        return in_order(self._together(items, operation, wanted, read))

    def _together(
        self,
        items: Iterable[_Item | PaperboyError],
        operation: str,
        wanted: Callable[[_Item], Row],
        read: Callable[[Any], T],
    ) -> Generator[tuple[int, T | PaperboyError], None, None]:
        """Numbered results as they come; so many requests are sent ahead."""
        under_way: dict[int, int] = {}
        for place, item in enumerate(items):
            if isinstance(item, PaperboyError):
                yield place, item
                continue
            under_way[self._send(operation, wanted(item))] = place
            if len(under_way) == _UNDER_WAY:
                yield self._next(under_way, read)
        while under_way:
            yield self._next(under_way, read)

    def _next(self, under_way: dict[int, int], read: Callable[[Any], T]) -> tuple[int, T | PaperboyError]:
        while True:
            said = self._read()
            if said["number"] in under_way and said["kind"] in ("result", "error"):
                place = under_way.pop(said["number"])
                return place, read_error(said["value"]) if said["kind"] == "error" else read(said["value"])
            self._hear(said, None)

    def call(self, operation: str, wanted: Row) -> Any:
        """Have the service do something, and wait for what comes of it, as JSON."""
        return self._wait(self._send(operation, wanted))

    def _send(self, operation: str, wanted: Row) -> int:
        self._numbers += 1
        self._write({"number": self._numbers, "operation": operation, "wanted": wanted})
        return self._numbers

    def _wait(self, number: int, progress: Progress | None = None) -> Any:
        while True:
            said = self._read()
            if said["number"] == number and said["kind"] == "error":
                raise read_error(said["value"])
            if said["number"] == number and said["kind"] == "result":
                return said["value"]
            self._hear(said, progress)

    def _hear(self, said: Row, progress: Progress | None = None) -> None:
        if said["kind"] == "note":
            self._note(said["value"])
        elif said["kind"] == "progress" and progress:
            progress(*said["value"])

    def _write(self, row: Mapping[str, Any]) -> None:
        try:
            self._file.write(json.dumps(row).encode() + b"\n")
            self._file.flush()
        except OSError:
            raise self._gone() from None

    def _read(self) -> Row:
        try:
            line = self._file.readline()
        except OSError:
            line = b""
        if not line.endswith(b"\n"):
            raise self._gone()
        row: Row = json.loads(line)
        return row

    def _gone(self) -> HomeError:
        return HomeError(f"the service that owns {self._settings.home} has ended: run the command again")


def _json(condition: Filter) -> Row:
    return condition.model_dump(mode="json")
