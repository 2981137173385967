"use strict";
// The bar at the top: links, the state of the connection, and the switch for the theme.

/** @param {...Child} parts */
function showBar(...parts) {
  const place = document.getElementById("bar");
  if (!place) return;
  update(
    place,
    h(
      "header",
      { class: "bar" },
      h(isLive() ? "a" : "span", { class: "product", href: isLive() && ROOT }, logo(), h("span", {}, "S3 Batch jobs")),
      ...parts,
      themeSwitch(),
    ),
  );
}

/** Create the logo. */
function logo() {
  return svg(
    "svg",
    { class: "logo", viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" },
    svg("rect", { width: 16, height: 16, rx: 3.5 }),
    svg("path", { d: "M3.5 5h9M3.5 8h6M3.5 11h3" }),
  );
}

function themeSwitch() {
  const theme = chosenTheme();
  /** @type {[string, string, string][]} */
  const choices = [["system", "system", "System"], ["light", "sun", "Light"], ["dark", "moon", "Dark"]];
  return h(
    "div",
    { class: "themes", role: "group", "aria-label": "Color theme" },
    choices.map(([name, shape, label]) =>
      h(
        "button",
        { type: "button", class: "quiet", "data-theme-choice": name, "aria-pressed": String(theme === name), "aria-label": label, title: label },
        icon(shape),
      ),
    ),
  );
}

onClick("button[data-theme-choice]", (button) => {
  chooseTheme(button.dataset.themeChoice ?? "system");
  for (const other of document.querySelectorAll("button[data-theme-choice]")) {
    other.setAttribute("aria-pressed", String(other === button));
  }
});
