"""What a request must be before anything looks at it: of this host, from this page, with a key where keys are in use.

Other pages in the user's browser can send requests to this machine. They cannot send JSON without asking first (CORS,
which is off), cannot hide their `Origin`, and, where they point a name of their own at 127.0.0.1 (DNS rebinding),
still send that name as `Host`.
"""

import ipaddress
import time
from collections import Counter
from collections.abc import Callable, Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.types import Record
from service.web.keys import Keys
from service.web.problems import Refusal, response_of

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}
_OPEN_PATHS = ("/static/", "/healthz")
_SAME_SITE = {"", "same-origin", "none"}
_SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Access(Record):
    """Who may speak to the service."""

    host: str = "127.0.0.1"
    """The address that it is bound to."""
    names: tuple[str, ...] = ()
    """Further host names that it is reached by."""
    origins: tuple[str, ...] = ()
    """Other origins whose pages may use it (CORS); none, unless somebody says so."""
    per_minute: int = 600
    """Requests a minute that one key may send."""
    at_once: int = 32
    """Requests of one key that are served at the same time: a stream takes a place as long as it lasts."""

    @property
    def local(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self.host)

    def knows(self, host: str) -> bool:
        """Whether a `Host` header means this service.

        An address in place of a name is nobody's trick; a name may be. So beyond loopback every address is taken, and
        only the names that were given.
        """
        name = _host_name(host)
        if name in _LOOPBACK_NAMES or name in self.names or name == self.host:
            return True
        return not self.local and _is_address(name)


def is_loopback(host: str) -> bool:
    """Whether an address to bind to is reached from this machine only."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


class Guard:
    """ASGI: refuses what must not be served, and puts the security headers on every response."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        access: Access,
        keys: Keys,
        stopping: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app, self._access, self._keys, self._stopping = app, access, keys, stopping
        self._rate, self._at_once = Rate(access.per_minute, clock), AtOnce(access.at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY_HEADERS.items():
                    headers[name] = value
                if self._stopping():
                    headers["Connection"] = "close"
            await send(message)

        try:
            holder = self._check(scope)
            if holder:
                self._at_once.enter(holder)
        except Refusal as refusal:
            await response_of(refusal, scope["path"])(scope, receive, secured)
            return
        try:
            await self._app(scope, receive, secured)
        finally:
            if holder:
                self._at_once.leave(holder)

    def _check(self, scope: Scope) -> str:
        """Whose key it is; empty where none is needed."""
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        if not self._access.knows(headers.get("host", "")):
            raise Refusal(
                400, "foreign-host", "this Host is not served: use an address of this machine, or --allow-host NAME"
            )
        if self._stopping() and path != "/healthz":
            raise Refusal(503, "stopping", "the service is stopping", {"Retry-After": "5"})
        if method not in _SAFE_METHODS:
            self._check_origin(headers)
            self._check_content(headers, scope)
        if self._keys and path != "/" and not path.startswith(_OPEN_PATHS):
            return self._check_key(headers)
        return ""

    def _check_content(self, headers: Headers, scope: Scope) -> None:
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            refusal = Refusal(415, "not-json", "send Content-Type: application/json")
        elif headers.get("content-encoding", "identity").lower() != "identity":
            refusal = Refusal(415, "encoded", "send the body as it is, without Content-Encoding")
        else:
            return
        # What no route serves is refused as that, whatever it sends.
        if any(route.matches(scope)[0] is Match.FULL for route in scope["app"].routes):
            raise refusal

    def _check_origin(self, headers: Headers) -> None:
        origin = headers.get("origin")
        if origin in self._access.origins:
            return
        own = origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
        if not own or headers.get("sec-fetch-site", "") not in _SAME_SITE:
            raise Refusal(403, "other-site", "pages of other sites may not use this service")

    def _check_key(self, headers: Headers) -> str:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        name = self._keys.name_of(key.strip()) if scheme.lower() == "bearer" else None
        if name is None:
            raise Refusal(
                401, "key", "send a key: Authorization: Bearer KEY", {"WWW-Authenticate": 'Bearer realm="paperboy"'}
            )
        wait = self._rate.take(name)
        if wait:
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                "rate",
                f"more than {self._access.per_minute} requests a minute with this key",
                {"Retry-After": str(wait)},
            )
        return name


class Rate:
    """A token bucket for each name: as many at once as a minute allows, and then as they come back."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._most, self._clock = per_minute, clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> int:
        """Seconds to wait, in whole ones; 0: go ahead."""
        now = self._clock()
        left, then = self._left.get(name, (float(self._most), now))
        left = min(float(self._most), left + (now - then) * self._most / 60)
        self._left[name] = max(0.0, left - 1) if left >= 1 else left, now
        return 0 if left >= 1 else max(1, round((1 - left) * 60 / self._most))


class AtOnce:
    """How many requests of each name are being served, so that no one takes all places."""

    def __init__(self, most: int) -> None:
        self._most, self._served = most, Counter[str]()

    def enter(self, name: str) -> None:
        """Begin one more.

        Raises:
            Refusal: so many are being served already.
        """
        if self._served[name] >= self._most:
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                "at-once",
                f"{self._most} requests with this key are being served: send the next when one is done",
                {"Retry-After": "1"},
            )
        self._served[name] += 1

    def leave(self, name: str) -> None:
        """End one."""
        self._served[name] -= 1


def _host_name(host: str) -> str:
    """The name of a `Host` header, without port and brackets, in lower case; empty where it is none."""
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018 - raises where it is none
    except ValueError:
        return ""
    if parts.username is not None or parts.path or parts.query or parts.fragment:
        return ""
    return (parts.hostname or "").rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def origin_names(origins: Sequence[str]) -> tuple[str, ...]:
    """Origins as browsers write them.

    Raises:
        ValueError: one is none.
    """
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
            raise ValueError(f"{origin} is no origin: SCHEME://HOST[:PORT]")
    return tuple(origin.lower() for origin in origins)
