"""An HTTP client that behaves: one request at a time and not too soon, only what is new, again when a server is busy.

What a service said last (`ETag`, `Last-Modified`) and when it was last asked is kept, so that a new process knows it.
"""

import io
import json
import random
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

import httpx2

from service import __version__
from service.errors import FetchError, SourceError
from service.link import Link, retry_after
from service.sources import decompressed
from service.sources.fetch.transport import GuardedTransport, mirrored
from service.sources.fetch.wanted import Memory, MissingError, NotModifiedError
from service.text import one_line

_MOST_BYTES = 64 * 2**20
_MOST_UNPACKED_BYTES = 256 * 2**20
_CHUNK = 65_536
_AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))
_TRIES = 6
_FIRST_WAIT = 2.0
_LONGEST_WAIT = 120.0
_LONGEST_RETRY_AFTER = 600.0
_MOST_REDIRECTS = 5


class Service(NamedTuple):
    """A service, and how often it wants to be asked."""

    name: str
    hosts: frozenset[str]
    interval: float
    """Seconds between two requests."""


class Limits(NamedTuple):
    """Seconds: to connect, without a byte, and for a whole answer."""

    connect: float = 15.0
    read: float = 60.0
    whole: float = 300.0


class Body(NamedTuple):
    """An answer, unpacked; `validators` are to be kept once it was used."""

    url: str
    content: bytes
    validators: dict[str, str]


class PoliteClient:
    """Fetches from one service. Not shared between threads."""

    def __init__(
        self,
        service: Service,
        memory: Memory,
        *,
        mirrors: Mapping[str, httpx2.URL],
        note: Callable[[str], None],
        headers: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Nothing is sent yet.

        Args:
            service: whom to ask.
            memory: what is kept between processes.
            mirrors: addresses that stand in for hosts, of this service and of others.
            note: told of waits of some length.
            headers: sent with each request, such as a key.
            limits: seconds that are waited.
            sleep: waits.
        """
        self._service, self._memory = service, memory
        self._mirrors = {host: url for host, url in mirrors.items() if host in service.hosts}
        self._note, self._sleep, self._limits = note, sleep, limits or Limits()
        # A mirror is one's own.
        self._interval = 0.0 if self._mirrors else service.interval
        self._client = httpx2.Client(
            headers={"user-agent": f"paperboy/{__version__}", "accept-encoding": "gzip", **(headers or {})},
            timeout=httpx2.Timeout(self._limits.read, connect=self._limits.connect),
            transport=GuardedTransport(service.hosts, self._mirrors),
            follow_redirects=True,
            max_redirects=_MOST_REDIRECTS,
            trust_env=False,
        )

    def __enter__(self) -> "PoliteClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, url: str, *, conditional: bool = True) -> Body:
        """One answer.

        Args:
            url: the service's own address; a mirror takes its place where the settings name one.
            conditional: ask for it only if it changed since the validators of it were kept.

        Raises:
            NotModifiedError: it did not change.
            MissingError: there is no such thing (HTTP 400, 404, 410).
            FetchError: it cannot be had now; the message says what to do.
        """
        validators = self.kept(url) if conditional else {}
        reason = ""
        for number in range(1, _TRIES + 1):
            self._take_turn()
            try:
                return self._once(url, validators)
            except _AgainError as error:
                reason = str(error)
                if number < _TRIES:
                    self._pause(error.wait, number, reason)
        raise FetchError(
            f"{self._service.name}: {reason}, also after {_TRIES} tries; what was fetched before is kept, and the "
            "same command goes on from there"
        )

    def keep(self, body: Body, **more: str) -> None:
        """Remember what the service said of an answer whose papers are stored now, and `more` about it."""
        if body.validators:
            self._memory.put(f"fetch validators {body.url}", json.dumps(body.validators | more))

    def _once(self, url: str, validators: dict[str, str]) -> Body:
        link = Link()
        limit = threading.Timer(self._limits.whole, link.cut)
        limit.daemon = True
        limit.start()
        conditions = {"if-none-match": validators.get("etag"), "if-modified-since": validators.get("last-modified")}
        try:
            with self._client.stream(
                "GET",
                mirrored(httpx2.URL(url), self._mirrors),
                headers={name: value for name, value in conditions.items() if value},
                extensions={"trace": link.trace},
            ) as response:
                self._check(url, response)
                return self._read(url, response)
        except httpx2.TooManyRedirects:
            raise FetchError(f"{self._service.name} sends from one address to the next without an end") from None
        except httpx2.HTTPError as error:
            raise _AgainError(_described(error, self._limits)) from None
        finally:
            limit.cancel()

    def _check(self, url: str, response: httpx2.Response) -> None:
        status = response.status_code
        if status == 304:
            raise NotModifiedError(url)
        if status in _AGAIN:
            raise _AgainError(f"answers HTTP {status}", retry_after(response.headers.get("retry-after")))
        if status != 200:
            said = one_line(_beginning(response), 200)
            kind = MissingError if status in (400, 404, 410) else FetchError
            raise kind(f"{self._service.name} refuses the request (HTTP {status}): {said or 'no reason given'}")
        if response.headers.get("content-encoding", "identity") not in ("identity", "gzip", "x-gzip"):
            raise FetchError(f"{self._service.name} sends a compression that was not asked for")

    def _read(self, url: str, response: httpx2.Response) -> Body:
        packed = bytearray()
        for chunk in response.iter_raw(_CHUNK):
            packed += chunk
            if len(packed) > _MOST_BYTES:
                raise FetchError(f"{self._service.name} sends more than {_MOST_BYTES >> 20} MB in one answer")
        validators = {name: v for name in ("etag", "last-modified") if (v := response.headers.get(name))}
        return Body(url, _unpacked(bytes(packed), self._service.name), validators)

    def _take_turn(self) -> None:
        """Wait until the service may be asked again, whoever asked last."""
        name = f"fetch last {self._service.name}"
        now = time.time()
        try:
            last = float(self._memory.get(name) or 0)
        except ValueError:
            last = 0.0
        # A clock that was set back must not make anybody wait for years.
        wait = last + self._interval - now
        if 0 < wait <= self._interval:
            self._sleep(wait)
        if self._interval:
            self._memory.put(name, str(time.time()))

    def _pause(self, asked: float | None, number: int, reason: str) -> None:
        if asked is not None and asked > _LONGEST_RETRY_AFTER:
            raise FetchError(
                f"{self._service.name} {reason} and asks to come back in {asked / 60:.0f} minutes: call the same "
                "command then, it goes on where it stopped"
            )
        wait = asked if asked is not None else min(_FIRST_WAIT * 2 ** (number - 1), _LONGEST_WAIT)
        # Many clients that were turned away together must not come back together.
        wait *= random.uniform(1.0, 1.25)  # noqa: S311
        self._note(f"{self._service.name} {reason}; waiting {wait:.0f} s")
        self._sleep(wait)

    def kept(self, url: str) -> dict[str, str]:
        """What `keep` was last given for an address."""
        try:
            kept = json.loads(self._memory.get(f"fetch validators {url}") or "{}")
        except ValueError:
            return {}
        return {str(name): str(value) for name, value in kept.items()} if isinstance(kept, dict) else {}


class _AgainError(Exception):
    """Another try may help; `wait` is what the server asks for, in seconds."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


def _unpacked(packed: bytes, name: str) -> bytes:
    """The content of a gzipped answer, or the answer; a bomb is no answer."""
    try:
        content = decompressed(io.BytesIO(packed), len(packed)).read(_MOST_UNPACKED_BYTES + 1)
    except SourceError as error:
        raise FetchError(f"{name} sends an answer that {error}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise _AgainError(f"sends a damaged answer ({one_line(str(error), 60)})") from None
    if len(content) > _MOST_UNPACKED_BYTES:
        raise FetchError(f"{name} sends an answer that unpacks to more than {_MOST_UNPACKED_BYTES >> 20} MB")
    return content


def _beginning(response: httpx2.Response) -> str:
    for chunk in response.iter_raw(1_000):
        return chunk.decode(errors="replace")
    return ""


def _described(error: httpx2.HTTPError, limits: Limits) -> str:
    match error:
        case httpx2.ConnectTimeout():
            return f"cannot be reached within {limits.connect:g} s"
        case httpx2.ConnectError() if "CERTIFICATE" in str(error):
            return "has a certificate that this machine does not trust"
        case httpx2.ConnectError():
            return "cannot be reached"
        case httpx2.ReadTimeout():
            return f"sent nothing for {limits.read:g} s"
        case _:
            return "broke the connection off"
