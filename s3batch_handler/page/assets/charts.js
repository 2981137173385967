"use strict";
// Charts: size, colors, and a table with the same numbers.

/** @type {Set<uPlot>} */
const charts = new Set();

/** Return a color of the current theme. */
function color(/** @type {string} */ name, opacity = 1) {
  const value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const hex = Math.round(255 * opacity).toString(16).padStart(2, "0");
  return opacity === 1 ? value : value + hex;
}

/** Return the options that all axes have in common. */
function axis() {
  return {
    stroke: () => color("muted"),
    font: "11px system-ui, sans-serif",
    grid: { stroke: () => color("line"), width: 1 },
    ticks: { show: false },
    gap: 6,
  };
}

/**
 * Create a chart in an element, or update its numbers.
 * @param {string} id
 * @param {() => Record<string, any>} options
 * @param {(number | null)[][]} data
 */
function drawChart(id, options, data) {
  const place = /** @type {(HTMLElement & {chart?: uPlot}) | null} */ (document.getElementById(id));
  if (!place) return null;
  if (place.chart) {
    place.chart.setData(data);
    return place.chart;
  }
  const chart = new uPlot(
    { ...chartSize(place), legend: { show: false }, ...options() },
    data,
    place,
  );
  chart.root.setAttribute("aria-hidden", "true");
  place.chart = chart;
  charts.add(chart);
  new ResizeObserver(() => {
    if (place.isConnected && place.clientWidth) chart.setSize(chartSize(place));
  }).observe(place);
  return chart;
}

/** Return the size of a chart in its place. @param {HTMLElement} place */
function chartSize(place) {
  return { width: Math.max(place.clientWidth, 120), height: Math.max(place.clientHeight, 120) };
}

/** Draw all charts again, with the colors of the current theme. */
function redrawCharts() {
  for (const chart of charts) {
    if (chart.root.isConnected) chart.redraw(false);
    else charts.delete(chart);
  }
}

document.addEventListener("theme", redrawCharts);
for (const query of ["(prefers-color-scheme: dark)", "print"]) {
  matchMedia(query).addEventListener("change", redrawCharts);
}
window.addEventListener("beforeprint", redrawCharts);
window.addEventListener("afterprint", redrawCharts);

/**
 * Create a chart with a text alternative and a table of its numbers. The table is built when opened.
 * @param {{id: string, text: string, caption: string, columns: string[], rows: () => string[][]}} about
 */
function chartFigure({ id, text, caption, columns, rows }) {
  const details = document.getElementById(`${id}-table`);
  const open = details instanceof HTMLDetailsElement && details.open;
  return h(
    "figure",
    { class: "chart" },
    h("div", { id, class: "plot", role: "img", "aria-label": text, "data-own": true }),
    h(
      "details",
      { id: `${id}-table`, class: "chart-table" },
      h("summary", {}, "Numbers"),
      open &&
        h(
          "div",
          { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
          h(
            "table",
            {},
            h("caption", { class: "unseen" }, caption),
            h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col", class: "numeric" }, name)))),
            h("tbody", {}, rows().map((cells) => h("tr", {}, cells.map((cell) => h("td", { class: "numeric" }, cell))))),
          ),
        ),
    ),
  );
}

document.addEventListener(
  "toggle",
  (event) => {
    if (event.target instanceof Element && event.target.matches(".chart-table")) showAgain();
  },
  true,
);
