// The first view: a question, and the answer as it is written. `#/ask?q=…` asks, `#/answers/ID` shows one again.
import { answerView, writingView } from "./answer.js";
import { events, get, givenUp, Problem } from "./api.js";
import { announce, append, fill, h, icon, whenLaidOut } from "./dom.js";
import { counted, day, month, moment } from "./format.js";
import { paperLine } from "./papers.js";
import { address, go, read, replace } from "./router.js";
import { emptyCatalog, failure, show } from "./states.js";

const MODES = [
  ["", "default"],
  ["quotes", "quotes only"],
  ["extractive", "no language model"],
  ["free", "free, then checked"],
];
const LONGEST = 2000;
const NEWEST = 5;
const RECENT = 6;

export const title = (route) => route.params.get("q") || (route.view === "answers" ? "An answer" : "Ask");

export function render(place, route, signal, moved) {
  const question = route.params.get("q") || "";
  const below = h("div", { class: "below" });
  const asked = question || route.view === "answers";
  if (!asked) append(place, [hero()]);
  const form = questionForm(question, route.params.get("mode") || "");
  append(place, [h("div", { class: asked ? "ask-top" : "ask-top ask-front" }, form), below]);
  if (route.view === "answers") return again(below, form, route.id, signal);
  if (question) return answerTo(below, question, route.params.get("mode") || "", signal, moved);
  if (matchMedia("(hover: hover)").matches) form.querySelector("textarea").focus({ preventScroll: true });
  return front(below, place, signal);
}

function hero() {
  return h(
    "div",
    { class: "hero" },
    h("h1", {}, "Ask the papers."),
    h("p", { class: "hero-line", id: "hero-line" }, "Every sentence of an answer comes with the sentence it rests on."),
  );
}

function questionForm(question, mode) {
  const modes = MODES.map(([value, name]) => h("option", { value, selected: value === mode }, name));
  const chosen = h("select", { id: "mode" }, modes);
  const submit = (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (!text) return field.focus();
    const target = address("ask", "", { q: text, mode: chosen.value });
    if (target === location.hash) window.dispatchEvent(new Event("ask-again"));
    else go(target);
    return undefined;
  };
  const field = questionField(question, submit);
  const hint = [h("kbd", {}, "/"), " to write, ", h("kbd", {}, "Enter"), " to ask"];
  const foot = [
    h("label", { class: "mode" }, h("span", {}, "Mode"), chosen),
    h("span", { class: "hint", "aria-hidden": "true" }, hint),
    h("button", { class: "button", type: "submit" }, "Ask", icon("arrow")),
  ];
  const properties = { class: "question", onsubmit: submit, role: "search", "aria-label": "Ask a question" };
  return h("form", properties, field, h("div", { class: "question-foot" }, foot));
}

/** A field that grows with what is written in it; Enter asks, with the shift key it begins a line. */
function questionField(question, submit) {
  const field = h("textarea", {
    id: "question",
    rows: "1",
    maxlength: LONGEST,
    "data-main-field": true,
    enterkeyhint: "go",
    autocomplete: "off",
    placeholder: "Which papers …? By how much does …? What is the newest paper on …?",
    "aria-label": "Your question",
    "aria-keyshortcuts": "/",
  });
  field.value = question;
  const grow = () => {
    field.style.setProperty("height", "auto");
    field.style.setProperty("height", `${field.scrollHeight}px`);
  };
  field.addEventListener("input", grow);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
  });
  whenLaidOut(field, grow);
  return field;
}

/** What stands below the question while none is asked: the newest papers, and what was asked before. */
async function front(below, place, signal) {
  const papersPlace = h("div", {});
  const askedPlace = h("div", {});
  const examples = h("ul", { class: "examples", "aria-label": "Questions to begin with" });
  append(below, [
    examples,
    h(
      "div",
      { class: "columns" },
      h("section", { class: "front-papers" }, h("h2", {}, "Newest papers"), papersPlace),
      h("section", { class: "front-asked" }, h("h2", {}, "Asked before"), askedPlace),
    ),
  ]);
  show(askedPlace, () => recent(signal), { lines: 3, signal });
  await show(
    papersPlace,
    async () => {
      const found = await get("papers", { order: "newest", limit: NEWEST }, signal);
      if (!found.total) {
        fill(below, emptyCatalog());
        return [];
      }
      tell(place, found);
      append(
        examples,
        exampleQuestions(found.papers).map((text) =>
          h("li", {}, h("a", { href: address("ask", "", { q: text }) }, text, icon("arrow"))),
        ),
      );
      return found.papers.map((paper) => paperLine(paper));
    },
    { lines: 8, signal },
  );
}

function tell(place, found) {
  const newest = found.papers[0]?.listed || found.papers[0]?.published;
  const until = newest ? `, the newest from ${day(newest)}` : "";
  const line = place.querySelector("#hero-line");
  if (line)
    line.textContent = `${counted(found.total, "paper")} on this machine${until}. Every sentence of an answer comes with the sentence it rests on.`;
}

function exampleQuestions(papers) {
  const [first, second] = papers;
  const since = first?.listed || first?.published;
  const name = (paper) => paper.title.split(":")[0];
  return [
    "What is the newest paper?",
    since && `How many papers are there since ${month(`${Number(since.slice(0, 4)) - 1}${since.slice(4)}`)}?`,
    second && `More papers like ${name(second)}`,
  ].filter((text) => text && text.length < 90);
}

async function recent(signal) {
  const { answers } = await get("answers", { limit: RECENT }, signal);
  if (!answers.length)
    return h("p", { class: "quiet-text" }, "Nothing yet. Answers are kept on this machine, with what they rest on.");
  return h(
    "ul",
    { class: "asked" },
    answers.map((one) =>
      h(
        "li",
        {},
        h("a", { href: address("answers", one.id) }, one.question),
        h(
          "span",
          { class: "facts" },
          h("span", {}, moment(one.created)),
          one.abstained && h("span", {}, "no answer found"),
        ),
      ),
    ),
  );
}

async function again(below, form, id, signal) {
  await show(
    below,
    async () => {
      const kept = await get(`answers/${encodeURIComponent(id)}`, {}, signal);
      const field = form.querySelector("textarea");
      field.value = kept.answer.question;
      field.dispatchEvent(new Event("input"));
      document.title = `${kept.answer.question} · Paperboy`;
      return answerView({ ...kept.answer, id }, kept);
    },
    { lines: 6, signal },
  );
}

/** Ask, show what is written as it comes, then the checked answer. */
async function answerTo(below, question, mode, signal, moved) {
  const stopping = new AbortController();
  signal.addEventListener("abort", () => stopping.abort());
  const repeat = () => answerTo(below, question, mode, signal, moved);
  window.addEventListener("ask-again", repeat, { signal: stopping.signal, once: true });
  const writing = writingView(question, () => stopping.abort());
  fill(below, writing.element);
  try {
    for await (const { event, data } of events("ask", { question, ...(mode && { mode }) }, stopping.signal)) {
      if (event === "token") writing.add(data.text);
      else if (event === "claim") writing.check(data);
      else if (event === "answer") {
        fill(below, answerView(data));
        announce(data.abstained ? "No paper answers this." : `Answered, from ${counted(data.papers.length, "paper")}.`);
        if (data.id && !signal.aborted && !read().params.has("paper")) keep(data.id, moved);
      }
    }
  } catch (error) {
    if (signal.aborted) return;
    if (givenUp(error)) writing.stopped(repeat);
    else if (error instanceof Problem && error.kind === "empty-catalog") fill(below, emptyCatalog());
    else fill(below, failure(error, repeat));
  }
}

/** The address becomes that of the kept answer, so that going back to it does not ask again. */
function keep(id, moved) {
  const target = address("answers", id);
  replace(target);
  moved(target);
}
