"use strict";
// Show the page of a job, and update it with each new document.

const connection = new Connection({
  event: "job",
  address: apiAddress,
  events: () => `${apiAddress()}/events`,
  show: showJob,
  changed: showAgain,
  isOver: () => hasEnded(shownDocument()),
});

/** Return whether the server can no longer be asked, so that the page shows only what it has. */
function serverIsGone() {
  const { state } = connection;
  const { live, failed_tasks: failed } = shownDocument();
  // s3batch run sends the failed tasks with its last document. Then its server ends.
  const isLast = live === null || Boolean(failed?.rows.length);
  return state === "stopped" || state === "gone" || (state === "ended" && isLast);
}

/** @param {JobDocument} doc */
function connectionState(doc) {
  return connectionBadge(connection.state, doc.time);
}

showJob(firstDocument());
connection.restart();
