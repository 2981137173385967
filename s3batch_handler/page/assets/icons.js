"use strict";
// Icons in the color of the text. They are hidden from screen readers: text beside them says the same.

/** @type {Record<string, string>} */
const ICONS = {
  check: "M3.5 8.5 6.5 11.5 12.5 5",
  cross: "M4.5 4.5 11.5 11.5M11.5 4.5 4.5 11.5",
  dot: "M8 8h.01",
  play: "M5.5 3.8v8.4L12 8z",
  pause: "M6 4v8M10 4v8",
  clock: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11zM8 5.2V8l1.9 1.2",
  stop: "M5.5 5.5h5v5h-5z",
  copy: "M5.5 5.5V3h7.5v7.5h-2.5M3 5.5h7.5V13H3z",
  sun: "M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9M8 5.2a2.8 2.8 0 1 0 0 5.6a2.8 2.8 0 0 0 0-5.6z",
  moon: "M13 9.6A5.6 5.6 0 0 1 6.4 3a5.6 5.6 0 1 0 6.6 6.6z",
  system: "M2.5 3.5h11v7.5h-11zM6 13.5h4",
  download: "M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13h10",
  search: "M7 2.8a4.2 4.2 0 1 0 0 8.4a4.2 4.2 0 0 0 0-8.4zM10.2 10.2 13.5 13.5",
  left: "M9.8 3.8 5.6 8l4.2 4.2",
  right: "M6.2 3.8 10.4 8l-4.2 4.2",
  warning: "M8 2.5 14 13H2zM8 6.5v3M8 11.3h.01",
};

function icon(/** @type {string} */ name) {
  return svg(
    "svg",
    { class: `icon icon-${name}`, viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: ICONS[name] }),
  );
}
