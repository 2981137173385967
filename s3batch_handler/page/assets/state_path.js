"use strict";
// The states of a job in their order, with the time and the duration of each.

/** The states that usually follow. */
const USUAL_PATH = ["New", "Preparing", "Suspended", "Ready", "Active", "Completing", "Complete"];
const MOST_STEPS = 12;

/** @param {JobDocument} doc */
function stateSection(doc) {
  const { history } = doc;
  if (!history.length) return null;
  const steps = history.map((change, i) => stateStep(doc, change, history[i + 1]));
  const { status } = doc.job;
  if (status && history[history.length - 1].status !== status) {
    // The time of the current state is not known.
    steps[steps.length - 1] = stateStep(doc, history[history.length - 1], { status, time: "" });
    steps.push(stateStep(doc, { status, time: "" }, undefined));
  }
  const hidden = steps.length > MOST_STEPS ? steps.splice(4, steps.length - MOST_STEPS + 1) : [];
  if (hidden.length) {
    steps.splice(4, 0, h("li", { class: "step between", "data-key": "hidden" }, h("span", { class: "step-name" }, `${hidden.length} more`)));
  }
  return section(
    { id: "states", title: "States", class: "wide" },
    h("ol", { class: "path" }, ...steps, ...nextSteps(doc)),
  );
}

/** @param {JobDocument} doc @param {StatusChange} change @param {StatusChange | undefined} next */
function stateStep(doc, change, next) {
  const last = next === undefined;
  const final = FINAL.includes(change.status);
  const [name, kind] = statusStyle(change.status);
  const end = last ? doc.time : next.time;
  const seconds = change.time && end ? secondsBetween(change.time, end) : null;
  return h(
    "li",
    { class: `step ${last ? `current ${kind}` : "past"}`, "data-key": `${change.status} ${change.time}`, "aria-current": last ? "step" : null },
    h("span", { class: "step-mark", "aria-hidden": "true" }, icon(last ? name : "check")),
    h("span", { class: "step-name" }, stateName(change.status)),
    h(
      "span",
      { class: "step-time" },
      change.time && time(change.time, doc.job.created ?? doc.time),
      !final && seconds !== null && h("span", {}, last ? `for ${longerThanSecond(seconds)}` : longerThanSecond(seconds)),
    ),
  );
}

function longerThanSecond(/** @type {number} */ seconds) {
  return seconds < 1 ? "< 1 s" : duration(Math.round(seconds));
}

/** Return the states that usually follow the current one. @param {JobDocument} doc */
function nextSteps(doc) {
  const { job } = doc;
  if (hasEnded(doc) || job.status === null) return [];
  const at = USUAL_PATH.indexOf(job.status === "Paused" || job.status === "Pausing" ? "Ready" : job.status);
  if (at < 0) return [];
  return USUAL_PATH.slice(at + 1)
    .filter((status) => status !== "Suspended" && !(status === "Ready" && job.origin === "run"))
    .map((status) =>
      h(
        "li",
        { class: "step next", "data-key": `next ${status}` },
        h("span", { class: "step-mark", "aria-hidden": "true" }),
        h("span", { class: "step-name" }, stateName(status)),
        h("span", { class: "unseen" }, "not yet"),
      ),
    );
}
