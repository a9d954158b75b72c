// Joins the parts: which view an address shows, what is open over it, and what the whole page listens to.
import * as ask from "./ask.js";
import * as days from "./days.js";
import { announce, fill, h } from "./dom.js";
import * as map from "./map.js";
import { closeSheet, openSheet } from "./paper.js";
import { address, base, go, read } from "./router.js";
import * as search from "./search.js";
import { nothing } from "./states.js";
import { themeButton } from "./theme.js";

// Each view has `title(route)` and `render(place, route, signal)`; the signal ends what it began.
const VIEWS = { ask, answers: ask, days, search, map };
const TABS = { answers: "ask" };

const main = document.getElementById("main");
let shown = null;
let ending = new AbortController();

function update() {
  const route = read();
  const same = shown !== null && base(route) === shown;
  if (!same) {
    const first = shown === null;
    ending.abort();
    ending = new AbortController();
    shown = base(route);
    renderView(route, first);
  }
  const paper = route.params.get("paper");
  if (paper) openSheet(paper, route.params.getAll("quote"));
  else closeSheet();
}

function renderView(route, first) {
  const view = VIEWS[route.view];
  for (const link of document.querySelectorAll(".nav a")) {
    if (link.dataset.view === (TABS[route.view] ?? route.view)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  main.dataset.view = route.view;
  fill(main);
  if (!first) {
    window.scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
  if (view === undefined) {
    document.title = "Paperboy";
    const home = h("a", { href: address("ask") }, "Ask something");
    fill(main, nothing("There is no such page", h("p", {}, home, " instead.")));
    return;
  }
  document.title = `${view.title(route)} · Paperboy`;
  if (!first) announce(view.title(route));
  view.render(main, route, ending.signal, (address) => {
    shown = address;
  });
}

function typed(event) {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  if (document.querySelector("dialog[open]")) return;
  event.preventDefault();
  const field = main.querySelector("[data-main-field]");
  if (field) field.focus();
  else go(address("ask"));
}

window.addEventListener("hashchange", update);
document.addEventListener("keydown", typed);
document.querySelector(".skip").addEventListener("click", (event) => {
  // The fragment is the address here, so the link's own would leave the view.
  event.preventDefault();
  main.focus();
});
themeButton(document.getElementById("theme"), () => document.dispatchEvent(new Event("themechange")));
update();
