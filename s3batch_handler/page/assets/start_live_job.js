"use strict";
// Show the page of a job, and each newer document.

const connection = new Connection({
  event: "job",
  address: apiAddress,
  events: () => `${apiAddress()}/events`,
  show: showJob,
  changed: showAgain,
  isOver: () => hasEnded(shownDocument()),
});

/** Return whether the page has to do with what it has. */
function serverIsGone() {
  const { state } = connection;
  const { live, failed_tasks: failed } = shownDocument();
  // A run sends its failed tasks before its server ends.
  const isLast = live === null || Boolean(failed?.rows.length);
  return state === "stopped" || state === "gone" || (state === "ended" && isLast);
}

/** @param {JobDocument} doc */
function connectionState(doc) {
  return connectionBadge(connection.state, doc.time);
}

showJob(firstDocument());
connection.restart();
