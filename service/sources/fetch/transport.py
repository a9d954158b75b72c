"""Requests to the addresses of known services and to no other, whatever a redirect or a name server says.

Each hop of a request is checked: HTTPS, a host that the service is known to have, an address of the public internet.
The name is resolved once and the connection made to what was checked, so that a second answer of the name server
changes nothing. An address that the settings name as a mirror may be private and without encryption. No proxy is used.
"""

import ipaddress
import socket
from collections.abc import Mapping

import httpx2

from service.errors import FetchError, SettingsError

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
Origin = tuple[str, str, int]
"""Scheme, host and port."""


class GuardedTransport(httpx2.BaseTransport):
    """Lets a request pass to the hosts of one service, or to its mirror."""

    def __init__(self, hosts: frozenset[str], mirrors: Mapping[str, httpx2.URL]) -> None:
        """Nothing is sent yet.

        Args:
            hosts: names of the service.
            mirrors: by host, the addresses that stand in for some of them.
        """
        self._hosts = hosts
        self._mirrors = {_origin(url) for url in mirrors.values()}
        # A connection serves one request: one that is kept would be found again by its address, whatever its name.
        self._inner = httpx2.HTTPTransport(limits=httpx2.Limits(max_keepalive_connections=0), trust_env=False)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass a request on to the address that was checked.

        Raises:
            FetchError: it goes where no request may go.
        """
        url = request.url
        is_mirror = _origin(url) in self._mirrors
        if not is_mirror and (url.scheme != "https" or url.host not in self._hosts or _origin(url)[2] != 443):
            raise FetchError(f"an answer leads to {_shown(url)}, where nothing is fetched from; nothing was sent there")
        if url.userinfo:
            raise FetchError(f"an answer leads to {_shown(url)} with a password; nothing was sent there")
        addresses = _resolved(url.host, _origin(url)[2])
        if not is_mirror and (private := next((a for a in addresses if not is_public(a)), None)):
            raise FetchError(f"the name server says that {url.host} is at {private}, which is no public address")
        return self._passed_on(request, addresses)

    def close(self) -> None:
        """Close all connections."""
        self._inner.close()

    def _passed_on(self, request: httpx2.Request, addresses: list[str]) -> httpx2.Response:
        for number, address in enumerate(addresses, start=1):
            pinned = httpx2.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": request.url.host},
            )
            try:
                return self._inner.handle_request(pinned)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise httpx2.ConnectError(f"{request.url.host} has no address")


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet, also where it carries an IPv4 address within it."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner and not is_public(str(inner)):
            return False
        if ip.ipv4_mapped:
            return True
    return ip.is_global and not ip.is_multicast


def read_mirrors(setting: str, hosts: frozenset[str]) -> dict[str, httpx2.URL]:
    """The addresses of a setting `HOST=URL,HOST=URL`.

    Raises:
        SettingsError: an unknown host, or an address that is none.
    """
    found = {}
    for entry in filter(None, (part.strip() for part in setting.split(","))):
        host, _, address = entry.partition("=")
        try:
            url = httpx2.URL(address.strip().rstrip("/"))
        except httpx2.InvalidURL:
            url = httpx2.URL("")
        if host.strip() not in hosts:
            raise SettingsError(
                f"fetch_mirrors: {host.strip()} is no host that is fetched from: {', '.join(sorted(hosts))}"
            )
        if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
            raise SettingsError("fetch_mirrors: HOST=URL with http:// or https://, a host, and a path if need be")
        found[host.strip()] = url
    return found


def mirrored(url: httpx2.URL, mirrors: Mapping[str, httpx2.URL]) -> httpx2.URL:
    """An address of a service at its mirror, where it has one."""
    mirror = mirrors.get(url.host)
    if mirror is None:
        return url
    path = mirror.raw_path.rstrip(b"/") + url.raw_path
    return url.copy_with(scheme=mirror.scheme, host=mirror.host, port=mirror.port, raw_path=path)


def _resolved(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise httpx2.ConnectError(f"{host} has no address") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _origin(url: httpx2.URL) -> Origin:
    if url.port is not None:
        return url.scheme, url.host, url.port
    return url.scheme, url.host, 443 if url.scheme == "https" else 80


def _shown(url: httpx2.URL) -> str:
    """An address for a message, without a password that it may have."""
    port = "" if url.port is None else f":{url.port}"
    return f"{url.scheme[:10]}://{url.host[:100]}{port}"
