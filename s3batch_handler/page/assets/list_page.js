"use strict";
// The list of jobs, with filters by status, a search, and buttons for pages.

const JOBS_PER_PAGE = 50;

/** The filters and the page of the list. The filters are also in the URL. */
const listView = readListView();
/** @type {ListDocument | null} */
let shownList = null;

function readListView() {
  const query = new URLSearchParams(location.search);
  return { status: query.getAll("status"), search: query.get("search") ?? "", cursors: /** @type {(string | null)[]} */ ([null]) };
}

/** Return the statuses and the search as a query. */
function listFilters() {
  const query = new URLSearchParams();
  for (const status of listView.status) query.append("status", status);
  if (listView.search) query.set("search", listView.search);
  return query;
}

/** Return the query for the server. */
function listQuery() {
  const query = listFilters();
  query.set("limit", String(JOBS_PER_PAGE));
  const after = listView.cursors[listView.cursors.length - 1];
  if (after) query.set("after", after);
  return query.toString();
}

/** Change the filters, and show the first page. @param {{status?: string[], search?: string}} change */
function changeList(change) {
  Object.assign(listView, change, { cursors: [null] });
  const text = listFilters().toString();
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
  reloadList();
}

/** @param {ListDocument} doc */
function showList(doc) {
  const main = document.getElementById("main");
  if (!main) return;
  shownList = doc;
  document.title = "Jobs";
  showBar(connectionBadge(listConnection.state, doc.time));
  const first = (listView.cursors.length - 1) * JOBS_PER_PAGE;
  const filtered = listView.search || listView.status.length;
  update(
    main,
    h("div", { class: "job-title" }, h("h1", {}, "Jobs"), h("span", { class: "muted" }, counted(doc.matching, filtered ? "matching job" : "job"))),
    h(
      "div",
      { class: "tools list-tools", role: "search", "aria-label": "Jobs" },
      h("label", { class: "search" }, icon("search"), h("span", { class: "unseen" }, "Search in IDs, descriptions and functions"), h("input", { id: "job-search", type: "search", placeholder: "ID, description or function", autocomplete: "off", spellcheck: "false", value: listView.search })),
      statusFilter(doc),
    ),
    h(
      "section",
      { class: "card list-card", "aria-label": "Jobs" },
      doc.jobs.length ? jobTable(doc.jobs, doc.time) : h("p", { class: "empty" }, filtered ? "No job matches." : "No jobs yet. Create one with s3batch job submit, boto3 or the AWS CLI."),
      (doc.next !== null || listView.cursors.length > 1) &&
        pager({ name: "jobs", first: first + 1, last: first + doc.jobs.length, back: listView.cursors.length > 1, more: doc.next !== null }),
    ),
  );
}

/** @param {ListDocument} doc */
function statusFilter(doc) {
  const statuses = [...new Set([...Object.keys(STATUS).filter((status) => doc.by_status[status]), ...listView.status])];
  if (statuses.length < 2 && !listView.status.length) return null;
  return h(
    "div",
    { class: "filters", role: "group", "aria-label": "Status" },
    statuses.map((status) =>
      h(
        "button",
        { type: "button", class: "filter", "data-key": status, "data-status": status, "aria-pressed": String(listView.status.includes(status)) },
        stateName(status),
        h("span", { class: "muted" }, count(doc.by_status[status] ?? 0)),
      ),
    ),
  );
}

/** @param {ListedJob[]} jobs @param {string} now */
function jobTable(jobs, now) {
  return h(
    "table",
    { class: "jobs", role: "table" },
    h("caption", { class: "unseen" }, "Jobs, the newest first"),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ["Job", "Status", "Progress", "Failed", "Function", "Created", "Duration"].map((title) => h("th", { role: "columnheader", scope: "col", class: title === "Failed" || title === "Duration" ? "numeric" : null }, title)))),
    h("tbody", { role: "rowgroup" }, jobs.map((job) => jobRow(job, now))),
  );
}

/** @param {ListedJob} job @param {string} now */
function jobRow(job, now) {
  const done = job.succeeded + job.failed;
  const total = job.total ?? 0;
  const link = jobAddress(job.id);
  return h(
    "tr",
    { role: "row", "data-key": job.id },
    h(
      "th",
      { role: "rowheader", scope: "row", class: "job-name" },
      h("a", { href: link }, h("bdi", {}, visible(job.description || job.id))),
      job.description && h("code", { class: "muted" }, visible(job.id)),
    ),
    h("td", { role: "cell", "data-title": "Status" }, statusBadge(job.status, job.failed)),
    h(
      "td",
      { role: "cell", class: "job-progress", "data-title": "Progress" },
      svg(
        "svg",
        { class: "stacked", role: "img", "aria-label": `${share(done, total)} done` },
        svg("rect", { class: "succeeded", height: "100%", width: `${total ? (100 * job.succeeded) / total : 0}%` }),
        svg("rect", { class: "failed", height: "100%", x: `${total ? (100 * job.succeeded) / total : 0}%`, width: `${total && job.failed ? Math.max(1, (100 * job.failed) / total) : 0}%` }),
      ),
      h("span", { class: "muted" }, job.total === null ? `${count(done)} done` : `${share(done, total)} of ${count(total)}`),
    ),
    h("td", { role: "cell", class: `numeric ${job.failed ? "has-failed" : "muted"}`, "data-title": "Failed" }, count(job.failed)),
    h("td", { role: "cell", class: "job-function", "data-title": "Function" }, h("bdi", { title: visible(job.function ?? "") || null }, job.function ? shortName(job.function) : visible(job.operation ?? ""))),
    h("td", { role: "cell", "data-title": "Created" }, job.created && listTime(job.created)),
    h("td", { role: "cell", class: "numeric", "data-title": "Duration" }, job.created && duration(Math.round(secondsBetween(job.created, job.ended ?? now)))),
  );
}

onClick("[data-status]", (button) => {
  const status = button.dataset.status ?? "";
  const chosen = listView.status.includes(status) ? listView.status.filter((other) => other !== status) : [...listView.status, status];
  changeList({ status: chosen });
});
onClick("#jobs-next", () => {
  if (shownList?.next) {
    listView.cursors.push(shownList.next);
    reloadList();
    scrollTo(0, 0);
  }
});
onClick("#jobs-back", () => {
  if (listView.cursors.length > 1) {
    listView.cursors.pop();
    reloadList();
    scrollTo(0, 0);
  }
});
document.addEventListener("input", (event) => {
  if (event.target instanceof HTMLInputElement && event.target.id === "job-search") later("job-search", () => changeList({ search: /** @type {HTMLInputElement} */ (event.target).value.trim() }));
});
