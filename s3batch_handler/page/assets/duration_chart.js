"use strict";
// How long calls took: a histogram with a logarithmic axis, and percentiles.

const MOST_BINS = 36;

/** @param {JobDocument} doc */
function durationSection({ durations }) {
  if (!durations?.calls) return null;
  /** @type {[string, number][]} */
  const facts = [["Median", durations.p50], ["90%", durations.p90], ["99%", durations.p99], ["Longest", durations.maximum]];
  const words = facts.map(([name, value]) => `${name} ${duration(value)}`).join(", ");
  return section(
    { id: "durations", title: "Durations", class: "third", note: h("span", { class: "muted" }, `${counted(durations.calls, "call")}, ${duration(durations.average)} on average`) },
    h("dl", { class: "speeds small" }, facts.map(([name, value]) => fact(name, h("span", { title: `${value} s` }, duration(value))))),
    durations.histogram.length > 0 &&
      chartFigure({
        id: "duration-chart",
        text: `Durations of ${counted(durations.calls, "call")}: ${words}.`,
        caption: "Calls by duration",
        columns: ["Up to", "Calls"],
        rows: () => durations.histogram.map(([bound, calls]) => [duration(bound), count(calls)]),
      }),
  );
}

/** @param {JobDocument} doc */
function drawDurationChart({ durations }) {
  if (!durations?.histogram.length) return;
  const { at, calls } = bins(durations.histogram);
  percentileLines = [["median", durations.p50], ["90%", durations.p90], ["99%", durations.p99]];
  drawChart("duration-chart", durationOptions, [at, calls]);
}

/** @type {[string, number][]} */
let percentileLines = [];

/**
 * Distribute the calls of a histogram evenly over bins of equal width on a logarithmic axis.
 * @param {[number, number][]} histogram
 */
function bins(histogram) {
  const bounds = histogram.map(([bound]) => Math.log10(Math.max(bound, 1e-6)));
  const steps = bounds.slice(1).map((bound, i) => bound - bounds[i]);
  const width = Math.min(...steps.filter((step) => step > 0), Math.log10(2));
  const low = bounds[0] - width;
  const high = bounds[bounds.length - 1];
  const size = Math.max((high - low) / MOST_BINS, Math.min(width, 0.1));
  const number = Math.max(1, Math.ceil((high - low) / size - 1e-9));
  const calls = new Array(number).fill(0);
  histogram.forEach(([, amount], i) => {
    const from = bounds[i] - width;
    for (let bin = Math.max(0, Math.floor((from - low) / size)); bin < number; bin++) {
      const start = low + bin * size;
      const covered = Math.min(bounds[i], start + size) - Math.max(from, start);
      if (covered > 0) calls[bin] += (amount * covered) / width;
      if (start > bounds[i]) break;
    }
  });
  return { at: calls.map((_, bin) => low + (bin + 0.5) * size), calls };
}

function durationOptions() {
  return {
    cursor: { show: false },
    select: { show: false },
    scales: {
      x: { time: false, range: (/** @type {uPlot} */ u) => histogramRange(u) },
      y: { range: (/** @type {any} */ _u, /** @type {any} */ _low, /** @type {number} */ high) => [0, (high || 1) * 1.2] },
    },
    axes: [
      {
        ...axis(),
        size: 28,
        space: 44,
        splits: (/** @type {uPlot} */ u) => durationSplits(Number(u.scales.x.min), Number(u.scales.x.max)),
        values: (/** @type {any} */ _u, /** @type {number[]} */ splits) => splits.map((at) => duration(10 ** at)),
        grid: { show: false },
      },
      { ...axis(), size: 40, space: 40, values: (/** @type {any} */ _u, /** @type {number[]} */ splits) => splits.map(shortCount) },
    ],
    series: [{}, { paths: uPlot.paths.bars({ size: [0.86, 60], gap: 0 }), width: 0, fill: () => color("running", 0.75), points: { show: false } }],
    hooks: { draw: [drawPercentiles] },
  };
}

/** @param {uPlot} u */
function histogramRange(u) {
  const at = u.data[0];
  const half = at.length > 1 ? (Number(at[1]) - Number(at[0])) / 2 : 0.2;
  return [Number(at[0]) - half, Number(at[at.length - 1]) + half];
}

/** Return the labels of the axis: powers of ten in a range; in a small range also multiples of them. @param {number} low @param {number} high */
function durationSplits(low, high) {
  const factors = high - low > 4 ? [1] : high - low > 0.7 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 8];
  const splits = [];
  for (let power = Math.floor(low); power <= high; power++) {
    for (const factor of factors) {
      const at = power + Math.log10(factor);
      if (at >= low && at <= high) splits.push(at);
    }
  }
  // On a narrow chart only every second or third label fits.
  const every = Math.ceil(splits.length / 7);
  return splits.filter((_, i) => i % every === 0);
}

/** Draw lines at the percentiles. @param {uPlot} u */
function drawPercentiles(u) {
  const { ctx, bbox } = u;
  const scale = devicePixelRatio;
  ctx.save();
  ctx.font = `${11 * scale}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  ctx.fillStyle = color("ink");
  ctx.strokeStyle = color("ink");
  ctx.setLineDash([3 * scale, 3 * scale]);
  let free = bbox.left;
  const lines = percentileLines.map(([name, seconds]) => ({ name, x: u.valToPos(Math.log10(Math.max(seconds, 1e-6)), "x", true) }));
  for (const [i, { name, x }] of lines.entries()) {
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top + 2 * scale);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const width = ctx.measureText(name).width;
    const end = Math.min(lines[i + 1]?.x ?? Infinity, bbox.left + bbox.width);
    const right = x + width + 6 * scale < end;
    const from = right ? x + 4 * scale : x - width - 4 * scale;
    if (from >= free) {
      ctx.fillText(name, from, bbox.top + 11 * scale);
      free = from + width + 4 * scale;
    }
    free = Math.max(free, x + 3 * scale); // no label crosses a line
  }
  ctx.restore();
}
