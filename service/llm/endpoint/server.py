"""One chat server over HTTP: its address, what it says of itself, one attempt at a text, and how to cut it off.

A connection serves one request and is closed: so whoever cancels closes a connection that nobody else uses, which
is what makes a server stop writing, and no request is lost on one that the server has closed in the meantime.
"""

import ipaddress
import json
import re
import threading
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

import httpx2

from service.errors import SettingsError
from service.link import Link, retry_after
from service.llm.endpoint.stream import END, AttemptError, RefusedError, Reply, error_text, events, refusal
from service.text import content_hash

_KEY = re.compile(r"[!-~]*")
_LARGEST_DOCUMENT = 4 * 2**20
_LARGEST_ERROR = 16 * 2**10
_LONGEST_WAIT = 30.0
"""Seconds of a `Retry-After` that are honoured."""
_PROBE_SECONDS = 10.0
_INTERRUPTS = "me"
"""How llama_cpp.server calls its owner: with a second request it breaks the first one off."""
_STABLE = ("id", "root", "max_model_len", "meta")
"""What of a model's entry is the same whenever and wherever one asks."""


class Timeouts(NamedTuple):
    """Seconds: to connect, and without a byte."""

    connect: float
    read: float


class Facts(NamedTuple):
    """What a server says of itself; `None` and "" where it does not."""

    model: str
    context: int | None
    slots: int | None
    owner: str
    identity: str


class Server:
    """One address. Safe to share between threads."""

    def __init__(self, url: str, key: str, timeouts: Timeouts) -> None:
        """Nothing is sent yet.

        Raises:
            SettingsError: the address or the key cannot be used.
        """
        if not _KEY.fullmatch(key):
            raise SettingsError("the key of the endpoint has characters that no key has: set endpoint_key anew")
        parsed = _checked(url)
        self.name = parsed.netloc.decode("ascii")
        self._base = str(parsed).rstrip("/").removesuffix("/v1")
        self._key = key
        self._timeouts = timeouts
        self._client = _client(parsed, key, timeouts)
        self.schema_form = 0
        """Which way of giving a schema it understands; found out once."""

    def facts(self) -> Facts:
        """Ask for the model and the limits.

        Raises:
            AttemptError: it cannot be reached now.
            RefusedError: it refuses the key.
        """
        models = self._document("/v1/models")
        props = self._document("/props")
        entries = models.get("data")
        entry = next((e for e in entries if isinstance(e, dict)), {}) if isinstance(entries, list) else {}
        meta = _members(entry.get("meta"))
        lengths = (
            _members(props.get("default_generation_settings")).get("n_ctx"),
            entry.get("max_model_len"),
            meta.get("n_ctx"),
            meta.get("n_ctx_train"),
        )
        stable = {name: entry[name] for name in _STABLE if name in entry}
        template = props.get("chat_template")
        owner = str(entry.get("owned_by", ""))
        return Facts(
            model=entry["id"] if isinstance(entry.get("id"), str) else "",
            context=next((length for length in map(_positive, lengths) if length), None),
            slots=1 if owner == _INTERRUPTS else _positive(props.get("total_slots")),
            owner=owner,
            identity=content_hash(json.dumps(stable, sort_keys=True), str(template or "")),
        )

    def chat(self, body: bytes, idempotency_key: str, reply: Reply, link: Link) -> Generator[str]:
        """One attempt: the pieces of text as they come. `reply` grows with them and says at the end what was made.

        Raises:
            AttemptError: another try may help.
            RefusedError: another try does not help.
            TooLargeError: prompt and output exceed the context.
        """
        headers = {"content-type": "application/json", "idempotency-key": idempotency_key}
        extensions = {"trace": link.trace}
        try:
            with self._client.stream(
                "POST", f"{self._base}/v1/chat/completions", content=body, headers=headers, extensions=extensions
            ) as response:
                self._check(response)
                chunks = (reply.received(chunk) for chunk in response.iter_raw())
                if response.headers.get("content-type", "").startswith("application/json"):
                    parts: Iterator[str] = iter([b"".join(chunks).decode("utf-8", errors="replace")])
                else:
                    parts = events(chunks)
                for event in parts:
                    if event.strip() == END:
                        break
                    if text := reply.take(event):
                        yield text
        except httpx2.HTTPError as error:
            # A text that is whole stays whole, whatever happens to the connection afterwards.
            if not reply.finished:
                raise AttemptError(self._described(error)) from None
        if not reply.finished:
            raise AttemptError("ended before the text was finished")

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def without_key(self, text: str) -> str:
        """A text of the server, in which it might repeat the key."""
        return text.replace(self._key, "…") if self._key else text

    def _document(self, path: str) -> dict[str, Any]:
        """A JSON document; empty where the server has none."""
        link = Link()
        limit = threading.Timer(_PROBE_SECONDS, link.cut)
        limit.daemon = True
        limit.start()
        try:
            with self._client.stream("GET", self._base + path, extensions={"trace": link.trace}) as response:
                if response.status_code in (404, 405, 501):
                    return {}
                self._check(response)
                document = json.loads(_bounded(response, _LARGEST_DOCUMENT))
        except httpx2.HTTPError as error:
            raise AttemptError(self._described(error)) from None
        except (ValueError, RecursionError):
            return {}
        finally:
            limit.cancel()
        return _members(document)

    def _check(self, response: httpx2.Response) -> None:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise RefusedError("sends compressed text, which was not asked for")
        if response.status_code != 200:
            reason = error_text(_bounded(response, _LARGEST_ERROR))
            raise refusal(response.status_code, reason, _wait(response.headers.get("retry-after")))

    def _described(self, error: httpx2.HTTPError) -> str:
        match error:
            case httpx2.ConnectTimeout():
                return f"cannot be reached within {self._timeouts.connect:g} s"
            case httpx2.ConnectError() if "CERTIFICATE" in str(error):
                return "has a certificate that this machine does not trust (SSL_CERT_FILE can name another authority)"
            case httpx2.ConnectError():
                return "cannot be reached"
            case httpx2.ReadTimeout():
                return f"sent nothing for {self._timeouts.read:g} s"
            case _:
                return "broke the connection off"


def _client(url: httpx2.URL, key: str, timeouts: Timeouts) -> httpx2.Client:
    headers = {"accept-encoding": "identity", "connection": "close", "user-agent": "paperboy"}
    if key:
        headers["authorization"] = f"Bearer {key}"
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
    timeout = httpx2.Timeout(timeouts.read, connect=timeouts.connect, pool=None)
    # A proxy of the environment is used only where it can pass on nothing but encrypted bytes, and never for this
    # machine: over plain HTTP it would read the key and the papers. A transport of one's own has no proxy.
    transport = None if url.scheme == "https" and not _is_loopback(url.host) else httpx2.HTTPTransport(limits=limits)
    return httpx2.Client(headers=headers, timeout=timeout, limits=limits, transport=transport, follow_redirects=False)


def _checked(url: str) -> httpx2.URL:
    """The address as the client sees it. No message repeats it: it may hold a password."""
    try:
        parsed = httpx2.URL(url.strip())
    except httpx2.InvalidURL:
        raise SettingsError("the address of the endpoint is no URL: give http://HOST:PORT") from None
    if parsed.scheme not in ("http", "https") or not parsed.host or not 0 < (parsed.port or 80) < 2**16:
        raise SettingsError("the address of an endpoint is http:// or https://, a host, and a port if need be")
    if parsed.userinfo:
        raise SettingsError("the address of an endpoint has no name and no password: set endpoint_key instead")
    if parsed.query or parsed.fragment:
        raise SettingsError("the address of an endpoint ends with its path, without ? and #")
    return parsed


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _bounded(response: httpx2.Response, limit: int) -> bytes:
    """The beginning of a body."""
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > limit:
            break
    return body[:limit]


def _wait(header: str | None) -> float | None:
    """Seconds of a `Retry-After`, within reason."""
    seconds = retry_after(header)
    return min(seconds, _LONGEST_WAIT) if seconds else None


def _members(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _positive(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else None
