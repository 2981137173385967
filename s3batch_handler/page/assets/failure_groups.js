"use strict";
// The groups of failures, with examples.

const MOST_GROUPS = 8;

/** @param {JobDocument} doc */
function failureSection({ failures, counts }) {
  if (!failures.length) return null;
  const most = Math.max(...failures.map((group) => group.count));
  return section(
    { id: "failures", title: "Failures by cause", class: "wide", note: h("span", { class: "muted" }, `${counted(failures.length, "group")}, ${counted(counts.failed, "failed task")}`) },
    h("ol", { class: "groups" }, failures.slice(0, MOST_GROUPS).map((group) => failureGroup(group, most, counts.failed))),
    failures.length > MOST_GROUPS &&
      h(
        "details",
        { class: "more-groups" },
        h("summary", {}, counted(failures.length - MOST_GROUPS, "more group")),
        h("ol", { class: "groups" }, failures.slice(MOST_GROUPS).map((group) => failureGroup(group, most, counts.failed))),
      ),
  );
}

/** @param {Failures} group @param {number} most @param {number} failed */
function failureGroup(group, most, failed) {
  return h(
    "li",
    { class: "group", "data-key": `${group.code} ${group.message}` },
    h(
      "div",
      { class: "group-size" },
      h("span", { class: "number" }, count(group.count)),
      h("span", { class: "muted" }, share(group.count, Math.max(failed, group.count))),
      svg("svg", { class: "group-bar", "aria-hidden": "true" }, svg("rect", { width: `${(100 * group.count) / most}%`, height: "100%" })),
    ),
    h(
      "div",
      { class: "group-text" },
      h("p", {}, h("code", { class: "code" }, visible(group.code)), " ", h("bdi", {}, visible(group.message))),
      h(
        "div",
        { class: "group-more" },
        group.examples.length > 0 &&
          h(
            "details",
            {},
            h("summary", {}, counted(group.examples.length, "example")),
            h("ul", { class: "examples" }, group.examples.map((example) =>
              h(
                "li",
                {},
                objectWithCopy(example),
                example.message !== group.message && h("bdi", { class: "muted" }, visible(example.message)),
              ),
            )),
          ),
        h("button", { type: "button", class: "link", "data-show-code": group.code, "data-show-message": group.message }, "Show tasks"),
      ),
    ),
  );
}
