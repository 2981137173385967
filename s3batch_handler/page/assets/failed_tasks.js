"use strict";
// The failed tasks, with a search and a filter by code, page by page. A saved page contains some of
// them; a live page requests them from the server.

const ROWS_PER_PAGE = 25;

/**
 * What the table shows. `cursors` are those of the pages up to the current one; `starts` has the
 * number of rows before each of these pages, because a search may return pages of different length.
 * @type {{search: string, code: string, cursors: (string | null)[], starts: number[], found: FailedTasks | null, error: string}}
 */
const failedView = { search: "", code: "", cursors: [null], starts: [0], found: null, error: "" };

/** Return whether the document contains the rows. @param {JobDocument} doc */
function rowsAreHere(doc) {
  // A run sends them with its last document, and then its server ends.
  return !isLive() || doc.failed_tasks !== null;
}

/** @param {JobDocument} doc */
function failedSection(doc) {
  const here = doc.failed_tasks;
  const total = rowsAreHere(doc) ? (here?.total ?? 0) : Math.max(doc.counts.failed, here?.total ?? 0);
  if (!total) return null;
  const found = rowsAreHere(doc) ? embeddedPage(doc) : failedView.found;
  const first = failedView.starts[failedView.starts.length - 1];
  return section(
    { id: "failed", title: "Failed tasks", class: "wide", note: h("span", { class: "muted" }, countOfRows(doc, total)) },
    failedTools(doc),
    failedView.error && h("p", { class: "notice bad", role: "alert" }, icon("warning"), failedView.error),
    found &&
      (found.rows.length
        ? taskTable({ id: "failed-table", caption: "Failed tasks", rows: found.rows, columns: ["object", "code", "message", ...(found.rows.some((row) => row.seconds !== null) ? /** @type {["seconds"]} */ (["seconds"]) : [])] })
        : h("p", { class: "empty" }, failedView.search || failedView.code ? "No failed task matches." : "The failed tasks cannot be listed yet.")),
    found &&
      pager({
        name: "failed",
        first: found.rows.length ? first + 1 : 0,
        last: first + found.rows.length,
        of: rowsAreHere(doc) ? found.searched : failedView.search || failedView.code ? undefined : total,
        back: failedView.cursors.length > 1,
        more: found.next !== null,
        note: !rowsAreHere(doc) && found.next !== null && found.rows.length < ROWS_PER_PAGE ? `searched ${counted(found.searched, "task")}` : "",
      }),
  );
}

/** Return how many of the failed tasks the page contains. @param {JobDocument} doc @param {number} total */
function countOfRows(doc, total) {
  const rows = doc.failed_tasks?.rows.length ?? 0;
  return rowsAreHere(doc) && rows < total ? `${count(rows)} of ${counted(total, "task")} are on this page` : counted(total, "task");
}

/** @param {JobDocument} doc */
function failedTools(doc) {
  const codes = [...new Set([...doc.failures.map(({ code }) => code), ...(doc.failed_tasks?.rows ?? []).map(({ code }) => code ?? ""), failedView.code])].filter(Boolean).sort();
  return h(
    "div",
    { class: "tools", role: "search", "aria-label": "Failed tasks" },
    h("label", { class: "search" }, icon("search"), h("span", { class: "unseen" }, "Search in keys, codes and messages"), h("input", { id: "failed-search", type: "search", placeholder: "Key, code or message", autocomplete: "off", spellcheck: "false" })),
    codes.length > 1 &&
      h(
        "label",
        {},
        h("span", { class: "unseen" }, "Error code"),
        h("select", { id: "failed-code" }, h("option", { value: "" }, "All codes"), codes.map((code) => h("option", { value: code }, visible(code)))),
      ),
    (failedView.search || failedView.code) && h("button", { type: "button", id: "failed-all", "data-key": "all" }, "Show all"),
    (failedView.search || failedView.code) &&
      !serverIsGone() &&
      doc.live?.actions.includes("redrive") &&
      h("button", { type: "button", "data-action": "redrive", "data-key": "redrive", "aria-haspopup": "dialog" }, "Redrive these…"),
  );
}

/** Return a page of the rows in the document. @param {JobDocument} doc @returns {FailedTasks | null} */
function embeddedPage(doc) {
  if (!doc.failed_tasks) return null;
  const matching = doc.failed_tasks.rows.filter(
    (row) => (!failedView.code || row.code === failedView.code) && searchFinds(row, failedView.search),
  );
  const from = (failedView.cursors.length - 1) * ROWS_PER_PAGE;
  const more = from + ROWS_PER_PAGE < matching.length;
  return { rows: matching.slice(from, from + ROWS_PER_PAGE), total: doc.failed_tasks.total, searched: matching.length, next: more ? "more" : null };
}

/** Search for other tasks, from the first page. */
function searchFailed(/** @type {{search?: string, code?: string}} */ change) {
  Object.assign(failedView, change, { cursors: [null], starts: [0] });
  showAgain();
}

document.addEventListener("input", (event) => {
  if (event.target instanceof HTMLInputElement && event.target.id === "failed-search") later("failed-search", () => searchFailed({ search: /** @type {HTMLInputElement} */ (event.target).value.trim() }));
});
document.addEventListener("change", (event) => {
  if (event.target instanceof HTMLSelectElement && event.target.id === "failed-code") searchFailed({ code: event.target.value });
});
onClick("[data-show-code]", (button) => {
  searchFailed({ code: button.dataset.showCode ?? "", search: searchFor(button.dataset.showMessage ?? "") });
  fillFailedTools();
  document.getElementById("failed")?.scrollIntoView();
  document.getElementById("failed-search")?.focus({ preventScroll: true });
});
onClick("#failed-all", () => {
  searchFailed({ search: "", code: "" });
  fillFailedTools();
  document.getElementById("failed-search")?.focus();
});

/** Show the search and the code of the table in their fields. */
function fillFailedTools() {
  const search = document.getElementById("failed-search");
  const select = document.getElementById("failed-code");
  if (search instanceof HTMLInputElement) search.value = failedView.search;
  if (select instanceof HTMLSelectElement) select.value = failedView.code;
}

onClick("#failed-next", () => {
  const doc = shownDocument();
  const found = rowsAreHere(doc) ? embeddedPage(doc) : failedView.found;
  if (!found || found.next === null) return;
  failedView.starts.push(failedView.starts[failedView.starts.length - 1] + found.rows.length);
  failedView.cursors.push(found.next);
  showAgain();
  document.getElementById("failed")?.scrollIntoView();
});
onClick("#failed-back", () => {
  if (failedView.cursors.length > 1) {
    failedView.cursors.pop();
    failedView.starts.pop();
  }
  showAgain();
});
