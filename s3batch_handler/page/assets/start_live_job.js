"use strict";
// Show the page of a job, and each newer document.

/** @param {JobDocument} _doc */
function actionButtons(_doc) {
  return null;
}

showBar();
showJob(firstDocument());
