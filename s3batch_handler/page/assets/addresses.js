"use strict";
// The addresses of live pages.

const ROOT = "/_s3batch/";

/** Return whether the page gets new documents from a server. */
function isLive() {
  return document.documentElement.dataset.api !== undefined;
}

/** Return the address of the job, or of the list of jobs, in the server's API. */
function apiAddress() {
  return document.documentElement.dataset.api ?? "";
}

/** Return the address of the page of a job. */
function jobAddress(/** @type {string} */ id) {
  return `${ROOT}jobs/${encodeURIComponent(id)}`;
}
