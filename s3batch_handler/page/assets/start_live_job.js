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
  const rows = shownDocument().failed_tasks?.rows.length ?? 0;
  if (rows > 0) return state === "stopped" || state === "ended"; // a run sends them before its end
  return (state === "stopped" || (state === "ended" && shownDocument().live === null)) && failedView.found === null;
}

/** @param {JobDocument} doc */
function connectionState(doc) {
  return connectionBadge(connection.state, doc.time);
}

showJob(firstDocument());
connection.restart();
