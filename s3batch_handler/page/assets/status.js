"use strict";
// The statuses of jobs: their icons, their colors and their words.

/** @type {Record<string, [string, string]>} */
const STATUS = {
  New: ["clock", "waits"],
  Preparing: ["clock", "waits"],
  Suspended: ["pause", "asks"],
  Ready: ["clock", "waits"],
  Active: ["play", "runs"],
  Pausing: ["pause", "waits"],
  Paused: ["pause", "waits"],
  Completing: ["play", "runs"],
  Complete: ["check", "good"],
  Cancelling: ["stop", "asks"],
  Cancelled: ["stop", "ended"],
  Failing: ["cross", "bad"],
  Failed: ["cross", "bad"],
};

const FINAL = ["Complete", "Failed", "Cancelled"];

/** Return the icon and the kind of a status. @param {string} status @returns {[string, string]} */
function statusStyle(status) {
  return Object.hasOwn(STATUS, status) ? STATUS[status] : ["dot", "waits"]; // "constructor" is a member of each object
}

/** Return the words for a status. */
function stateName(/** @type {string} */ status) {
  return status === "Suspended" ? "Awaiting confirmation" : visible(status);
}

/** Show the status of a job with an icon. A complete job with failed tasks gets a warning icon. */
function statusBadge(/** @type {string | null} */ status, /** @type {number} */ failed = 0) {
  if (status === null) return null; // a report without the record of its job
  const [name, kind] = statusStyle(status);
  const mixed = status === "Complete" && failed > 0;
  return h(
    "span",
    { class: `status ${mixed ? "asks" : kind}` },
    icon(mixed ? "warning" : name),
    h("span", {}, stateName(status)),
  );
}
