// Runs before anything is drawn, so that a chosen theme does not flash.
"use strict";
try {
  const chosen = localStorage.getItem("paperboy-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage can be switched off; the system's theme is used then.
}
