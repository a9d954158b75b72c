// What a view shows while it waits, when it failed, and when there is nothing.
import { givenUp, Problem, useKey } from "./api.js";
import { announce, fill, h, icon } from "./dom.js";

/** Grey lines in the place of what is coming. */
export function loading(lines = 4, label = "Loading") {
  const rows = Array.from({ length: lines }, () => h("span", { class: "skeleton-line" }));
  return h("div", { class: "skeleton", role: "status", "aria-label": label }, rows);
}

/** Put what `make` gives into `place`: grey lines first, and a way to try again where it fails. */
export async function show(place, make, { lines = 4, signal } = {}) {
  fill(place, loading(lines));
  try {
    const made = await make();
    if (!signal?.aborted) fill(place, made);
  } catch (error) {
    if (givenUp(error) || signal?.aborted) return;
    fill(
      place,
      failure(error, () => show(place, make, { lines, signal })),
    );
  }
}

/** Why something failed, and what to do. */
export function failure(error, again) {
  if (!(error instanceof Problem)) console.error(error);
  if (error.status === 401) return askForKey(again);
  const wait = error.retryAfter ? ` Try again in ${error.retryAfter} s.` : "";
  const text = error instanceof Problem ? error.message + wait : "This should not have happened.";
  announce(text);
  return h(
    "div",
    { class: "notice notice-bad", role: "alert" },
    icon("warn"),
    h("p", {}, text),
    again && h("button", { class: "button quiet", type: "button", onclick: again }, "Try again"),
  );
}

function askForKey(again) {
  const input = h("input", { type: "password", id: "key", class: "field", autocomplete: "off", required: true });
  const submit = (event) => {
    event.preventDefault();
    useKey(input.value.trim());
    again?.();
  };
  return h(
    "form",
    { class: "notice key-form", onsubmit: submit },
    h("label", { for: "key" }, "This Paperboy asks for a key"),
    input,
    h("button", { class: "button", type: "submit" }, "Use it"),
  );
}

/** Nothing is here, and what would change that. */
export function nothing(title, ...more) {
  return h(
    "div",
    { class: "nothing" },
    h("h2", {}, title),
    ...more.map((part) => (typeof part === "string" ? h("p", {}, part) : part)),
  );
}

/** An empty catalog, with how to fill it. */
export function emptyCatalog() {
  return nothing(
    "There are no papers yet",
    "Paperboy answers from the papers that you give it: scraped pages, or JSON lines with a title and an abstract each. In a terminal:",
    h(
      "pre",
      { class: "command" },
      h("code", {}, "paperboy ingest PATH…\npaperboy ingest samples/daily-papers    # the sample that comes along"),
    ),
  );
}
