"""A digest's HTML in a browser: readable on a telephone, light and dark, with and without its style element."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize

from service.answer.render_html import to_html
from tests.answer.editions import edition, paper

LONG = paper(
    "A title that is rather long, as titles of papers are, with Pneumonoultramicroscopicsilicovolcanoconiosis",
    "https://example.org/" + "a" * 120,
    abstract="It was dear. MEFT reduces memory by up to 84% on GLUE. It needs no training.",
)
DIGEST = to_html(
    edition("We propose MEFT.", "It is MEFT.", of=LONG, terms=("memory", "adapters"), reason="like “LST”", seen_until=1)
)
THREE = edition(*["We propose MEFT."] * 3, of=LONG, terms=("memory", "adapters"), seen_until=1)
SHORT = to_html(THREE, len(to_html(THREE).encode()) - 1)
WITHOUT_STYLE = re.sub(r"<style>.*?</style>", "", DIGEST)


def shown(browser: Browser, page_text: str, *, width: int, dark: bool) -> Page:
    view = ViewportSize(width=width, height=800)
    page = browser.new_context(viewport=view, color_scheme="dark" if dark else "light").new_page()
    page.set_content(page_text)
    return page


def test_one_byte_too_long_makes_titles_of_some_papers() -> None:
    assert 'class="titles"' in SHORT
    assert 'class="paper"' in SHORT


def luminance(page: Page, selector: str, what: str) -> float:
    colour = page.locator(selector).first.evaluate(f"(element) => getComputedStyle(element).{what}")
    red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


@pytest.mark.parametrize("page_text", [DIGEST, WITHOUT_STYLE, SHORT], ids=["with style", "without style", "shortened"])
@pytest.mark.parametrize("width", [320, 400, 1280])
def test_nothing_of_a_digest_lies_outside_the_window(browser: Browser, page_text: str, width: int) -> None:
    page = shown(browser, page_text, width=width, dark=False)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_by_text("We propose MEFT.").first.is_visible()
    page.context.close()


@pytest.mark.parametrize("dark", [False, True])
def test_a_digest_is_light_or_dark_as_the_reader_likes_it(browser: Browser, dark: bool) -> None:
    page = shown(browser, DIGEST, width=800, dark=dark)
    ground, ink = luminance(page, ".sheet", "backgroundColor"), luminance(page, ".text", "color")
    assert (ground < 0.2 and ink > 0.7) if dark else (ground > 0.9 and ink < 0.2)
    page.context.close()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("page_text", [DIGEST, SHORT], ids=["whole", "shortened"])
def test_axe_finds_nothing_serious_in_a_digest(browser: Browser, page_text: str, dark: bool) -> None:
    page = shown(browser, page_text, width=800, dark=dark)
    found = Axe().run(page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    page.context.close()
