"""Where requests may go: to the hosts of a service over HTTPS, at public addresses, and nowhere else."""

import socket
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import FetchError, SettingsError
from service.sources.fetch.client import PoliteClient
from service.sources.fetch.transport import GuardedTransport, is_public, mirrored, read_mirrors
from tests.sources.fetch.site import Reply, Site
from tests.sources.fetch.test_client import HOST, SERVICE, URL, Kept, client

Resolver = Callable[..., list[Any]]
PUBLIC = "151.101.131.42"


def resolving_to(*addresses: str) -> Resolver:
    """A name server that knows these addresses for every name, in turn the first ones first."""
    return lambda *_args, **_values: [
        (socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 443)) for a in addresses
    ]


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[httpx2.Request]:
    """Requests that would have been sent; nothing is."""
    sent: list[httpx2.Request] = []

    def handle(_self: object, request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200, stream=httpx2.ByteStream(b"papers"), request=request)

    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", handle)
    monkeypatch.setattr(socket, "getaddrinfo", resolving_to(PUBLIC))
    return sent


def fetch(url: str) -> None:
    asking = PoliteClient(SERVICE, Kept(), mirrors={}, note=lambda _: None, sleep=lambda _: None)
    asking.get(url)


def test_the_connection_goes_to_the_address_that_was_checked_under_the_name_of_the_host(
    connected: list[httpx2.Request],
) -> None:
    fetch(URL)
    (request,) = connected
    assert request.url.host == PUBLIC
    assert request.headers["host"] == HOST
    assert request.extensions["sni_hostname"] == HOST


TRICKS = [
    "http://export.arxiv.org/", "http://export.arxiv.org:443/", "https://export.arxiv.org:8443/", "https://127.0.0.1/", "https://localhost/",
    "https://2130706433/", "https://0177.0.0.1/", "https://0x7f.0.0.1/", "https://0x7f000001/", "https://127.1/",
    "https://0/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[64:ff9b::7f00:1]/",
    "https://[fe80::1%25eth0]/", "https://169.254.169.254/latest/meta-data/", "https://[fd00:ec2::254]/",
    "https://10.0.0.1/", "https://192.168.1.1/", "https://172.16.0.1/", "https://100.64.0.1/", "https://0.0.0.0/",
    "https://255.255.255.255/", "https://224.0.0.1/", "https://metadata.google.internal/", "https://example.org/",
    "https://export.arxiv.org@127.0.0.1/", "https://127.0.0.1@export.arxiv.org/", "https://a:b@export.arxiv.org/",
    "https://export.arxiv.org.evil.example/", "https://evil-export.arxiv.org/", "https://arxiv.org.evil.example/",
    "https://export.arxiv.org./", "https://exp\u043ert.arxiv.org/", "https://xn--exprt-q0e.arxiv.org/",
    "https://export.arxiv.org%2eevil.example/", "https://export.arxiv.org%00.evil.example/",
    "https://export.arxiv.org\\@127.0.0.1/", "https://127.0.0.1\\@export.arxiv.org/", "https://127.0.0.1#@export.arxiv.org/",
    "https://127.0.0.1?@export.arxiv.org/", "https:///127.0.0.1/", "https:127.0.0.1", "//127.0.0.1/", "ftp://export.arxiv.org/",
    "file:///etc/passwd", "gopher://127.0.0.1:70/", "data:text/plain,x", "javascript:alert(1)", "unix:///var/run/docker.sock",
    "https://export.arxiv.org:0/", "https://export.arxiv.org:22/", "https://export.arxiv.org:99999/",
    "https://export.arxiv.org:80/", "https:// export.arxiv.org/", "https://export.arxiv.org\r\nHost: evil/",
    "https://rss.arxiv.org.:443/", "HTTP://EXPORT.ARXIV.ORG/", "https://①②⑦.0.0.1/", "https://127。0。0。1/",
    "https://api.semanticscholar.org/",
]  # fmt: skip


@pytest.mark.parametrize("url", TRICKS)
def test_nothing_is_sent_anywhere_else_by_an_address_or_a_redirect(
    connected: list[httpx2.Request], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    with pytest.raises((FetchError, httpx2.InvalidURL, httpx2.UnsupportedProtocol)):
        fetch(url)
    assert connected == []

    def redirect(_self: object, request: httpx2.Request) -> httpx2.Response:
        connected.append(request)
        headers = [(b"location", url.encode("utf-8"))]
        return httpx2.Response(302, headers=headers, request=request)

    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", redirect)
    with pytest.raises((FetchError, httpx2.InvalidURL)):
        fetch(URL)
    assert {request.url.host for request in connected} == {PUBLIC}


PRIVATE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1",
    "192.0.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:db8::1", "2001::ffff:8000:fffe",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_server_cannot_lead_to_a_private_address(
    connected: list[httpx2.Request], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    assert not is_public(address)
    for answer in ((address,), (PUBLIC, address)):
        monkeypatch.setattr(socket, "getaddrinfo", resolving_to(*answer))
        with pytest.raises(FetchError, match="no public address"):
            fetch(URL)
    assert connected == []


@pytest.mark.parametrize("address", [PUBLIC, "2a04:4e42::810", "::ffff:151.101.131.42", "64:ff9b::9765:832a"])
def test_a_public_address_is_one_however_it_is_written(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses())
def test_every_address_is_public_or_not(address: object) -> None:
    assert is_public(str(address)) in (True, False)


def test_a_name_that_changes_its_address_between_two_looks_is_looked_up_once(
    connected: list[httpx2.Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Resolver] = [resolving_to(PUBLIC)]
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *a, **v: (looks.pop() if looks else resolving_to("127.0.0.1"))(*a, **v)
    )
    fetch(URL)
    assert [request.url.host for request in connected] == [PUBLIC]


def test_the_next_address_is_tried_where_one_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def handle(_self: object, request: httpx2.Request) -> httpx2.Response:
        tried.append(request.url.host)
        if ":" in request.url.host:
            raise httpx2.ConnectError("no route")
        return httpx2.Response(200, stream=httpx2.ByteStream(b"papers"), request=request)

    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", handle)
    monkeypatch.setattr(socket, "getaddrinfo", resolving_to("2a04:4e42::810", PUBLIC))
    fetch(URL)
    assert tried == ["2a04:4e42::810", PUBLIC]


def test_a_redirect_within_the_mirror_is_followed_and_one_to_another_port_is_not(site: Site) -> None:
    other = Site()
    try:
        site.replies(Reply(status=302, headers=(("Location", "/moved"),)), Reply(b"papers"))
        assert client(site).get(URL).content == b"papers"
        for target in (other.url, "http://localhost:1/", "https://example.org/"):
            site.replies(Reply(status=302, headers=(("Location", target),)))
            with pytest.raises(FetchError, match="nothing was sent there"):
                client(site).get(URL)
        assert other.asked == []
    finally:
        other.close()


def test_redirects_without_an_end_are_given_up(site: Site) -> None:
    site.replies(Reply(status=302, headers=(("Location", "/again"),)))
    with pytest.raises(FetchError, match="without an end"):
        client(site).get(URL)
    assert len(site.asked) < 10


def test_no_proxy_of_the_environment_is_used(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Site()
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    site.replies(Reply(b"papers"))
    try:
        client(site).get(URL)
        assert proxy.asked == []
    finally:
        proxy.close()


# The setting


def test_mirrors_are_read_and_take_the_place_of_a_host_with_their_path() -> None:
    found = read_mirrors("export.arxiv.org=http://10.0.0.1:8080/arxiv/, rss.arxiv.org=https://m.example", SERVICE.hosts)
    assert str(mirrored(httpx2.URL("https://export.arxiv.org/api/query?a=b%20c"), found)) == (
        "http://10.0.0.1:8080/arxiv/api/query?a=b%20c"
    )
    assert str(mirrored(httpx2.URL("https://rss.arxiv.org/rss/cs.CL"), found)) == "https://m.example/rss/cs.CL"
    assert read_mirrors("", SERVICE.hosts) == {}


@pytest.mark.parametrize(
    "setting",
    ["nothing", "evil.example=http://x.org", "export.arxiv.org=", "export.arxiv.org=ftp://x", "export.arxiv.org=x.org",
     "export.arxiv.org=http://a:b@x.org", "export.arxiv.org=http://x.org?a", "export.arxiv.org=http://[::1"],
)  # fmt: skip
def test_a_mirror_that_cannot_be_used_is_refused(setting: str) -> None:
    with pytest.raises(SettingsError, match="fetch_mirrors"):
        read_mirrors(setting, SERVICE.hosts)


def test_a_mirror_of_another_service_opens_nothing_for_this_one(connected: list[httpx2.Request]) -> None:
    guarded = GuardedTransport(SERVICE.hosts, {})
    with pytest.raises(FetchError):
        guarded.handle_request(httpx2.Request("GET", "http://127.0.0.1:8080/"))
    assert connected == []
