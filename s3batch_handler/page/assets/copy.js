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

/** Show an object with a button that copies its URL. @param {{bucket: string, key: string, version_id?: string | null}} task */
function objectWithCopy(task) {
  return h("div", { class: "with-copy" }, objectName(task), copyButton(`s3://${task.bucket}/${task.key}`, "s3:// URL of the object"));
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
