// One paper, opened over whatever view is there: its abstract with the quoted sentences marked, and summaries.
import { events, get, givenUp } from "./api.js";
import { fill, h, icon, outside } from "./dom.js";
import { factsLine, marked } from "./papers.js";
import { address, base, read, replace } from "./router.js";
import { failure, loading } from "./states.js";

const root = document.getElementById("sheet-root");
let sheet = null;
let shown = "";
let ending = null;
let steps = 0;
let openedByAddress = read().params.has("paper");

/** Open a paper; does nothing where it is open with the same quotes. */
export function openSheet(paperId, quotes) {
  const wanted = JSON.stringify([paperId, quotes]);
  if (sheet?.open && shown === wanted) return;
  shown = wanted;
  steps += 1;
  ending?.abort();
  ending = new AbortController();
  const body = h("div", { class: "sheet-body" });
  if (!sheet?.open) begin();
  fill(
    sheet,
    h(
      "button",
      { class: "icon-button sheet-close", type: "button", "aria-label": "Close", onclick: leave },
      icon("close"),
    ),
    body,
  );
  load(body, paperId, quotes, ending.signal);
}

/** Close what is open. */
export function closeSheet() {
  steps = 0;
  openedByAddress = false;
  if (!sheet) return;
  ending.abort();
  sheet.close();
  sheet.remove();
  sheet = null;
}

function begin() {
  sheet = h("dialog", { class: "sheet", "aria-label": "Paper" });
  sheet.addEventListener("cancel", (event) => {
    event.preventDefault();
    leave();
  });
  sheet.addEventListener("click", (event) => {
    if (event.target === sheet) leave();
  });
  root.append(sheet);
  sheet.showModal();
}

/** Closing goes back to where the paper was opened; one opened by its address has nowhere to go back to. */
function leave() {
  if (steps === 1 && history.length > 1 && !openedByAddress) history.back();
  else {
    replace(base(read()));
    closeSheet();
  }
}

async function load(body, paperId, quotes, signal) {
  fill(body, loading(8));
  try {
    const paper = await get(`papers/${encodeURIComponent(paperId)}`, {}, signal);
    if (signal.aborted) return;
    sheet.setAttribute("aria-label", paper.title);
    fill(body, content(paper, quotes, signal));
    body.querySelector("mark")?.scrollIntoView({ block: "nearest" });
  } catch (error) {
    if (!givenUp(error))
      fill(
        body,
        failure(error, () => load(body, paperId, quotes, signal)),
      );
  }
}

function content(paper, quotes, signal) {
  const spans = spansOf(paper.abstract, quotes);
  const missing = quotes.length > 0 && spans.length === 0;
  return [
    h("h2", { class: "sheet-title" }, paper.title),
    factsLine(paper),
    paper.url && h("p", { class: "sheet-links" }, outside(paper.url, paper.url)),
    h(
      "div",
      { class: "sheet-summaries" },
      summaryPart(paper, "sentence", "In one sentence", signal),
      summaryPart(paper, "paragraph", "In a paragraph", signal),
    ),
    h(
      "section",
      { class: "sheet-abstract", "aria-label": "Abstract" },
      h("h3", {}, "Abstract"),
      h("p", {}, marked(paper.abstract, spans)),
      missing && h("p", { class: "quiet-text" }, "The quoted sentence is not in this abstract any more."),
    ),
    h("p", { class: "quiet-text" }, "Text supplied by the authors."),
    h(
      "div",
      { class: "sheet-actions" },
      h(
        "a",
        { class: "button quiet", href: address("ask", "", { q: `More papers like “${paper.title}”` }) },
        icon("search"),
        "More like this",
      ),
      h("a", { class: "button quiet", href: address("map", "", { at: paper.paper_id }) }, icon("map"), "On the map"),
    ),
  ];
}

/** Where the quotes stand in an abstract: they are verbatim, or they are not marked. */
function spansOf(abstract, quotes) {
  const found = quotes
    .map((quote) => [abstract.indexOf(quote), quote.length])
    .filter(([start, length]) => start >= 0 && length > 0);
  return found.map(([start, length]) => [start, start + length]).sort((one, other) => one[0] - other[0]);
}

function summaryPart(paper, length, name, signal) {
  const text = h("div", { class: "summary-text" });
  const part = h("section", { class: "summary", "aria-label": name });
  const known = paper.summaries?.[length];
  if (known) {
    text.textContent = known;
    return fill(part, h("h3", {}, name), text);
  }
  const button = h("button", { class: "button quiet small", type: "button" }, name);
  button.addEventListener("click", () => {
    fill(part, h("h3", {}, name), text);
    writeSummary(text, paper.paper_id, length, signal);
  });
  return fill(part, button);
}

/** Have a summary written into a place, as it is written. */
export async function writeSummary(place, paperId, length, signal) {
  fill(place, loading(length === "sentence" ? 1 : 3, "Writing"));
  let begun = false;
  try {
    for await (const { event, data } of events("summaries", { paper_id: paperId, length }, signal)) {
      if (event === "token") {
        if (!begun) fill(place);
        begun = true;
        place.append(document.createTextNode(data.text));
      } else if (event === "summary") fill(place, summaryText(data));
    }
  } catch (error) {
    if (!givenUp(error))
      fill(
        place,
        failure(error, () => writeSummary(place, paperId, length, signal)),
      );
  }
}

/** A summary's sentences; those that its paper does not bear out are marked. */
export function summaryText(summary) {
  if (!summary.claims?.length) return summary.text;
  return summary.claims.map((claim, index) => {
    // Claims are as their paper has them; the summary begins with a capital letter.
    const text = index > 0 ? claim.text : summary.text.slice(0, 1) + claim.text.slice(1);
    return [
      index > 0 && " ",
      claim.verdict === "supported"
        ? text
        : h(
            "span",
            { class: "doubtful", title: "Not supported by the abstract" },
            text,
            h("span", { class: "visually-hidden" }, " (not supported by the abstract)"),
          ),
    ];
  });
}
