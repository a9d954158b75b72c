import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.web.page.conftest import Open
from tests.web.page.watching import until

# Each view with what shows that it is complete.
VIEWS = {
    "front": ("#/ask", ".front-papers .paper-line"),
    "answer": ("#/ask?q=by+how+much+does+MEFT+cut+activation+memory?", ".answer:not(.writing)"),
    "list": ("#/ask?q=which+papers+reduce+the+memory+of+fine-tuning?", ".claims-list"),
    "days": ("#/days/2023-07", ".lines .paper-line"),
    "search": ("#/search?q=kv+cache+quantization", ".hit"),
    "map": ("#/map", ".legend"),
    "paper": ("#/search?q=kv+cache&paper=t7e06ace18a7", ".sheet-abstract"),
}
FOCUS_IS_SEEN = """() => {
  const style = getComputedStyle(document.activeElement);
  const around = document.activeElement.closest(".question, .search-box");
  return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) || around !== null;
}"""


def shown(open_page: Open, view: str, width: int = 0, theme: str = "light") -> Page:
    fragment, complete = VIEWS[view]
    page = open_page(fragment, width=width, theme=theme).page
    expect(page.locator(complete).first).to_be_visible()
    return page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_serious(open_page: Open, view: str, theme: str) -> None:
    page = shown(open_page, view, theme=theme)
    # Colours that are still on their way to another are not what people read.
    until(page, "() => document.getAnimations().every((one) => one.effect.getTiming().iterations === Infinity)")
    found = Axe().run(page).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [(one["id"], [node["html"] for node in one["nodes"][:3]]) for one in serious] == []


@pytest.mark.parametrize("width", [400, 900])
@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_wider_than_the_window(open_page: Open, view: str, width: int) -> None:
    page = shown(open_page, view, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('.sheet')?.scrollWidth ?? 0") <= width


def background(page: Page) -> int:
    """How light the page's background is, 0 to 765."""
    colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))


def test_the_theme_is_that_of_the_system_until_one_is_chosen_which_is_kept(open_page: Open) -> None:
    assert background(shown(open_page, "front", theme="light")) > 600
    page = shown(open_page, "front", theme="dark")
    assert background(page) < 150
    page.get_by_role("button", name="Theme: as the system. Switch to light").click()
    assert background(page) > 600
    page.reload()
    assert background(page) > 600
    page.get_by_role("button", name="Theme: light. Switch to dark").click()
    page.get_by_role("button", name="Theme: dark. Switch to as the system").click()
    assert background(page) < 150


def test_a_question_is_asked_and_a_source_read_without_a_pointer(open_page: Open) -> None:
    page = shown(open_page, "days")
    page.keyboard.press("/")
    expect(page.get_by_role("textbox", name="Your question")).to_be_focused()
    page.keyboard.type("by how much does MEFT cut activation memory?")
    page.keyboard.press("Enter")
    expect(page.locator(".claim").first).to_be_visible()
    for _ in range(30):
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUS_IS_SEEN), page.evaluate("document.activeElement.outerHTML")
        if page.evaluate("document.activeElement.className") == "citation":
            break
    page.keyboard.press("Enter")
    expect(page.locator(".sheet mark")).to_be_visible()
    assert page.evaluate("document.querySelector('dialog').contains(document.activeElement)")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".citation").first).to_be_focused()


def test_the_first_stop_of_the_tab_key_leads_past_the_navigation(open_page: Open) -> None:
    page = shown(open_page, "map")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    expect(page.locator("canvas")).to_be_visible()


@pytest.mark.parametrize("view", ["front", "days", "search", "map"])
def test_every_stop_of_the_tab_key_is_seen(open_page: Open, view: str) -> None:
    page = shown(open_page, view)
    page.evaluate("document.activeElement.blur()")
    for _ in range(25):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        assert page.evaluate(FOCUS_IS_SEEN), page.evaluate("document.activeElement.outerHTML")


def test_a_deep_link_opens_the_view_and_the_paper_over_it_and_closing_stays(open_page: Open) -> None:
    page = shown(open_page, "paper")
    expect(page.get_by_role("dialog")).to_contain_text("Make Pre-trained Model Reversible")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.url.endswith("#/search?q=kv+cache")
    expect(page.locator(".hit").first).to_be_visible()


def test_an_address_that_names_no_view_says_so(open_page: Open) -> None:
    page = open_page("#/nowhere").page
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()


def test_a_paper_that_is_not_there_is_said(open_page: Open) -> None:
    page = open_page("#/search?paper=missing").page
    expect(page.get_by_role("alert")).to_contain_text("no paper has the id missing")


def test_a_service_that_is_gone_is_said_and_asked_again(open_page: Open) -> None:
    page = shown(open_page, "front")
    page.route("**/api/v1/days", lambda route: route.abort())
    page.get_by_role("link", name="Days").click()
    expect(page.get_by_role("alert")).to_contain_text("is `paperboy serve` still running?")
    page.unroute("**/api/v1/days")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".lines .paper-line").first).to_be_visible()
