// The map of the corpus: papers near each other are alike, colours are topics. The same as a list for those who prefer it.
import { get } from "./api.js";
import { append, fill, h, icon } from "./dom.js";
import { counted, number, topicName } from "./format.js";
import { mapCanvas } from "./map-canvas.js";
import { mapList } from "./map-list.js";
import { go, paperAddress } from "./router.js";
import { emptyCatalog, nothing, show } from "./states.js";

const FEWEST = 3;

export const title = () => "Map";

export async function render(place, route, signal) {
  const whole = h("div", { class: "map-view" });
  append(place, [whole]);
  await show(
    whole,
    async () => {
      const found = await get("map", {}, signal);
      if (!found.points.length) return emptyCatalog();
      if (found.points.length < FEWEST)
        return nothing("Too few papers for a map", `It takes ${FEWEST}; there are ${found.points.length}.`);
      return view(found, route, signal);
    },
    { lines: 12, signal },
  );
}

function view(found, route, signal) {
  const state = { topic: null, wanted: "" };
  const canvas = mapCanvas(found, {
    at: route.params.get("at"),
    open: (point) => go(paperAddress(point.paper_id)),
    signal,
  });
  const list = mapList(found);
  list.element.hidden = true;
  const status = h("p", { class: "quiet-text", role: "status" });
  const changed = () => {
    const wanted = state.wanted.trim().toLowerCase();
    const passes = (point) =>
      (state.topic === null || point.topic === state.topic) && (!wanted || point.title.toLowerCase().includes(wanted));
    const narrowed = state.topic !== null || wanted !== "";
    canvas.narrow(narrowed ? passes : null);
    list.narrow(narrowed ? passes : null);
    const shown = narrowed ? found.points.filter(passes).length : found.points.length;
    status.textContent = narrowed ? `${number(shown)} of ${counted(found.points.length, "paper")}` : total(found);
  };
  changed();
  return [
    h(
      "header",
      { class: "map-head" },
      h(
        "div",
        {},
        h("h1", {}, "The papers as a map"),
        h("p", { class: "quiet-text" }, "Near each other: alike. One colour: one topic."),
      ),
      h("div", { class: "map-tools" }, findField(state, changed), switcher(canvas.element, list.element)),
    ),
    h(
      "div",
      { class: "map-columns" },
      h("div", { class: "map-main" }, canvas.element, list.element),
      h(
        "aside",
        { class: "map-side", "aria-label": "Topics" },
        h("h2", {}, "Topics"),
        legend(found, state, changed),
        status,
      ),
    ),
  ];
}

function total(found) {
  const all = found.papers ?? found.points.length;
  return all > found.points.length
    ? `The newest ${number(found.points.length)} of ${counted(all, "paper")}`
    : counted(all, "paper");
}

function findField(state, changed) {
  const input = h("input", {
    type: "search",
    class: "field",
    id: "map-find",
    placeholder: "Words of a title",
    "aria-label": "Find on the map",
    "data-main-field": true,
    autocomplete: "off",
  });
  input.addEventListener("input", () => {
    state.wanted = input.value;
    changed();
  });
  return h("div", { class: "map-find" }, icon("search"), input);
}

function switcher(picture, list) {
  const buttons = [
    ["Map", picture],
    ["List", list],
  ].map(([name, element]) => {
    const button = h("button", { type: "button", class: "segment", "aria-pressed": String(element === picture) }, name);
    button.addEventListener("click", () => {
      for (const part of [picture, list]) part.hidden = part !== element;
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    });
    return button;
  });
  return h("div", { class: "segments", role: "group", "aria-label": "Show as" }, buttons);
}

function legend(found, state, changed) {
  const list = h("ul", { class: "legend" });
  const buttons = found.topics.map((topic) => {
    const button = h(
      "button",
      { type: "button", "aria-pressed": "false" },
      h("span", { class: "dot", data: { topic: topic.topic }, "aria-hidden": "true" }),
      h("span", { class: "legend-name" }, topicName(topic, 3)),
      h("span", { class: "legend-count" }, number(topic.papers)),
    );
    button.addEventListener("click", () => {
      state.topic = state.topic === topic.topic ? null : topic.topic;
      buttons.forEach((other, index) =>
        other.setAttribute("aria-pressed", String(found.topics[index].topic === state.topic)),
      );
      changed();
    });
    return button;
  });
  return fill(
    list,
    buttons.map((button) => h("li", {}, button)),
  );
}
