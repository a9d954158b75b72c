// Titles below a search field while one types: a combobox as ARIA describes it.
import { givenUp, post } from "./api.js";
import { fill, h } from "./dom.js";

const PAUSE = 120;
const SHORTEST = 2;
const MOST = 6;

/** The list for a field; `chosen` is told the title that somebody takes. */
export function suggestions(input, signal, chosen) {
  const shown = new Suggestions(input, chosen);
  signal.addEventListener("abort", () => shown.close());
  return shown.list;
}

class Suggestions {
  #active = -1;
  #timer = 0;
  #running = null;

  constructor(input, chosen) {
    this.input = input;
    this.chosen = chosen;
    this.list = h("ul", {
      class: "suggestions",
      id: "suggestions",
      role: "listbox",
      "aria-label": "Titles",
      hidden: true,
    });
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", this.list.id);
    input.setAttribute("aria-expanded", "false");
    input.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#suggest(), PAUSE);
    });
    input.addEventListener("keydown", (event) => this.#pressed(event));
    input.addEventListener("blur", () => this.close());
  }

  close() {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.#mark(-1);
  }

  async #suggest() {
    this.#running?.abort();
    this.#running = new AbortController();
    const text = this.input.value;
    // Who writes operators knows what to search for.
    if (text.trim().length < SHORTEST || /[:"“]/.test(text)) return this.close();
    try {
      const { titles } = await post("suggest", { text, k: MOST }, this.#running.signal);
      const late = document.activeElement !== this.input || this.input.value !== text;
      if (late || !titles.length || titles[0] === text) return this.close();
      return this.#open(titles);
    } catch (error) {
      return givenUp(error) ? undefined : this.close();
    }
  }

  #open(titles) {
    const option = (title, index) => {
      const taken = (event) => {
        // The field keeps the focus.
        event.preventDefault();
        this.#take(title);
      };
      return h("li", { role: "option", id: `suggestion-${index}`, onpointerdown: taken }, title);
    };
    fill(this.list, titles.map(option));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.#mark(-1);
  }

  #take(title) {
    this.input.value = title;
    this.close();
    this.chosen(title);
  }

  #mark(index) {
    this.#active = index;
    const options = [...this.list.children];
    options.forEach((option, place) => option.setAttribute("aria-selected", String(place === index)));
    if (index >= 0) this.input.setAttribute("aria-activedescendant", options[index].id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  #pressed(event) {
    if (this.list.hidden) return;
    const count = this.list.children.length;
    if (event.key === "ArrowDown") this.#mark((this.#active + 1) % count);
    else if (event.key === "ArrowUp") this.#mark(this.#active <= 0 ? count - 1 : this.#active - 1);
    else if (event.key === "Escape") this.close();
    else if (event.key === "Enter" && this.#active >= 0) this.#take(this.list.children[this.#active].textContent);
    else {
      if (event.key === "Enter" || event.key === "Tab") this.close();
      return;
    }
    event.preventDefault();
  }
}
