"use strict";
// Numbers, times and durations in the format of the browser's language.

const WHOLE = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const DATE_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** Return a number of tasks: 1,234. */
function count(/** @type {number} */ value) {
  return WHOLE.format(value);
}

/** Return a number of tasks, short: 1.2M. */
function shortCount(/** @type {number} */ value) {
  return SHORT.format(value);
}

/** Return a number with its noun: 1 task, 2 tasks. */
function counted(/** @type {number} */ value, /** @type {string} */ noun) {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Return a number with about three digits: 0.0213, 1.45, 151. */
function precise(/** @type {number} */ value) {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
  return new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }).format(value);
}

/** Return a rate: 151 tasks/s, or 12 tasks/min if it is slow. */
function rate(/** @type {number} */ value) {
  return value > 0 && value < 0.1 ? `${precise(value * 60)} tasks/min` : `${precise(value)} tasks/s`;
}

/** Return a share: 61.2%. 100% and 0% are exact. */
function share(/** @type {number} */ part, /** @type {number} */ total) {
  if (!total) return "0%";
  const percent = (100 * part) / total;
  const digits = percent > 0 && percent < 1 ? 2 : 1;
  const bound = part < total && percent > 99.9 ? 99.9 : part > 0 && percent < 0.01 ? 0.01 : percent;
  return `${new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }).format(bound)}%`;
}

/** Return a duration: 210 µs, 850 ms, 4.2 s, 2 min 31 s, 3 h 5 min, 2 d 4 h. */
function duration(/** @type {number} */ seconds) {
  if (seconds < 0.000001) return seconds > 0 ? "< 1 µs" : "0 s";
  if (seconds < 0.0009995) return `${precise(seconds * 1000000)} µs`;
  if (seconds < 0.9995) return `${precise(seconds * 1000)} ms`;
  if (seconds < 59.95) return `${new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 }).format(seconds)} s`;
  const whole = Math.round(seconds);
  const [d, hours, m, s] = [whole / 86400, (whole / 3600) % 24, (whole / 60) % 60, whole % 60].map(Math.floor);
  if (d) return hours ? `${count(d)} d ${hours} h` : `${count(d)} d`;
  if (hours) return m ? `${hours} h ${m} min` : `${hours} h`;
  return s ? `${m} min ${s} s` : `${m} min`;
}

/** Return a range of durations: 1 min 58 s to 2 min 31 s. */
function durationRange(/** @type {[number, number]} */ [least, most]) {
  const [from, to] = [duration(least), duration(most)];
  return from === to ? `about ${from}` : `${from} to ${to}`;
}

/**
 * Show a time, with the exact time in its title. The date is left out if it is that of `sameDayAs`.
 * @param {string} iso
 * @param {string | null} [sameDayAs]
 */
function time(iso, sameDayAs) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return h("span", {}, visible(iso));
  const short = sameDayAs && new Date(sameDayAs).toDateString() === date.toDateString();
  return h("time", { datetime: iso, title: iso }, (short ? TIME : DATE_TIME).format(date));
}

const LIST_TIME = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });

/** Show a time in a list, without seconds; with the year if it is not the current year. */
function listTime(/** @type {string} */ iso) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime()) || date.getFullYear() !== new Date().getFullYear()) return time(iso);
  return h("time", { datetime: iso, title: iso }, LIST_TIME.format(date));
}

/** Return the seconds between two times. */
function secondsBetween(/** @type {string} */ from, /** @type {string} */ to) {
  return Math.max(0, (new Date(to).getTime() - new Date(from).getTime()) / 1000);
}
