"""A page under observation: what it logged, what was blocked, and where it sent requests."""

import json
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request, Route

_REPORT_BLOCKED = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`blocked by the policy: ${event.violatedDirective} ${event.blockedURI}`);
});
"""
# What the browser itself says of a refused request; what the page does with it is what is tested.
_REFUSED = "Failed to load resource:"


class Watched(NamedTuple):
    """A page with what was seen of it."""

    page: Page
    requests: list[Request]
    troubles: list[str]
    """Errors and warnings of the console, uncaught errors, and what the content security policy blocked."""
    elsewhere: list[str]
    """Addresses of other hosts that it asked for."""

    def asked(self, path: str) -> list[Request]:
        """The requests for a route of the service."""
        return [request for request in self.requests if urlsplit(request.url).path == f"/api/v1/{path}"]


def watch(page: Page, site: str) -> Watched:
    """Observe a page of a site from now on."""
    watched = Watched(page, [], [], [])

    def logged(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_REFUSED):
            watched.troubles.append(message.text)

    def requested(request: Request) -> None:
        watched.requests.append(request)
        own = urlsplit(request.url).netloc == urlsplit(site).netloc
        if not own and not request.url.startswith("blob:"):
            watched.elsewhere.append(request.url)

    page.add_init_script(_REPORT_BLOCKED)
    page.on("console", logged)
    page.on("pageerror", lambda error: watched.troubles.append(str(error)))
    page.on("request", requested)
    return watched


def until(page: Page, condition: str) -> None:
    """Wait until a function of the page gives true; Playwright's own way needs `eval`, which the policy forbids."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"this did not become true: {condition}")


def events(*said: tuple[str, Any]) -> str:
    """Server-sent events as the service writes them."""
    return "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in said)


def answer_with(page: Page, path: str, *said: tuple[str, Any]) -> None:
    """Let a route stream these events, in place of what the service would say."""

    def fulfil(route: Route) -> None:
        route.fulfill(content_type="text/event-stream", body=events(*said))

    page.route(f"**/api/v1/{path}", fulfil)


def document_from(page: Page, path: str, document: Any) -> None:
    """Let a route answer with this JSON document."""

    def fulfil(route: Route) -> None:
        route.fulfill(json=document)

    page.route(f"**/api/v1/{path}", fulfil)
