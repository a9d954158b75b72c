import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.page.conftest import Open
from tests.web.page.watching import answer_with

FACT = "by how much does MEFT cut activation memory?"
LISTED = "which papers reduce the memory of fine-tuning?"
RECORD_WRITING = """() => {
  window.written = [];
  new MutationObserver(() => {
    const text = document.querySelector(".writing-text");
    if (text) window.written.push(text.textContent);
  }).observe(document.getElementById("main"), { childList: true, subtree: true });
}"""


def ask(page: Page, question: str) -> None:
    page.get_by_role("textbox", name="Your question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".answer:not(.writing)")).to_be_visible()


def kept_answer(page: Page) -> dict[str, object]:
    """What the service keeps of the answer that is shown."""
    answer_id = re.search(r"#/answers/([\w-]+)", page.url)
    assert answer_id
    document: dict[str, object] = page.request.get(f"/api/v1/answers/{answer_id[1]}").json()
    return document


def test_an_answer_streams_and_ends_with_its_citations(open_page: Open) -> None:
    page = open_page().page
    page.evaluate(RECORD_WRITING)
    ask(page, FACT)
    written = [text for text in page.evaluate("window.written") if text]
    assert written
    assert "MEFT" in written[-1]
    answer = kept_answer(page)["answer"]
    assert isinstance(answer, dict)
    claims = page.locator(".claim-text")
    assert [claim.split("\n")[0] for claim in claims.all_inner_texts()]
    for shown, claim in zip(claims.all(), answer["claims"], strict=True):
        expect(shown).to_contain_text(claim["text"])
        expect(shown.get_by_role("link")).to_have_text([str(marker) for marker in claim["citations"]])
    expect(page.locator(".funnel")).to_have_text(re.compile(r"searched 426.*judged \d+.*listed 1"))


def test_a_citation_opens_the_paper_with_exactly_the_quoted_sentence_marked(open_page: Open) -> None:
    page = open_page().page
    ask(page, FACT)
    answer = kept_answer(page)["answer"]
    assert isinstance(answer, dict)
    quote = answer["claims"][0]["quotes"][0]
    page.locator(".citation").first.click()
    sheet = page.get_by_role("dialog")
    expect(sheet.locator("mark")).to_be_visible()
    assert sheet.locator("mark").all_text_contents() == [quote["text"]]
    paper = page.request.get(f"/api/v1/papers/{quote['paper_id']}").json()
    assert sheet.locator(".sheet-abstract p").first.text_content() == paper["abstract"]
    assert quote["text"] in paper["abstract"]
    assert quote["text"] != paper["abstract"]
    page.go_back()
    expect(sheet).to_have_count(0)
    expect(page.locator(".answer")).to_be_visible()


def test_a_list_shows_each_paper_with_its_sentence(open_page: Open) -> None:
    page = open_page().page
    ask(page, LISTED)
    answer = kept_answer(page)["answer"]
    assert isinstance(answer, dict)
    titles = [paper["title"] for paper in answer["papers"]]
    assert len(titles) > 3
    assert set(page.locator(".claim-paper a").all_inner_texts()) <= set(titles)
    assert page.locator(".claim-paper a").count() > 3


def test_beside_a_list_that_has_all_its_papers_stands_how_it_was_found(open_page: Open) -> None:
    page = open_page().page
    ask(page, LISTED)
    answer = kept_answer(page)["answer"]
    assert isinstance(answer, dict)
    found = page.get_by_role("complementary", name="How it was found")
    for step in ("searched", "judged", "listed"):
        expect(found).to_contain_text(f"{step} {answer['provenance'][step]}")
    expect(page.locator(".funnel")).to_have_count(1)


def test_why_each_paper_was_retrieved_is_told_on_request(open_page: Open) -> None:
    watched = open_page()
    page = watched.page
    ask(page, LISTED)
    kept = kept_answer(page)["retrieved"]
    assert isinstance(kept, list)
    page.get_by_text("Why these papers").click()
    rows = page.locator(".reasons tbody tr")
    expect(rows).to_have_count(len(kept))
    for row, one in zip(rows.all(), kept, strict=True):
        expect(row).to_contain_text(one["title"])
        for term in one["terms"]:
            expect(row.locator(".term", has_text=term).first).to_be_visible()
    assert any(one["terms"] for one in kept)


def test_where_no_paper_answers_it_says_so(open_page: Open) -> None:
    page = open_page().page
    ask(page, "how many qubits does the quantum model need?")
    expect(page.locator(".abstained")).to_contain_text("None of the 426 papers answers this.")
    expect(page.locator(".claim")).to_have_count(0)


def test_a_kept_answer_is_shown_again_without_asking_again(open_page: Open) -> None:
    watched = open_page()
    page = watched.page
    ask(page, FACT)
    shown = page.locator(".claim-text").all_inner_texts()
    assert len(watched.asked("ask")) == 1
    page.reload()
    expect(page.locator(".claim-text")).to_have_text(shown)
    expect(page.get_by_role("textbox", name="Your question")).to_have_value(FACT)
    assert len(watched.asked("ask")) == 1


def test_a_question_is_in_no_address_that_is_requested(open_page: Open) -> None:
    watched = open_page(f"#/ask?q={FACT.replace(' ', '+')}")
    expect(watched.page.locator(".claim").first).to_be_visible()
    assert not any("MEFT" in request.url.partition("#")[0] for request in watched.requests)
    (sent,) = watched.asked("ask")
    assert json.loads(sent.post_data or "")["question"] == FACT
    assert sent.headers["content-type"] == "application/json"


def test_back_leads_from_an_answer_to_the_question_before(open_page: Open) -> None:
    page = open_page().page
    ask(page, FACT)
    ask(page, LISTED)
    expect(page.locator(".claims-list")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("textbox", name="Your question")).to_have_value(FACT)
    page.go_back()
    expect(page.get_by_role("heading", name="Ask the papers.")).to_be_visible()
    expect(page.locator(".asked")).to_contain_text(LISTED)


def claim(text: str, verdict: str, citations: list[int]) -> dict[str, object]:
    quotes = [{"paper_id": "p1", "text": text}] if verdict == "supported" else []
    return {"text": text, "verdict": verdict, "citations": citations, "quotes": quotes}


def written_answer(claims: list[dict[str, object]]) -> dict[str, object]:
    provenance = {"engine": "writer", "mode": "free", "seconds": 1.5, "searched": 10, "judged": 5, "listed": 1}
    papers = [{"marker": 1, "paper_id": "p1", "title": "A paper", "score": 0.5}]
    text = " ".join(str(one["text"]) for one in claims)
    return {
        "question": "how?", "text": text, "abstained": False, "kind": "factoid", "claims": claims, "papers": papers,
        "provenance": provenance,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        ("unsupported", "Not supported by the paper it cites"),
        ("uncited", "No paper is cited for this"),
        ("miscited", "The cited paper does not say this"),
    ],
)
def test_a_claim_that_does_not_hold_is_marked_with_its_verdict(open_page: Open, verdict: str, told: str) -> None:
    page = open_page().page
    claims = [claim("It holds.", "supported", [1]), claim("It does not.", verdict, [])]
    checked = [("claim", {"index": index, "claim": one}) for index, one in enumerate(claims)]
    answer_with(page, "ask", ("token", {"text": "It holds."}), *checked, ("answer", written_answer(claims)))
    ask(page, "how?")
    expect(page.locator(".claim-bad")).to_have_count(1)
    expect(page.locator(".claim-bad")).to_contain_text("It does not.")
    expect(page.locator(".claim-bad .claim-verdict")).to_have_text(told)
    expect(page.locator(".verdict-line")).to_have_text("1 of 2 sentences is not supported, and marked")


def test_what_the_service_refuses_is_said_with_its_reason(open_page: Open) -> None:
    page = open_page().page
    problem = {"type": "urn:paperboy:problem:busy", "title": "Busy", "status": 503, "detail": "9 requests wait already"}
    page.route(
        "**/api/v1/ask",
        lambda route: route.fulfill(
            status=503, content_type="application/problem+json", headers={"Retry-After": "3"}, body=json.dumps(problem)
        ),
    )
    page.get_by_role("textbox", name="Your question").fill("why adapters?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("9 requests wait already Try again in 3 s.")
    page.unroute("**/api/v1/ask")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".answer:not(.writing)")).to_be_visible()


def test_an_error_in_the_middle_of_a_stream_is_said(open_page: Open) -> None:
    page = open_page().page
    problem = {"type": "urn:paperboy:problem:writer-crashed", "status": 502, "detail": "the writer's process ended"}
    answer_with(page, "ask", ("token", {"text": "It "}), ("error", problem))
    page.get_by_role("textbox", name="Your question").fill("why adapters?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("the writer's process ended")


def test_stopping_ends_the_request_and_asking_again_is_offered(open_page: Open) -> None:
    watched = open_page()
    page = watched.page
    page.route("**/api/v1/ask", lambda _route: None)
    page.get_by_role("textbox", name="Your question").fill(FACT)
    page.keyboard.press("Enter")
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/ask")):
        page.get_by_role("button", name="Stop").click()
    page.unroute("**/api/v1/ask")
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator(".claim").first).to_be_visible()


def test_a_key_that_is_asked_for_is_sent_from_then_on(open_page: Open) -> None:
    watched = open_page()
    page = watched.page
    page.route("**/api/v1/map", lambda route: route.fulfill(status=401, json={"status": 401, "detail": "send a key"}))
    page.get_by_role("link", name="Map").click()
    page.get_by_label("This Paperboy asks for a key").fill("sesame")
    page.unroute("**/api/v1/map")
    page.get_by_role("button", name="Use it").click()
    expect(page.locator("canvas")).to_be_visible()
    assert watched.asked("map")[-1].headers["authorization"] == "Bearer sesame"
