"""The page in Debian's Chromium, in front of a real service."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.conftest import ROOT
from tests.web.page.watching import Watched, watch
from tests.web.serving import running, until_ready

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SCREENSHOTS = ROOT / "build" / "screenshots"
DESK = ViewportSize(width=1280, height=860)

_PATIENCE = 30_000
"""Milliseconds: a busy machine is no failure."""
expect.set_options(timeout=_PATIENCE)

Open = Callable[..., Watched]
"""Opens a view: `open_page("#/days", width=400, theme="dark")`."""


# For this folder only: while Playwright runs, the thread has a running event loop, in which others cannot begin one.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium (Debian: apt install chromium): the page is not tested")
    with sync_playwright() as driver:
        # As root, in a container, Chromium does not start with its sandbox.
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="package")
def site(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with the sample pages."""
    home = tmp_path_factory.mktemp("site") / "home"
    shutil.copytree(sample_home, home)
    with running(home) as run:
        until_ready(run)
        yield f"http://127.0.0.1:{run.port}"


@pytest.fixture
def open_at(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens pages of any service. At the end nothing may have failed, been blocked, or left for another host."""
    watched: list[Watched] = []

    def opened(site: str, fragment: str = "", *, width: int = 0, theme: str = "light") -> Watched:
        view = ViewportSize(width=width, height=800) if width else DESK
        context = browser.new_context(
            viewport=view, color_scheme="dark" if theme == "dark" else "light", locale="en-US", base_url=site
        )
        context.set_default_timeout(_PATIENCE)
        one = watch(context.new_page(), site)
        watched.append(one)
        one.page.goto(f"{site}/{fragment}")
        return one

    yield opened
    for number, one in enumerate(watched):
        _keep_picture(one.page, request.node.name, number)
        one.page.context.close()
        assert one.troubles == []
        assert one.elsewhere == []


@pytest.fixture
def open_page(open_at: Open, site: str) -> Open:
    """Opens views of the sample pages."""

    def opened(fragment: str = "", *, width: int = 0, theme: str = "light") -> Watched:
        return open_at(site, fragment, width=width, theme=theme)

    return opened


def _keep_picture(page: Page, test: str, number: int) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in test)
    page.screenshot(path=SCREENSHOTS / f"{name}{f'-{number}' if number else ''}.png")
