"use strict";
// Load the failed tasks of a live page from the server.

const RELOAD_MS = 2000;
const MOST_RETRIES = 15;
const failedRequest = { running: false, answered: "", time: 0, timer: 0, retries: 0 };

/** Request the rows of the current page of the table, if they may have changed. @param {JobDocument} doc */
async function loadFailedTasks(doc) {
  if (rowsAreHere(doc) || serverIsGone() || failedRequest.running || !doc.counts.failed) return;
  const view = JSON.stringify([failedView.search, failedView.code, failedView.cursors]);
  // New failed tasks are appended, so a page that has a next page does not change while the job runs.
  const isFull = failedView.found !== null && failedView.found.next !== null;
  const wanted = JSON.stringify([view, isFull ? "full" : doc.counts.failed, doc.job.status]);
  if (wanted === failedRequest.answered) return;
  const isNew = !failedRequest.answered.startsWith(JSON.stringify([view]).slice(0, -1));
  const early = isNew ? 0 : failedRequest.time + RELOAD_MS - Date.now();
  if (early > 0) {
    // This document may be the last one, so do not wait for the next.
    clearTimeout(failedRequest.timer);
    failedRequest.timer = setTimeout(showAgain, early);
    return;
  }
  failedRequest.running = true;
  try {
    failedView.found = await getJson(`${apiAddress()}/failed?${failedQuery()}`);
    failedView.error = "";
  } catch (error) {
    failedView.error = error instanceof ServerAnswer ? error.message : "";
  }
  Object.assign(failedRequest, { running: false, answered: wanted, time: Date.now() });
  // A report is written at the end of a job, and may take a moment.
  const isMissing = !failedView.found?.rows.length && !failedView.search && !failedView.code;
  if (isMissing && failedRequest.retries < MOST_RETRIES) {
    failedRequest.retries++;
    setTimeout(() => {
      failedRequest.answered = "";
      showAgain();
    }, RELOAD_MS);
  }
  showAgain(); // requests rows again if the search has changed in the meantime
}

function failedQuery() {
  const query = new URLSearchParams({ search: failedView.search, code: failedView.code, limit: String(ROWS_PER_PAGE) });
  const cursor = failedView.cursors[failedView.cursors.length - 1];
  if (cursor !== null) query.set("after", cursor);
  return query;
}
