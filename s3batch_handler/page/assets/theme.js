"use strict";
// The theme: light, dark, or as in the system. This script runs before the page is displayed.

const THEMES = ["system", "light", "dark"];

/** Return the theme that the reader chose. */
function chosenTheme() {
  let chosen = null;
  try {
    chosen = localStorage.getItem("s3batch-theme");
  } catch {
    // A saved page, opened as a file, may have no storage.
  }
  return THEMES.includes(chosen ?? "") ? String(chosen) : "system";
}

/** Use a theme, and remember it if the browser allows that. */
function chooseTheme(/** @type {string} */ theme) {
  try {
    localStorage.setItem("s3batch-theme", theme);
  } catch {
    // The theme lasts until the page is closed.
  }
  applyTheme(theme);
}

function applyTheme(/** @type {string} */ theme) {
  document.documentElement.dataset.theme = theme;
  document.dispatchEvent(new Event("theme"));
}

// Other open pages use the same theme.
window.addEventListener("storage", () => applyTheme(chosenTheme()));
applyTheme(chosenTheme());
