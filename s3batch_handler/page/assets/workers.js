"use strict";
// The workers and their current objects, and the end of the log.

/** @param {JobDocument} doc */
function workerSection({ workers }) {
  if (!workers?.shown.length) return null;
  const busy = workers.shown.filter(({ key }) => key !== null).length;
  const shown = workers.shown.length;
  return section(
    { id: "workers", title: "Workers", note: h("span", { class: "muted" }, shown < workers.count ? `${count(shown)} of ${count(workers.count)}` : `${count(busy)} of ${count(workers.count)} busy`) },
    scrollable(
      "Workers",
      h(
        "table",
        { class: "tasks short" },
        h("caption", { class: "unseen" }, "Workers and their current objects"),
        h("thead", {}, h("tr", {}, h("th", { scope: "col", class: "column-worker" }, "Worker"), h("th", { scope: "col" }, "Current object"), h("th", { scope: "col", class: "column-seconds" }, "Running for"))),
        h("tbody", {}, workers.shown.map((worker) => h(
          "tr",
          { "data-key": worker.name },
          h("th", { scope: "row", class: "column-worker" }, visible(worker.name)),
          h("td", {}, worker.key !== null ? objectName({ bucket: worker.bucket ?? "", key: worker.key }) : h("span", { class: "muted" }, "Idle")),
          h("td", { class: "column-seconds" }, worker.key !== null ? duration(worker.seconds) : ""),
        ))),
      ),
    ),
  );
}

/** @param {JobDocument} doc */
function logSection({ log }) {
  if (!log || !(log.lines.length || log.location)) return null;
  return section(
    { id: "log", title: "Log", note: log.location && h("span", { class: "muted with-copy" }, h("bdi", {}, visible(log.location)), copyButton(log.location, "location of the log")) },
    log.lines.length
      ? h("pre", { id: "log-lines", class: "log scroll", tabindex: 0, role: "region", "aria-label": "Last lines of the log" }, log.lines.map((line) => h("bdi", {}, `${visible(line)}\n`)))
      : h("p", { class: "empty" }, "The function has written nothing yet."),
  );
}

/** Return whether the end of the log is visible. If so, it stays visible when lines are added. */
function logAtEnd() {
  const lines = document.getElementById("log-lines");
  return !lines || lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 8;
}

function scrollLogToEnd() {
  const lines = document.getElementById("log-lines");
  if (lines) lines.scrollTop = lines.scrollHeight;
}
