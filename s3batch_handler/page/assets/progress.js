"use strict";
// The progress of a job: its tasks by state, as a bar and as numbers, its rate, and the time left.

/** @type {["succeeded" | "failed" | "waiting" | "running" | "pending", string][]} */
const TASK_STATES = [
  ["succeeded", "Succeeded"],
  ["failed", "Failed"],
  ["waiting", "Waiting for a redrive"],
  ["running", "Running"],
  ["pending", "Pending"],
];

/** @param {JobDocument} doc */
function progressSection(doc) {
  const { counts } = doc;
  const done = counts.succeeded + counts.failed;
  const known = TASK_STATES.reduce((sum, [state]) => sum + (counts[state] ?? 0), 0);
  const total = counts.total ?? known;
  return section(
    { id: "progress", title: "Progress", class: "wide" },
    h(
      "div",
      { class: "progress-head" },
      h(
        "p",
        { class: "done" },
        h("span", { class: "percent" }, counts.total === null ? count(done) : share(done, total)),
        h("span", {}, counts.total === null ? " tasks done" : ` ${count(done)} of ${counted(total, "task")} done`),
      ),
      h("dl", { class: "speeds" }, speeds(doc)),
    ),
    stackedBar(counts, total),
    h(
      "dl",
      { class: "states" },
      shownStates(doc).map(([state, label]) =>
        h(
          "div",
          { class: `state ${state}${counts[state] ? "" : " none"}`, "data-key": state },
          h("dt", {}, h("span", { class: "swatch", "aria-hidden": "true" }), label === "Pending" && hasEnded(doc) ? "Not run" : label),
          h("dd", {}, h("span", { class: "number" }, count(counts[state] ?? 0)), " ", h("span", { class: "muted" }, share(counts[state] ?? 0, total))),
        ),
      ),
    ),
    thresholdMeter(doc),
  );
}

/** Return the states to show: those with a known count. At the end no task waits or runs. @param {JobDocument} doc */
function shownStates(doc) {
  const ended = hasEnded(doc);
  return TASK_STATES.filter(([state]) => doc.counts[state] !== null && !(ended && !doc.counts[state] && (state === "waiting" || state === "running" || state === "pending")));
}

/** Show how many more tasks may fail before the job ends. @param {JobDocument} doc */
function thresholdMeter(doc) {
  const { threshold, counts, job } = doc;
  if (!threshold || (threshold.tolerated === null && hasEnded(doc))) return null;
  const { rule, tolerated } = threshold;
  const used = tolerated === null ? 0 : Math.min(1, counts.failed / Math.max(tolerated, 1));
  const words = tolerated === null ? `does not apply yet (${visible(rule)})` : `${count(counts.failed)} of ${count(tolerated)} tolerated`;
  return h(
    "div",
    { class: `threshold ${tolerated !== null && used >= 0.8 ? "near" : ""}`, "data-key": "threshold" },
    h("span", { class: "threshold-name" }, "Failure threshold"),
    tolerated !== null && svg("svg", { class: "meter", role: "img", "aria-label": words }, svg("rect", { width: `${100 * used}%`, height: "100%" })),
    h("span", {}, words),
    tolerated !== null && h("span", { class: "muted" }, visible(rule)),
    job.status === "Failed" && used >= 1 && h("strong", {}, "exceeded"),
  );
}

/** @param {JobDocument} doc */
function speeds(doc) {
  const speed = doc.rate;
  if (!speed) return [];
  const running = !hasEnded(doc);
  return [
    running && speed.left && fact("Time left", durationRange(speed.left)),
    running && speed.now !== null && fact("Rate now", rate(speed.now)),
    speed.average !== null && fact("Average rate", rate(speed.average)),
    speed.active_seconds !== null && fact("Active for", duration(speed.active_seconds)),
  ];
}

/** @param {JobDocument["counts"]} counts @param {number} total */
function stackedBar(counts, total) {
  let at = 0;
  const parts = TASK_STATES.map(([state, label]) => {
    const part = total ? (100 * (counts[state] ?? 0)) / total : 0;
    // A few failed tasks among millions remain visible.
    const width = part > 0 && state !== "pending" ? Math.max(part, 0.25) : part;
    const rectangle = svg(
      "rect",
      { class: state, "data-key": state, x: `${Math.min(at, 100)}%`, width: `${Math.max(0, Math.min(width, 100 - at))}%`, height: "100%" },
      svg("title", {}, `${label}: ${count(counts[state] ?? 0)}`),
    );
    at += width;
    return rectangle;
  });
  const words = TASK_STATES.filter(([state]) => counts[state]).map(([state, label]) => `${label} ${share(counts[state] ?? 0, total)}`);
  return svg("svg", { class: "stacked", role: "img", "aria-label": words.join(", ") || "No tasks yet" }, ...parts);
}
