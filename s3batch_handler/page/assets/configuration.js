"use strict";
// The settings of a job, and the commands for next steps.

/** @param {JobDocument} doc */
function configurationSection({ configuration }) {
  if (!configuration.length) return null;
  return section(
    { id: "configuration", title: "Configuration", class: "wide" },
    h("div", { class: "settings" }, configuration.map(({ title, facts }) => h(
      "div",
      { "data-key": title },
      h("h3", {}, visible(title)),
      h("dl", { class: "setting" }, facts.map(([name, value]) => h("div", { "data-key": name }, h("dt", {}, visible(name)), h("dd", {}, h("bdi", {}, visible(value)))))),
    ))),
  );
}

/** @param {JobDocument} doc */
function commandSection({ commands }) {
  if (!commands.length) return null;
  return section(
    { id: "commands", title: "Next steps", class: "wide" },
    h("ul", { class: "commands" }, commands.map(({ title, command }) => h(
      "li",
      { "data-key": title },
      h("p", {}, visible(title)),
      h("div", { class: "command" }, h("code", {}, visible(command)), copyButton(command, "command")),
    ))),
  );
}
