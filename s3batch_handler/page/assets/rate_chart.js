"use strict";
// How many tasks ended per second while the job was Active.

/** @param {JobDocument} doc */
function rateSection(doc) {
  const points = ratePoints(doc);
  if (!points.length) return null;
  const peak = Math.max(...points.map(({ succeeded, failed }) => succeeded + failed));
  return section(
    { id: "rate", title: "Rate over time", class: "two-thirds", note: h("p", { id: "rate-readout", class: "readout muted", "data-own": true }) },
    chartFigure({
      id: "rate-chart",
      text: `Tasks per second over ${duration(points[points.length - 1].end)}: at most ${rate(peak)}${doc.rate?.average ? `, ${rate(doc.rate.average)} on average` : ""}.`,
      caption: "Tasks per second, by Active time",
      columns: ["Active time", "Succeeded/s", "Failed/s"],
      rows: () => points.map((point) => [clock(point.start), precise(point.succeeded), precise(point.failed)]),
    }),
  );
}

/** Return the rate of each interval. The last interval is left out while it is too short. @param {JobDocument} doc */
function ratePoints(doc) {
  const { rate_history: history, rate: speed } = doc;
  if (!history) return [];
  const { seconds, succeeded, failed } = history;
  const active = speed?.active_seconds ?? succeeded.length * seconds;
  const points = succeeded.map((number, i) => {
    const start = i * seconds;
    const length = i === succeeded.length - 1 ? Math.min(seconds, Math.max(active - start, seconds / 10)) : seconds;
    return { start, end: start + length, succeeded: number / length, failed: (failed[i] ?? 0) / length };
  });
  const last = points[points.length - 1];
  if (last && points.length > 1 && last.end - last.start < seconds * (hasEnded(doc) ? 0.3 : 0.95)) points.pop();
  return points;
}

/** Return Active time for an axis: 0:30, 12:05, 3:20:00. */
function clock(/** @type {number} */ seconds) {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [whole / 3600, (whole / 60) % 60, whole % 60].map(Math.floor);
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** @param {JobDocument} doc */
function drawRateChart(doc) {
  const points = ratePoints(doc);
  if (!points.length) return;
  const last = points[points.length - 1];
  // A stepped chart needs the end of the last interval. The area of succeeded tasks covers that of all tasks.
  const chart = drawChart("rate-chart", rateOptions, [
    [...points.map(({ start }) => start), last.end],
    [...points, last].map(({ succeeded, failed }) => succeeded + failed),
    [...points, last].map(({ succeeded }) => succeeded),
  ]);
  showRateReadout(chart, chart?.cursor.idx);
}

function rateOptions() {
  const paths = uPlot.paths.stepped({ align: 1 });
  return {
    cursor: { y: false, points: { show: false } },
    select: { show: false },
    scales: { x: { time: false }, y: { range: (/** @type {any} */ _u, /** @type {any} */ _low, /** @type {number} */ high) => [0, (high || 1) * 1.1] } },
    axes: [
      { ...axis(), space: 70, size: 28, incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 604800], values: (/** @type {any} */ _u, /** @type {number[]} */ splits) => splits.map(clock) },
      { ...axis(), size: 46, values: (/** @type {any} */ _u, /** @type {number[]} */ splits) => splits.map(shortCount) },
    ],
    series: [
      {},
      { paths, width: 0, fill: () => color("failed"), points: { show: false } },
      { paths, width: 0, fill: () => color("succeeded"), points: { show: false } },
    ],
    hooks: { setCursor: [(/** @type {uPlot} */ u) => showRateReadout(u, u.cursor.idx)] },
  };
}

/** Show the numbers at the pointer; without a pointer, show the legend. @param {uPlot | null | undefined} u @param {number | null | undefined} at */
function showRateReadout(u, at) {
  const place = document.getElementById("rate-readout");
  if (!place) return;
  const i = u && at !== null && at !== undefined ? Math.min(at, u.data[0].length - 2) : null;
  if (i === null || !u) {
    update(place, legend("succeeded", "succeeded"), legend("failed", "failed"), h("span", {}, "tasks per second, by Active time"));
    return;
  }
  const [all, succeeded] = [Number(u.data[1][i]), Number(u.data[2][i])];
  update(
    place,
    legend("succeeded", `succeeded ${precise(succeeded)}/s`),
    legend("failed", `failed ${precise(Math.max(0, all - succeeded))}/s`),
    h("span", {}, `at ${clock(Number(u.data[0][i]))}`),
  );
}

function legend(/** @type {string} */ state, /** @type {string} */ text) {
  return h("span", { class: `legend ${state}` }, h("span", { class: "swatch", "aria-hidden": "true" }), text);
}
