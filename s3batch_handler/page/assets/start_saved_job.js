"use strict";
// Show the page of a job that was saved in a file.

/** Saved pages have no actions. @param {JobDocument} _doc */
function actionButtons(_doc) {
  return null;
}

const savedDocument = firstDocument();
showBar(h("span", { class: "connection" }, "Saved ", time(savedDocument.time)));
showJob(savedDocument);
