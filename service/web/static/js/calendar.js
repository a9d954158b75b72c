// The month of a day or a month, one cell for each day; the more papers, the stronger its colour.
import { h, icon } from "./dom.js";
import { counted, day as longDay, month as longMonth, toDate } from "./format.js";
import { address } from "./router.js";

const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const STRENGTHS = 4;

export function calendar(days, period) {
  const shown = period.slice(0, 7);
  const counts = new Map(days.map((one) => [one.day, one.papers]));
  const highest = Math.max(...days.filter((one) => one.day.startsWith(shown)).map((one) => one.papers), 1);
  const last = toDate(shown);
  last.setUTCMonth(last.getUTCMonth() + 1, 0);
  const blank = (toDate(shown).getUTCDay() + 6) % 7;
  const cells = [
    ...Array.from({ length: blank }, () => h("td", {})),
    ...Array.from({ length: last.getUTCDate() }, (_, index) =>
      cell(`${shown}-${String(index + 1).padStart(2, "0")}`, counts, highest, period),
    ),
  ];
  const weeks = [];
  for (let start = 0; start < cells.length; start += 7) weeks.push(h("tr", {}, cells.slice(start, start + 7)));
  return h(
    "section",
    { class: "calendar", "aria-label": `Days of ${longMonth(shown)}` },
    h(
      "div",
      { class: "calendar-head" },
      beside(days, shown, -1, "left"),
      h(
        "a",
        { href: address("days", shown), class: "calendar-month", "aria-current": period === shown && "page" },
        longMonth(shown),
      ),
      beside(days, shown, 1, "right"),
    ),
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          WEEKDAYS.map((name) => h("th", { scope: "col", abbr: name }, name[0])),
        ),
      ),
      h("tbody", {}, weeks),
    ),
  );
}

function cell(day, counts, highest, period) {
  const papers = counts.get(day) || 0;
  const date = Number(day.slice(8));
  if (!papers) return h("td", {}, h("span", { class: "date" }, date));
  const strength = Math.ceil((papers / highest) * STRENGTHS);
  return h(
    "td",
    {},
    h(
      "a",
      {
        class: "date",
        href: address("days", day),
        data: { strength },
        "aria-label": `${longDay(day)}: ${counted(papers, "paper")}`,
        "aria-current": day === period && "date",
        title: counted(papers, "paper"),
      },
      date,
    ),
  );
}

function beside(days, shown, direction, drawing) {
  const months = [...new Set(days.map((one) => one.day.slice(0, 7)))];
  const to = direction < 0 ? months.filter((one) => one < shown).pop() : months.find((one) => one > shown);
  if (!to) return h("span", { class: "icon-button icon-button-off", "aria-hidden": "true" }, icon(drawing));
  return h(
    "a",
    { class: "icon-button", href: address("days", to), "aria-label": longMonth(to), title: longMonth(to) },
    icon(drawing),
  );
}
