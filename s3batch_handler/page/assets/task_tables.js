"use strict";
// Tables of tasks.

/** @typedef {"status" | "object" | "code" | "message" | "seconds"} Column */

/** @type {Record<Column, string>} */
const COLUMN_TITLES = { status: "Status", object: "Object", code: "Code", message: "Message", seconds: "Duration" };

/** @param {{id: string, caption: string, rows: TaskFacts[], columns: Column[]}} about */
function taskTable({ id, caption, rows, columns }) {
  return h(
    "table",
    { id, class: `tasks ${columns.includes("message") ? "" : "short"}`, role: "table" },
    h("caption", { class: "unseen" }, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map((name) => h("th", { role: "columnheader", scope: "col", class: `column-${name}` }, COLUMN_TITLES[name])))),
    h("tbody", { role: "rowgroup" }, rows.map((row) => h("tr", { role: "row", "data-key": `${row.bucket}/${row.key} ${row.version_id ?? ""}` }, columns.map((name) => taskCell(row, name))))),
  );
}

/** @param {TaskFacts} row @param {Column} name */
function taskCell(row, name) {
  const attributes = { class: `column-${name}`, role: "cell" };
  switch (name) {
    case "object":
      return h("td", attributes, objectWithCopy(row));
    case "code":
      return h("td", attributes, row.code ? h("code", { class: "code" }, visible(row.code)) : null, row.http_status ? h("span", { class: "muted http" }, `HTTP ${row.http_status}`) : null);
    case "message":
      return h("td", attributes, messageText(row.message));
    case "seconds":
      return h("td", { ...attributes, title: row.seconds === null ? null : `${row.seconds} s` }, row.seconds === null ? "" : duration(row.seconds));
    case "status":
      return h("td", attributes, taskStatus(row));
  }
}

/** Show a message. For a function error, show its reason, and the full message on demand. */
function messageText(/** @type {string} */ message) {
  const reason = failureReason(message);
  return [
    h("bdi", {}, visible(reason)),
    reason !== message && h("details", {}, h("summary", {}, "Full message"), h("bdi", { class: "muted" }, visible(message))),
  ];
}

/** @param {TaskFacts} row */
function taskStatus(row) {
  const [name, label] = { succeeded: ["check", "Succeeded"], failed: ["cross", "Failed"], waiting: ["clock", "Waiting for a redrive"] }[row.status] ?? ["dot", row.status];
  return h("span", { class: `result ${row.status}`, title: row.code ? visible(row.code) : label }, icon(name), h("span", { class: "unseen" }, label));
}

/** @param {JobDocument} doc */
function latestSection({ latest }) {
  if (!latest.length) return null;
  return section({ id: "latest", title: "Latest tasks" }, scrollable("Latest tasks", taskTable({ id: "latest-table", caption: "Latest tasks", rows: latest, columns: ["status", "object", "seconds"] })));
}

/** @param {JobDocument} doc */
function slowestSection({ slowest }) {
  if (!slowest.length) return null;
  return section({ id: "slowest", title: "Slowest tasks" }, scrollable("Slowest tasks", taskTable({ id: "slowest-table", caption: "Slowest tasks", rows: slowest, columns: ["status", "object", "seconds"] })));
}

/** @param {string} label @param {...Child} content */
function scrollable(label, ...content) {
  return h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": label }, ...content);
}
