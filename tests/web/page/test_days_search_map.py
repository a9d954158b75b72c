import re

from playwright.sync_api import Page, expect

from tests.web.page.conftest import Open
from tests.web.page.watching import until

MONTH = "#/days/2023-07"
IS_DRAWN = """() => {
  const canvas = document.querySelector("canvas");
  if (!canvas?.width) return false;
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] > 200) seen.add([data[at], data[at + 1], data[at + 2]].map((value) => value >> 4).join());
  }
  return seen.size > 11;
}"""

# What is on the canvas once the next frame is painted.
PICTURE = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(
  () => done(document.querySelector("canvas").toDataURL()))))"""


def test_a_bar_leads_to_the_list_of_its_month_and_a_date_to_that_of_its_day(open_page: Open) -> None:
    page = open_page("#/days").page
    page.get_by_role("link", name="July 2023: 9 papers").click()
    expect(page.get_by_role("heading", name="July 2023", level=1)).to_be_visible()
    expect(page.locator(".lines .paper-line")).to_have_count(9)
    page.get_by_role("link", name="July 27, 2023: 3 papers").click()
    expect(page.get_by_role("heading", name="July 27, 2023", level=1)).to_be_visible()
    expect(page.locator(".lines .paper-line")).to_have_count(3)
    page.go_back()
    expect(page.locator(".lines .paper-line")).to_have_count(9)


def test_arrow_keys_move_along_the_chart_which_is_one_stop_of_the_tab_key(open_page: Open) -> None:
    page = open_page(MONTH).page
    bars = page.get_by_role("group", name="Papers per month; arrow keys move")
    expect(bars.locator("a[tabindex='0']")).to_have_count(1)
    bars.locator("a[tabindex='0']").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("a.bar:focus")).to_have_attribute("aria-label", re.compile("June 2023"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="June 2023", level=1)).to_be_visible()


def test_an_end_of_the_chart_is_faint_where_there_is_more(open_page: Open) -> None:
    page = open_page("#/days/2023-07", width=400).page
    chart = page.locator(".bars")
    expect(chart).to_have_class("bars more-before more-after")
    chart.evaluate("(element) => element.scrollTo(0, 0)")
    expect(chart).to_have_class("bars more-after")
    chart.evaluate("(element) => element.scrollTo(element.scrollWidth, 0)")
    expect(chart).to_have_class("bars more-before")


def test_a_digest_gives_each_paper_its_sentence_and_can_be_taken_along(open_page: Open) -> None:
    page = open_page("#/days/2023-07-27").page
    page.get_by_role("button", name="Summarize all 3").click()
    expect(page.get_by_text("3 in one sentence each")).to_be_visible()
    for line in page.locator(".lines .paper-line").all():
        sentence = line.locator(".line-summary").inner_text()
        paper = page.request.get(f"/api/v1/papers/{line.get_attribute('data-paper')}").json()
        assert paper["summaries"]["sentence"] == sentence != ""
    with page.expect_download() as taken:
        page.get_by_role("button", name="Markdown").click()
    assert taken.value.suggested_filename == "paperboy-2023-07-27.md"
    assert "Regularized Mask Tuning" in taken.value.path().read_text()
    page.reload()
    expect(page.get_by_text("3 in one sentence each")).to_be_visible()
    expect(page.locator(".line-summary").first).not_to_be_empty()


def test_a_paper_of_a_day_unfolds_to_a_paragraph_and_to_its_abstract(open_page: Open) -> None:
    page = open_page(MONTH).page
    line = page.locator(".lines .paper-line").first
    paper = page.request.get(f"/api/v1/papers/{line.get_attribute('data-paper')}").json()
    line.get_by_role("button", name="Abstract").click()
    expect(line.locator(".unfolded").last).to_have_text(paper["abstract"])
    line.get_by_role("button", name="Paragraph").click()
    paragraph = line.locator(".unfolded").first
    expect(paragraph).to_have_text(re.compile(r"\w.{80,}", re.DOTALL))
    expect(line.get_by_role("button", name="Paragraph")).to_have_attribute("aria-expanded", "true")
    line.get_by_role("button", name="Paragraph").click()
    expect(paragraph).to_be_hidden()


def search(page: Page, text: str) -> None:
    page.get_by_role("combobox", name="Search the papers").press_sequentially(text, delay=25)


def test_search_finds_while_one_types_and_marks_the_words(open_page: Open) -> None:
    watched = open_page("#/search")
    page = watched.page
    search(page, "kv cache quantization")
    expect(page.locator(".hit").first).to_contain_text("KVQuant")
    expect(page.locator(".hit-quote mark").first).to_have_text("Quantization")
    assert page.url.endswith("#/search?q=kv+cache+quantization")
    assert len(watched.asked("search")) < len("kv cache quantization")
    assert not any("quantization" in request.url for request in watched.requests)


def test_titles_are_suggested_and_taken_with_the_keyboard(open_page: Open) -> None:
    page = open_page("#/search").page
    search(page, "make pre-trained mod")
    option = page.get_by_role("option", name=re.compile("Make Pre-trained Model Reversible"))
    expect(option).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox")).to_have_value(re.compile("^Make Pre-trained Model Reversible"))
    expect(page.locator(".hit").first).to_contain_text("Make Pre-trained Model Reversible")
    expect(page.get_by_role("listbox")).to_have_count(0)


def test_operators_and_dates_narrow_what_is_found(open_page: Open) -> None:
    page = open_page("#/search?q=title:LoRA").page
    titles = page.locator(".hit .paper-title")
    expect(titles.first).to_be_visible()
    assert all("lora" in title.lower() for title in titles.all_inner_texts())
    before = titles.count()
    page.get_by_label("From").fill("2024-01-01")
    page.get_by_label("From").press("Enter")
    expect(titles).not_to_have_count(before)
    years = page.locator(".hit .facts").all_inner_texts()
    assert years
    assert all(re.search("202[456]", year) for year in years)
    assert "since=2024-01-01" in page.url


def test_a_query_that_makes_no_sense_gets_one_line_that_says_why(open_page: Open) -> None:
    page = open_page("#/search?q=since:yesterday").page
    expect(page.locator(".search-hint")).to_contain_text("yesterday")


def test_the_map_shows_the_topics_in_their_colours(open_page: Open) -> None:
    page = open_page("#/map").page
    expect(page.locator(".legend button")).to_have_count(11)
    until(page, IS_DRAWN)


def test_a_point_tells_its_title_and_opens_its_paper(open_page: Open) -> None:
    page = open_page("#/map").page
    tip = page.locator(".map-tip")
    box = page.locator("canvas").bounding_box()
    assert box
    for step in range(400):
        x, y = (
            box["x"] + box["width"] * (0.2 + 0.6 * (step % 20) / 20),
            box["y"] + box["height"] * (0.2 + 0.03 * (step // 20)),
        )
        page.mouse.move(x, y)
        if tip.is_visible():
            break
    title = tip.locator("strong").inner_text()
    page.mouse.click(x, y)
    expect(page.get_by_role("dialog").get_by_role("heading", name=title)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_map_zooms_by_buttons_keys_and_wheel_and_back(open_page: Open) -> None:
    page = open_page("#/map").page
    until(page, IS_DRAWN)
    pictures = [page.evaluate(PICTURE)]
    page.get_by_role("button", name="Closer").click()
    pictures.append(page.evaluate(PICTURE))
    page.locator("canvas").focus()
    for key in ("+", "ArrowLeft", "-"):
        page.keyboard.press(key)
        pictures.append(page.evaluate(PICTURE))
    page.locator("canvas").hover(position={"x": 5, "y": 5})
    page.mouse.wheel(0, -300)
    pictures.append(page.evaluate(PICTURE))
    assert len(set(pictures)) == len(pictures)
    page.get_by_role("button", name="The whole map").click()
    assert page.evaluate(PICTURE) == pictures[0]


def test_a_topic_and_words_of_a_title_narrow_the_map_and_its_list(open_page: Open) -> None:
    page = open_page("#/map").page
    everything = page.request.get("/api/v1/map").json()
    first = everything["topics"][0]
    page.locator(".legend button").first.click()
    expect(page.get_by_text(f"{first['papers']} of 426 papers")).to_be_visible()
    page.get_by_role("button", name="List", exact=True).click()
    expect(page.locator(".map-list li")).to_have_count(first["papers"])
    page.locator(".legend button").first.click()
    page.get_by_role("searchbox", name="Find on the map").fill("quantization")
    wanted = [point["title"] for point in everything["points"] if "quantization" in point["title"].lower()]
    expect(page.locator(".map-list li")).to_have_count(len(wanted))
    page.locator(".map-list li a").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
