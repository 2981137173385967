"use strict";
// The buttons for the previous and the next page of a table.

/** @param {{name: string, first: number, last: number, of?: number, back: boolean, more: boolean, note?: string}} about */
function pager({ name, first, last, of, back, more, note }) {
  if (!back && !more && !last) return null;
  return h(
    "div",
    { class: "pager" },
    h("span", { class: "muted" }, last ? `${count(first)} to ${count(last)}${of ? ` of ${count(of)}` : ""}${note ? `, ${note}` : ""}` : (note ?? "")),
    (back || more) && h("button", { type: "button", id: `${name}-back`, disabled: !back }, icon("left"), "Previous"),
    (back || more) && h("button", { type: "button", id: `${name}-next`, disabled: !more }, "Next", icon("right")),
  );
}
