// Light, dark, or as the system has it. The choice stays in this browser.
import { fill, icon } from "./dom.js";

const CHOICES = ["auto", "light", "dark"];
const ICONS = { auto: "auto", light: "sun", dark: "moon" };
const NAMES = { auto: "as the system", light: "light", dark: "dark" };

/** Make a button switch the theme; `changed` is told after each switch. */
export function themeButton(button, changed) {
  const show = () => {
    const chosen = current();
    fill(button, icon(ICONS[chosen]));
    const next = CHOICES[(CHOICES.indexOf(chosen) + 1) % CHOICES.length];
    button.setAttribute("aria-label", `Theme: ${NAMES[chosen]}. Switch to ${NAMES[next]}`);
    button.title = `Theme: ${NAMES[chosen]}`;
  };
  button.addEventListener("click", () => {
    choose(CHOICES[(CHOICES.indexOf(current()) + 1) % CHOICES.length]);
    show();
    changed();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  show();
}

function current() {
  return document.documentElement.dataset.theme || "auto";
}

function choose(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("paperboy-theme", theme);
  } catch {
    // Then it lasts until the page is closed.
  }
}
