// A paper as a line of a list, and links that open it.
import { append, h } from "./dom.js";
import { facts } from "./format.js";
import { paperAddress } from "./router.js";

/** A link that opens a paper over the present view, with quotes of it marked. */
export function paperLink(paperId, label, quotes = [], properties = {}) {
  const link = h("a", { ...properties, href: paperAddress(paperId, quotes) }, label);
  // The view's address can change while the link is there: it is read again when followed.
  const renew = () => link.setAttribute("href", paperAddress(paperId, quotes));
  link.addEventListener("pointerdown", renew);
  link.addEventListener("focus", renew);
  link.addEventListener("click", renew);
  return link;
}

/** Title and facts of a paper, and what a view adds below. */
export function paperLine(paper, { quotes = [], level = "h3" } = {}, ...more) {
  const line = h(
    "article",
    { class: "paper-line" },
    h(level, { class: "paper-title" }, paperLink(paper.paper_id, paper.title, quotes)),
    factsLine(paper),
  );
  append(line, more);
  return line;
}

/** Dates, authors and numbers of a paper in one line; its categories as labels. */
export function factsLine(paper) {
  const known = facts(paper);
  const categories = paper.categories || [];
  if (!known.length && !categories.length) return null;
  return h(
    "p",
    { class: "facts" },
    known.map((fact) => h("span", {}, fact)),
    categories.map((category) => h("span", { class: "category" }, category)),
  );
}

/** How probably a paper belongs to the answer, as a bar with its number. */
export function relevance(score) {
  const bar = h("span", { class: "meter-fill" });
  bar.style.setProperty("--share", Math.max(0, Math.min(1, score)));
  return h(
    "span",
    { class: "meter", title: "How probably the paper belongs to the answer, from 0 to 1" },
    h("span", { class: "meter-bar", "aria-hidden": "true" }, bar),
    h("span", { class: "meter-number" }, h("span", { class: "visually-hidden" }, "relevance "), score.toFixed(2)),
  );
}

/** A text in which the parts at the spans are marked; spans are ascending and do not overlap. */
export function marked(text, spans) {
  const parts = [];
  let last = 0;
  for (const [start, end] of spans) {
    if (start < last) continue;
    parts.push(text.slice(last, start), h("mark", {}, text.slice(start, end)));
    last = end;
  }
  parts.push(text.slice(last));
  return parts;
}
