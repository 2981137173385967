"use strict";
// The list of jobs.

/** @param {ListDocument} doc */
function showList(doc) {
  const main = document.getElementById("main");
  if (main) update(main, h("h1", {}, "Jobs"), h("p", {}, counted(doc.matching, "job")));
}
