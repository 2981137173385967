"use strict";
// Buttons that copy text.

/**
 * @param {string} text the text to copy
 * @param {string} label a name of the text, for screen readers
 */
function copyButton(text, label) {
  return h(
    "button",
    { type: "button", class: "copy quiet", "data-copy": text, "aria-label": `Copy ${label}`, title: `Copy ${label}` },
    icon("copy"),
  );
}

/** Announce a change to screen readers. */
function announce(/** @type {string} */ text) {
  const place = document.getElementById("announcements");
  if (place) place.textContent = text;
}

async function copyText(/** @type {string} */ text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Browsers may refuse the clipboard to pages that are opened as files.
    const field = /** @type {HTMLTextAreaElement} */ (h("textarea", { class: "unseen", "aria-hidden": "true" }));
    const focused = document.activeElement;
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    if (focused instanceof HTMLElement) focused.focus();
  }
}

onClick("button[data-copy]", async (button) => {
  await copyText(button.dataset.copy ?? "");
  announce("Copied");
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), 1200);
});
