// Search as you type: papers with the sentence nearest to the words, narrowed by dates, category and operators.
import { get, givenUp, post } from "./api.js";
import { announce, append, fill, h, icon } from "./dom.js";
import { counted, shortDay } from "./format.js";
import { marked, paperLine, paperLink, relevance } from "./papers.js";
import { address, replace } from "./router.js";
import { emptyCatalog, failure, loading } from "./states.js";
import { suggestions } from "./suggest.js";

const PAUSE = 220;
const HITS = 20;
const MORE = 40;
const OPERATORS = [
  ["“activation memory”", "the words in this order"],
  ["title:LoRA", "in the title"],
  ["author:hinton", "by this author"],
  ["cat:cs.CL", "in this category"],
  ["since:2024", "from then on; until: and day: as well"],
  ["quantiz*", "any ending"],
];

export const title = (route) => (route.params.get("q") ? `${route.params.get("q")} · Search` : "Search");

export function render(place, route, signal, moved) {
  const asked = Object.fromEntries(["q", "since", "until", "cat"].map((name) => [name, route.params.get(name) || ""]));
  const results = h("section", { class: "results", "aria-label": "Papers found", "aria-live": "off" });
  const state = { asked, results, signal, running: null, timer: 0, hits: HITS };
  const changed = (pause) => {
    clearTimeout(state.timer);
    state.hits = HITS;
    state.timer = setTimeout(() => {
      const target = address("search", "", state.asked);
      replace(target);
      moved(target);
      find(state);
    }, pause);
  };
  signal.addEventListener("abort", () => clearTimeout(state.timer));
  append(place, [
    h("h1", { class: "visually-hidden" }, "Search"),
    h(
      "form",
      { class: "search-form", role: "search", onsubmit: (event) => (event.preventDefault(), changed(0)) },
      field(state, changed),
      filters(state, changed),
    ),
    results,
  ]);
  find(state);
}

function field(state, changed) {
  const input = h("input", {
    type: "search",
    id: "query",
    class: "search-field",
    autocomplete: "off",
    spellcheck: "false",
    maxlength: "1000",
    "data-main-field": true,
    "aria-label": "Search the papers",
    placeholder: "Words, a title, “a phrase”, author:…, since:2024",
  });
  input.value = state.asked.q;
  input.addEventListener("input", () => {
    state.asked.q = input.value;
    changed(PAUSE);
  });
  const choose = (text) => {
    state.asked.q = text;
    changed(0);
  };
  if (matchMedia("(hover: hover)").matches) requestAnimationFrame(() => input.focus({ preventScroll: true }));
  return h("div", { class: "search-box" }, icon("search"), input, suggestions(input, state.signal, choose));
}

function filters(state, changed) {
  const date = (name, label) => {
    const input = h("input", { type: "date", id: `filter-${name}`, class: "field" });
    input.value = state.asked[name];
    input.addEventListener("change", () => {
      state.asked[name] = input.value;
      changed(0);
    });
    return h("label", { class: "filter", for: `filter-${name}` }, h("span", {}, label), input);
  };
  const categories = h("select", { id: "filter-category", class: "field" }, h("option", { value: "" }, "All"));
  categories.addEventListener("change", () => {
    state.asked.cat = categories.value;
    changed(0);
  });
  const category = h(
    "label",
    { class: "filter", for: "filter-category", hidden: true },
    h("span", {}, "Category"),
    categories,
  );
  get("categories", {}, state.signal).then(
    (found) => {
      append(
        categories,
        found.categories.map((one) => h("option", { value: one.category }, `${one.category} (${one.papers})`)),
      );
      categories.value = state.asked.cat;
      category.hidden = !found.categories.length;
    },
    () => {},
  );
  const help = h(
    "details",
    { class: "operators" },
    h("summary", {}, "Operators"),
    h(
      "dl",
      {},
      OPERATORS.map(([example, meaning]) => h("div", {}, h("dt", {}, h("code", {}, example)), h("dd", {}, meaning))),
    ),
  );
  return h("div", { class: "filters" }, date("since", "From"), date("until", "To"), category, help);
}

async function find(state) {
  state.running?.abort();
  const running = new AbortController();
  state.running = running;
  state.signal.addEventListener("abort", () => running.abort());
  const { q, since, until, cat } = state.asked;
  if (!state.results.hasChildNodes()) fill(state.results, loading(10));
  state.results.setAttribute("aria-busy", "true");
  try {
    const made = q.trim()
      ? await ranked(
          state,
          {
            query: q,
            k: state.hits,
            ...(since && { since }),
            ...(until && { until }),
            ...(cat && { categories: [cat] }),
          },
          running.signal,
        )
      : await newest({ since, until, category: cat }, running.signal);
    if (!running.signal.aborted) fill(state.results, made);
  } catch (error) {
    if (givenUp(error) || running.signal.aborted) return;
    if (error.status === 422 || error.status === 400)
      fill(state.results, h("p", { class: "quiet-text search-hint" }, error.message));
    else
      fill(
        state.results,
        failure(error, () => find(state)),
      );
  }
  state.results.removeAttribute("aria-busy");
}

async function newest(condition, signal) {
  const found = await get("papers", { ...condition, order: "newest", limit: HITS }, signal);
  const narrowed = condition.since || condition.until || condition.category;
  if (!found.total && !narrowed) return emptyCatalog();
  if (!found.total) return h("p", { class: "quiet-text" }, "No paper passes these filters.");
  return [
    h("p", { class: "quiet-text result-count" }, `${counted(found.total, "paper")}, newest first`),
    found.papers.map((paper) => paperLine(paper, { level: "h2" })),
  ];
}

async function ranked(state, wanted, signal) {
  const { hits } = await post("search", wanted, signal);
  if (!hits.length) {
    announce("No papers found");
    return h("p", { class: "quiet-text" }, "No paper passes. Fewer words, or wider dates?");
  }
  announce(counted(hits.length, "paper"));
  const words = wordsOf(wanted.query);
  const more =
    hits.length === wanted.k &&
    wanted.k < HITS + MORE &&
    h(
      "button",
      {
        class: "button quiet",
        type: "button",
        onclick: () => {
          state.hits += MORE;
          find(state);
        },
      },
      "Show more",
    );
  return [
    h(
      "ol",
      { class: "hits" },
      hits.map((hit) => h("li", {}, hitLine(hit, words))),
    ),
    more,
  ];
}

function hitLine(hit, words) {
  return h(
    "article",
    { class: "paper-line hit" },
    h("h2", { class: "paper-title" }, paperLink(hit.paper_id, hit.title, [hit.quote])),
    h("p", { class: "facts" }, hit.published && h("span", {}, shortDay(hit.published)), relevance(hit.score)),
    h("p", { class: "hit-quote" }, marked(hit.quote, spansOf(hit.quote, words))),
  );
}

/** The words of a query that are looked for in a quote: those of operators too, without their names. */
function wordsOf(query) {
  const plain = query
    .toLowerCase()
    .replace(/\b(?:since|until|day|cat|author):\S+/g, " ")
    .replace(/\btitle:/g, " ");
  return [...new Set(plain.match(/[\p{L}\p{N}]{2,}/gu) || [])];
}

function spansOf(text, words) {
  const lower = text.toLowerCase();
  if (lower.length !== text.length) return [];
  const spans = [];
  for (const found of lower.matchAll(/[\p{L}\p{N}]+/gu)) {
    if (
      words.some(
        (word) =>
          found[0] === word || (word.length > 3 && found[0].startsWith(word.slice(0, Math.max(4, word.length - 2)))),
      )
    )
      spans.push([found.index, found.index + found[0].length]);
  }
  return spans;
}
