// The papers of a day or a month: a chart of all months, a calendar of one, and the list with its summaries.
import { get } from "./api.js";
import { calendar } from "./calendar.js";
import { digestBar } from "./digest.js";
import { append, fill, h, icon } from "./dom.js";
import { counted, day as longDay, month as longMonth, number, toDate } from "./format.js";
import { summaryText, writeSummary } from "./paper.js";
import { paperLine } from "./papers.js";
import { address } from "./router.js";
import { emptyCatalog, nothing, show } from "./states.js";
import { timeline } from "./timeline.js";

const PAGE = 50;
const FEW = 4;
const CHOSEN = /^\d{4}-\d{2}(-\d{2})?$/;

export const title = (route) => (CHOSEN.test(route.id) ? named(route.id) : "Days");

const named = (period) => (period.length === 7 ? longMonth(period) : longDay(period));

export async function render(place, route, signal) {
  const whole = h("div", { class: "days" });
  append(place, [whole]);
  await show(
    whole,
    async () => {
      const { days } = await get("days", {}, signal);
      if (!days.length) return undated(signal);
      const period = CHOSEN.test(route.id) ? route.id : latest(days);
      const list = h("section", { class: "day-list", "aria-label": "Papers" });
      listPeriod(list, period, days, signal);
      return [
        timeline(days, period),
        h(
          "div",
          { class: "day-columns" },
          h("div", { class: "day-side" }, calendar(days, period), await withoutDay(days, signal)),
          list,
        ),
      ];
    },
    { lines: 10, signal },
  );
}

/** The latest day, or its month where the day alone has next to nothing. */
function latest(days) {
  const last = days[days.length - 1];
  return last.papers >= FEW ? last.day : last.day.slice(0, 7);
}

async function undated(signal) {
  const { total } = await get("papers", { limit: 1 }, signal);
  if (!total) return emptyCatalog();
  return nothing(
    "No paper has a date",
    `None of the ${counted(total, "paper")} says when it was published or listed.`,
    h("p", {}, h("a", { href: address("search") }, "Search them"), " instead."),
  );
}

async function withoutDay(days, signal) {
  const { total } = await get("papers", { limit: 1 }, signal);
  const missing = total - days.reduce((sum, one) => sum + one.papers, 0);
  if (missing <= 0) return null;
  return h(
    "p",
    { class: "quiet-text" },
    `${counted(missing, "paper")} without a date: `,
    h("a", { href: address("search") }, "search"),
    " and ",
    h("a", { href: address("map") }, "map"),
    " have them.",
  );
}

function range(period) {
  if (period.length === 10) return { day: period };
  const end = toDate(period);
  end.setUTCMonth(end.getUTCMonth() + 1, 0);
  return { since: `${period}-01`, until: end.toISOString().slice(0, 10) };
}

function listPeriod(list, period, days, signal) {
  const inside = days.filter((one) => one.day.startsWith(period));
  const papers = inside.reduce((sum, one) => sum + one.papers, 0);
  const lines = h("div", { class: "lines" });
  const summaries = new Map();
  fill(
    list,
    h(
      "header",
      { class: "day-head" },
      h("div", {}, h("h1", {}, named(period)), h("p", { class: "quiet-text" }, counted(papers, "paper"))),
      stepLinks(days, period),
    ),
  );
  if (!papers) {
    append(list, [nothing("No papers here", "The chart above shows where there are some.")]);
    return;
  }
  const bar = digestBar(range(period), papers, signal, (summary) => {
    summaries.set(summary.paper_id, summary);
    const line = lines.querySelector(`[data-paper="${CSS.escape(summary.paper_id)}"]`);
    if (line) showSummary(line, summary);
  });
  append(list, [bar, lines]);
  show(lines, () => page(range(period), "", summaries, signal), { lines: 8, signal });
}

function stepLinks(days, period) {
  const all = [...new Set(days.map((one) => one.day.slice(0, period.length)))];
  const before = all.filter((one) => one < period).pop();
  const after = all.find((one) => one > period);
  const step = (to, name, drawing) =>
    to &&
    h(
      "a",
      { class: "icon-button", href: address("days", to), "aria-label": `${name}: ${named(to)}`, title: named(to) },
      icon(drawing),
    );
  return h(
    "nav",
    { class: "steps", "aria-label": "Days before and after" },
    period.length === 10 &&
      h("a", { class: "button quiet small", href: address("days", period.slice(0, 7)) }, longMonth(period.slice(0, 7))),
    step(before, "Before", "left"),
    step(after, "After", "right"),
  );
}

async function page(condition, cursor, summaries, signal) {
  const found = await get("papers", { ...condition, limit: PAGE, cursor }, signal);
  const made = found.papers.map((paper) => dayLine(paper, summaries.get(paper.paper_id), signal));
  if (!found.next) return made;
  const more = h("div", {});
  const next = () => show(more, () => page(condition, found.next, summaries, signal), { signal });
  fill(
    more,
    h("button", { class: "button quiet", type: "button", onclick: next }, `Show more of ${number(found.total)}`),
  );
  return [...made, more];
}

function dayLine(paper, summary, signal) {
  const place = h("div", { class: "line-summary" });
  const paragraph = expandable("Paragraph", (text) => writeSummary(text, paper.paper_id, "paragraph", signal));
  const abstract = expandable("Abstract", (text) =>
    show(text, async () => (await get(`papers/${encodeURIComponent(paper.paper_id)}`, {}, signal)).abstract, {
      signal,
    }),
  );
  const line = paperLine(
    paper,
    { level: "h2" },
    place,
    h("div", { class: "line-actions" }, paragraph.button, abstract.button),
    paragraph.text,
    abstract.text,
  );
  line.dataset.paper = paper.paper_id;
  if (summary) showSummary(line, summary);
  return line;
}

function showSummary(line, summary) {
  fill(line.querySelector(".line-summary"), summaryText(summary));
}

let expanded = 0;

/** A button and what it unfolds; `load` is called the first time. */
function expandable(name, load) {
  expanded += 1;
  const text = h("div", { class: "unfolded", id: `unfolded-${expanded}`, hidden: true });
  const button = h(
    "button",
    { class: "unfold", type: "button", "aria-expanded": "false", "aria-controls": text.id },
    icon("down"),
    name,
  );
  let loaded = false;
  button.addEventListener("click", () => {
    text.hidden = !text.hidden;
    button.setAttribute("aria-expanded", String(!text.hidden));
    if (!text.hidden && !loaded) load(text);
    loaded = true;
  });
  return { button, text };
}
