"use strict";
// The page of a job: its sections, in their order.

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

/** @type {JobDocument | null} */
let current = null;

/** Return the document that is shown. */
function shownDocument() {
  return current ?? firstDocument();
}

/** Show the same document again, for example after a change of the search. */
function showAgain() {
  if (current) showJob(current);
}

/** Show a document. */
function showJob(/** @type {JobDocument} */ doc) {
  const main = document.getElementById("main");
  if (!main) return;
  const atEnd = logAtEnd();
  if (current && doc.job.status && current.job.status !== doc.job.status) announce(`Status: ${stateName(doc.job.status)}`);
  current = doc;
  document.title = [isLive() && !hasEnded(doc) && doc.counts.total && share(doc.counts.succeeded + doc.counts.failed, doc.counts.total), visible(jobName(doc)), doc.job.status && stateName(doc.job.status)].filter(Boolean).join(" · ");
  const sections = [
    progressSection(doc),
    stateSection(doc),
    ...sideBySide(rateSection(doc), durationSection(doc)),
    failureSection(doc),
    failedSection(doc),
    ...sideBySide(workerSection(doc), logSection(doc)),
    ...sideBySide(latestSection(doc), slowestSection(doc)),
    configurationSection(doc),
    commandSection(doc),
  ].filter((shown) => shown !== null);
  showJobBar(doc, sections);
  update(main, jobHeader(doc), h("div", { class: "sections", "data-key": "sections" }, sections));
  drawRateChart(doc);
  drawDurationChart(doc);
  if (atEnd) scrollLogToEnd();
  loadFailedTasks(doc);
}

/** Return the sections of one row. If one is left out, the other gets the full width. @param {...(HTMLElement | null)} sections */
function sideBySide(...sections) {
  const shown = sections.filter((one) => one !== null);
  if (shown.length === 1) {
    shown[0].classList.remove("two-thirds", "third");
    shown[0].classList.add("wide");
  }
  return shown;
}

const MAIN_SECTIONS = ["progress", "rate", "failures", "failed", "workers", "log", "configuration", "commands"];

/** Show the bar at the top, with links to the sections. @param {JobDocument} doc @param {HTMLElement[]} sections */
function showJobBar(doc, sections) {
  const links = sections.filter(({ id }) => MAIN_SECTIONS.includes(id)).map((one) => h("a", { href: `#${one.id}` }, one.querySelector("h2")?.textContent ?? ""));
  showBar(h("nav", { class: "contents", "aria-label": "Sections" }, links), connectionState(doc));
}
