"use strict";
// Show the page of a job that was saved in a file. It has no server, so it has no actions.

/** @param {JobDocument} _doc */
function actionButtons(_doc) {
  return null;
}

/** @param {JobDocument} doc */
function connectionState(doc) {
  return h("span", { class: "connection" }, h("span", {}, "As of ", time(doc.time)));
}

/** The rows are in the page. */
function serverIsGone() {
  return true;
}

/** @param {JobDocument} _doc */
function loadFailedTasks(_doc) {}

showJob(firstDocument());
