"use strict";
// The page of a job: its sections, in their order.

/** Return whether the page gets newer documents from a server. */
function isLive() {
  return document.documentElement.dataset.api !== undefined;
}

/** Return the document that came with the page. */
function firstDocument() {
  return JSON.parse(document.getElementById("document")?.textContent ?? "null");
}

/**
 * Create a section with its heading.
 * @param {{id: string, title: string, class?: string, note?: Child}} about
 * @param {...Child} content
 */
function section(about, ...content) {
  return h(
    "section",
    { id: about.id, class: `card ${about.class ?? ""}`, "data-key": about.id, "aria-labelledby": `${about.id}-title` },
    h("div", { class: "card-head" }, h("h2", { id: `${about.id}-title` }, about.title), about.note),
    ...content,
  );
}

/** Show a document. */
function showJob(/** @type {JobDocument} */ doc) {
  const main = document.getElementById("main");
  if (!main) return;
  document.title = [visible(doc.job.description || doc.job.id || "Job"), doc.job.status].filter(Boolean).join(" · ");
  update(main, jobHeader(doc), h("div", { class: "sections", "data-key": "sections" }, progressSection(doc)));
}
