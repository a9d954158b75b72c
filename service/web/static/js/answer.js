// An answer: its sentences with their citations and verdicts, the papers it rests on, and how these were found.
import { get } from "./api.js";
import { append, fill, h, icon } from "./dom.js";
import { counted, number } from "./format.js";
import { paperLink, relevance } from "./papers.js";
import { show } from "./states.js";

const VERDICTS = {
  unsupported: "Not supported by the paper it cites",
  uncited: "No paper is cited for this",
  miscited: "The cited paper does not say this",
};

/** An answer while it is written: `add` text, `check` a claim, say that it was `stopped`. */
export function writingView(question, stop) {
  const text = h("p", { class: "writing-text" });
  const claims = h("ol", { class: "claims" });
  const status = h("span", {}, "Searching the papers");
  const button = h("button", { class: "button quiet small", type: "button", onclick: stop }, icon("stop"), "Stop");
  const line = h(
    "div",
    { class: "writing-status", role: "status" },
    h("span", { class: "pulse", "aria-hidden": "true" }),
    status,
    button,
  );
  const element = h(
    "article",
    { class: "answer writing", "aria-busy": "true" },
    h("h1", { class: "visually-hidden" }, question),
    line,
    text,
    claims,
  );
  return {
    element,
    add(piece) {
      status.textContent = "Writing";
      text.append(document.createTextNode(piece));
    },
    check({ claim }) {
      status.textContent = "Checking each sentence";
      text.hidden = true;
      claims.append(claimItem(claim, []));
    },
    stopped(repeat) {
      element.removeAttribute("aria-busy");
      fill(
        line,
        "Stopped. ",
        h("button", { class: "button quiet small", type: "button", onclick: repeat }, "Ask again"),
      );
    },
  };
}

/** A finished answer; `kept` is what the service keeps of it, where it was read already. */
export function answerView(answer, kept = null) {
  const list = answer.kind === "list" && answer.claims.length > 0;
  const body = h("div", { class: "answer-body" });
  if (answer.abstained || !answer.claims.length)
    body.append(h("p", { class: answer.abstained ? "abstained" : "lead" }, answer.text));
  else
    append(body, [
      h(
        "ol",
        { class: list ? "claims claims-list" : "claims" },
        answer.claims.map((claim) => claimItem(claim, answer.papers, list)),
      ),
    ]);
  const rest = list ? uncitedPapers(answer) : answer.papers;
  const beside = rest.length ? papersAside(rest, answer, list) : list && foundAside(answer);
  return h(
    "article",
    { class: "answer" },
    h("h1", { class: "visually-hidden" }, answer.question),
    checkLine(answer),
    h("div", { class: beside ? "answer-columns" : "" }, body, beside),
    h("footer", { class: "found" }, (rest.length > 0 || !list) && howFound(answer), why(answer, kept)),
  );
}

function checkLine(answer) {
  if (answer.abstained) return h("p", { class: "verdict-line" }, icon("search"), "No answer in these papers");
  const sound = answer.claims.filter((claim) => claim.verdict === "supported").length;
  const all = answer.claims.length;
  if (!all) return null;
  if (sound === all) {
    const text =
      all === 1 ? "Supported by the paper it cites" : `All ${all} sentences are supported by the papers they cite`;
    return h("p", { class: "verdict-line good" }, icon("check"), text);
  }
  const bad = all - sound;
  return h(
    "p",
    { class: "verdict-line bad" },
    icon("warn"),
    `${bad} of ${counted(all, "sentence")} ${bad === 1 ? "is" : "are"} not supported, and marked`,
  );
}

function claimItem(claim, papers, list = false) {
  const bad = claim.verdict !== "supported";
  const cited = claim.citations.map((marker) => papers.find((paper) => paper.marker === marker)).filter(Boolean);
  const quotesOf = (paper) =>
    claim.quotes.filter((quote) => quote.paper_id === paper.paper_id).map((quote) => quote.text);
  const heading =
    list &&
    cited.length === 1 &&
    h(
      "p",
      { class: "claim-paper" },
      paperLink(cited[0].paper_id, cited[0].title, quotesOf(cited[0])),
      relevance(cited[0].score),
    );
  return h(
    "li",
    { class: bad ? "claim claim-bad" : "claim", data: { verdict: claim.verdict } },
    heading,
    h(
      "p",
      { class: "claim-text" },
      claim.text,
      cited.map((paper) => [" ", citation(paper, quotesOf(paper))]),
    ),
    bad && h("p", { class: "claim-verdict" }, icon("warn"), VERDICTS[claim.verdict] || claim.verdict),
  );
}

function citation(paper, quotes) {
  const link = paperLink(paper.paper_id, String(paper.marker), quotes, { class: "citation", title: paper.title });
  link.setAttribute("aria-label", `Source ${paper.marker}: ${paper.title}`);
  return link;
}

function uncitedPapers(answer) {
  const cited = new Set(answer.claims.flatMap((claim) => claim.citations));
  return answer.papers.filter((paper) => !cited.has(paper.marker));
}

function papersAside(papers, answer, list) {
  return h(
    "aside",
    { class: "sources", "aria-label": list ? "Further papers" : "Papers this rests on" },
    h("h2", {}, list ? "Further papers" : "Rests on"),
    h(
      "ol",
      { class: "source-list" },
      papers.map((paper) => {
        const quotes = answer.claims
          .flatMap((claim) => claim.quotes)
          .filter((quote) => quote.paper_id === paper.paper_id);
        const texts = [...new Set(quotes.map((quote) => quote.text))];
        return h(
          "li",
          { class: "source" },
          h("span", { class: "source-marker", "aria-hidden": "true" }, paper.marker),
          h("div", {}, paperLink(paper.paper_id, paper.title, texts), relevance(paper.score)),
        );
      }),
    ),
  );
}

/** Beside a list that has all its papers in itself. */
function foundAside(answer) {
  return h("aside", { class: "sources", "aria-label": "How it was found" }, h("h2", {}, "How it was found"), howFound(answer));
}

/** How many papers were searched, judged and listed, and by whom the text was written. */
function howFound(answer) {
  const made = answer.provenance;
  const writer =
    made.engine === "extractive" ? "no language model" : `${made.engine}${made.mode ? `, ${made.mode}` : ""}`;
  const steps = [
    ["searched", made.searched],
    ["judged", made.judged],
    ["listed", made.listed],
  ];
  return [
    h(
      "p",
      { class: "funnel" },
      steps.map(([what, count], index) => [
        index > 0 && h("span", { class: "funnel-arrow", "aria-hidden": "true" }, "→"),
        h("span", {}, `${what} `, h("strong", {}, number(count))),
      ]),
    ),
    h("p", { class: "made-by" }, `${writer} · ${made.seconds < 0.01 ? "under 0.01" : made.seconds.toFixed(2)} s`),
  ];
}

/** On request, why each paper was retrieved. */
function why(answer, kept) {
  if (!answer.id || !answer.papers.length) return null;
  const place = h("div", {});
  const details = h("details", { class: "why" }, h("summary", {}, "Why these papers"), place);
  details.addEventListener("toggle", () => {
    if (!details.open || place.hasChildNodes()) return;
    if (kept) fill(place, reasons(kept));
    else show(place, async () => reasons(await get(`answers/${encodeURIComponent(answer.id)}`)));
  });
  return details;
}

function reasons(kept) {
  const rows = kept.retrieved.map((one) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, paperLink(one.paper_id, one.title)),
      h(
        "td",
        { "data-name": "words found" },
        one.terms.length ? one.terms.map((term) => h("span", { class: "term" }, term)) : "none",
      ),
      h("td", { "data-name": "cosine", class: "figure" }, one.cosine == null ? "–" : one.cosine.toFixed(2)),
      h("td", { "data-name": "relevance", class: "figure" }, one.score == null ? "–" : one.score.toFixed(2)),
    ),
  );
  return h(
    "table",
    { class: "reasons" },
    h("caption", { class: "visually-hidden" }, "Why each paper was retrieved"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ["Paper", "Words of the question in it", "Cosine", "Relevance"].map((name) => h("th", { scope: "col" }, name)),
      ),
    ),
    h("tbody", {}, rows),
  );
}
