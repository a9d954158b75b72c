// A bar for each month that the papers span, or for each day of a short span; each bar leads to its list.
import { h, whenLaidOut } from "./dom.js";
import { counted, day as longDay, month as longMonth, toDate } from "./format.js";
import { address } from "./router.js";

const MOST_DAYS = 62;

/** The chart; `period` is what is shown below it. */
export function timeline(days, period) {
  const daily = span(days, 10).length <= MOST_DAYS;
  const length = daily ? 10 : 7;
  const counts = new Map();
  for (const one of days) {
    const key = one.day.slice(0, length);
    counts.set(key, (counts.get(key) || 0) + one.papers);
  }
  const steps = span(days, length);
  const highest = Math.max(...counts.values());
  const bars = steps.map((step) => bar(step, counts.get(step) || 0, highest, period));
  const chart = h(
    "div",
    { class: "bars", role: "group", "aria-label": `Papers per ${daily ? "day" : "month"}; arrow keys move` },
    bars,
  );
  roving(chart);
  whenLaidOut(chart, () => {
    const current = chart.querySelector(".bar-current") || chart.lastElementChild;
    chart.scrollLeft = current.offsetLeft - chart.offsetLeft - chart.clientWidth / 2;
    fade(chart);
  });
  chart.addEventListener("scroll", () => fade(chart), { passive: true });
  return h("section", { class: "timeline", "aria-label": "Papers over time" }, chart);
}

/** An end behind which there is more is faint. */
function fade(chart) {
  const hidden = chart.scrollWidth - chart.clientWidth - chart.scrollLeft;
  chart.classList.toggle("more-before", chart.scrollLeft > 1);
  chart.classList.toggle("more-after", hidden > 1);
}

/** All days or months from the first to the last, also those without papers. */
function span(days, length) {
  const steps = [];
  const last = days[days.length - 1].day.slice(0, length);
  const at = toDate(days[0].day.slice(0, length));
  for (let step = ""; step < last;) {
    step = at.toISOString().slice(0, length);
    steps.push(step);
    if (length === 7) at.setUTCMonth(at.getUTCMonth() + 1);
    else at.setUTCDate(at.getUTCDate() + 1);
  }
  return steps;
}

function bar(step, papers, highest, period) {
  const name = step.length === 7 ? longMonth(step) : longDay(step);
  const current = period === step || period.startsWith(step);
  const begins = step.length === 7 ? step.endsWith("-01") : step.endsWith("-01") || toDate(step).getUTCDay() === 1;
  const label = step.length === 7 ? step.slice(0, 4) : `${Number(step.slice(8))}.`;
  const column = h("span", { class: "bar-fill" });
  column.style.setProperty("--share", papers / highest);
  const mark = begins && h("span", { class: "bar-label", "aria-hidden": "true" }, label);
  const classes = `bar${current ? " bar-current" : ""}${begins ? " bar-begins" : ""}`;
  const told = `${name}: ${counted(papers, "paper")}`;
  if (!papers) return h("span", { class: classes, title: told }, mark);
  return h(
    "a",
    { class: classes, href: address("days", step), title: told, "aria-label": told, "aria-current": current && "true" },
    column,
    mark,
  );
}

/** One stop for the tab key; arrows move inside. */
function roving(chart) {
  const links = [...chart.querySelectorAll("a")];
  const start = chart.querySelector("a.bar-current") || links[links.length - 1];
  for (const link of links) link.tabIndex = link === start ? 0 : -1;
  chart.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (move === undefined) return;
    event.preventDefault();
    const at = links.indexOf(document.activeElement);
    const next = links[Math.max(0, Math.min(links.length - 1, at + move))];
    for (const link of links) link.tabIndex = link === next ? 0 : -1;
    next.focus();
  });
}
