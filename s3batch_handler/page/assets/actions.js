"use strict";
// The actions of a job. Each one is confirmed in a dialog, and is sent once.

/** @typedef {{title: string, text: (doc: JobDocument) => Child | Child[], field?: (doc: JobDocument) => HTMLElement, button: string, kind: string, body: (form: HTMLFormElement, doc: JobDocument) => Record<string, any>}} Action */

/** @type {Record<ActionName, [string, string]>} */
const ACTION_BUTTONS = {
  confirm: ["Confirm…", "primary"],
  redrive: ["Redrive failed…", ""],
  priority: ["Priority…", ""],
  cancel: ["Cancel job…", "danger"],
};

/** @type {Record<ActionName, Action>} */
const ACTIONS = {
  confirm: {
    title: "Run this job?",
    text: ({ counts, job }) => [
      h("strong", {}, counts.total === null ? "All objects of the manifest" : counted(counts.total, "object")),
      ` will be processed by ${job.function ? shortName(job.function) : visible(job.operation ?? "the operation")}.`,
    ],
    button: "Run job",
    kind: "primary",
    body: () => ({}),
  },
  cancel: {
    title: "Cancel this job?",
    text: ({ counts }) => `Tasks that have ended are not undone. ${counts.pending === null ? "The others" : counted(counts.pending, "pending task")} will not run. A cancelled job cannot be resumed.`,
    field: () => h("label", {}, "Reason", h("input", { name: "reason", maxlength: 256, required: true, autocomplete: "off" })),
    button: "Cancel job",
    kind: "danger",
    body: (form) => ({ reason: fieldValue(form, "reason") }),
  },
  priority: {
    title: "Change the priority",
    text: () => "Jobs with a higher number run first.",
    field: ({ job }) => h("label", {}, "Priority", h("input", { name: "priority", type: "number", min: 0, max: 2147483647, step: 1, required: true, value: job.priority ?? 10 })),
    button: "Change priority",
    kind: "primary",
    body: (form) => ({ priority: Number(fieldValue(form, "priority")) }),
  },
  redrive: {
    title: "Redrive failed tasks?",
    text: (doc) => redriveText(doc),
    button: "Create job",
    kind: "primary",
    body: () => ({ search: failedView.search, code: failedView.code, token: redriveToken }),
  },
};

/** One token for each dialog, so that a repeated request does not create a second job. */
let redriveToken = "";
let sending = false;

/** @param {JobDocument} doc */
function redriveText({ counts }) {
  const { search, code } = failedView;
  if (!search && !code) {
    return [h("strong", {}, counted(counts.failed, "failed task")), " will run again in a new job, with the same operation and settings."];
  }
  return [
    "The failed tasks ",
    code && [`with the code ${visible(code)} `],
    search && [`that contain “${visible(search)}” `],
    "will run again in a new job, with the same operation and settings. To redrive all, clear the search.",
  ].flat();
}

/** @param {HTMLFormElement} form @param {string} name */
function fieldValue(form, name) {
  const field = form.elements.namedItem(name);
  return field instanceof HTMLInputElement ? field.value.trim() : "";
}

/** @param {JobDocument} doc */
function actionButtons(doc) {
  const allowed = serverIsGone() ? [] : (doc.live?.actions ?? []);
  return h(
    "div",
    { class: "actions", "data-key": "actions" },
    /** @type {ActionName[]} */ (Object.keys(ACTION_BUTTONS))
      .filter((name) => allowed.includes(name))
      .map((name) => {
        const [label, kind] = ACTION_BUTTONS[name];
        return h("button", { type: "button", class: kind, "data-action": name, "data-key": name, "aria-haspopup": "dialog" }, label);
      }),
    !serverIsGone() && h("a", { class: "button", href: `${apiAddress()}/saved`, download: true, "data-key": "save" }, icon("download"), "Save page"),
  );
}

onClick("[data-action]", (button) => openAction(/** @type {ActionName} */ (button.dataset.action)));

/** Open the dialog of an action. */
function openAction(/** @type {ActionName} */ name) {
  const action = ACTIONS[name];
  const doc = shownDocument();
  redriveToken = randomToken();
  const form = /** @type {HTMLFormElement} */ (
    h(
      "form",
      {},
      h("h2", { id: "dialog-title" }, action.title),
      h("p", {}, .../** @type {Child[]} */ ([action.text(doc)].flat())),
      action.field?.(doc),
      h("p", { class: "notice bad", role: "alert", hidden: true }),
      h("div", { class: "dialog-buttons" }, h("button", { type: "button", "data-close": true }, "Close"), h("button", { type: "submit", class: action.kind }, action.button)),
    )
  );
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog", { "aria-labelledby": "dialog-title" }, form));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(name, action, form, dialog);
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    // The button that opened the dialog may be gone after the action.
    const button = document.querySelector(`[data-action="${name}"]`) ?? document.getElementById("main");
    if (button instanceof HTMLElement) button.focus({ preventScroll: true });
  });
  dialog.addEventListener("cancel", (event) => sending && event.preventDefault());
  document.body.append(dialog);
  dialog.showModal();
}

onClick("[data-close]", (button) => !sending && button.closest("dialog")?.close());

/** @param {ActionName} name @param {Action} action @param {HTMLFormElement} form @param {HTMLDialogElement} dialog */
async function send(name, action, form, dialog) {
  if (sending) return;
  sending = true;
  const buttons = form.querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  try {
    // The token changes when the server starts again.
    const fresh = await getJson(apiAddress());
    const answer = await getJson(`${apiAddress()}/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-S3Batch-Token": fresh.live?.token ?? "" },
      body: JSON.stringify(action.body(form, fresh)),
    });
    if (answer.job_id) showCreatedJob(form, answer.job_id);
    else dialog.close();
    announce("Done");
  } catch (error) {
    const notice = form.querySelector(".notice");
    if (notice instanceof HTMLElement) {
      notice.textContent = error instanceof ServerAnswer ? error.message : "The server does not respond. Try again.";
      notice.hidden = false;
    }
    for (const button of buttons) button.disabled = false;
  } finally {
    sending = false;
  }
}

/** @param {HTMLFormElement} form @param {string} id */
function showCreatedJob(form, id) {
  form.replaceChildren(
    h("h2", { id: "dialog-title" }, "The job was created"),
    h("p", {}, h("code", {}, visible(id))),
    h("div", { class: "dialog-buttons" }, h("button", { type: "button", "data-close": true }, "Close"), h("a", { class: "button primary", href: jobAddress(id) }, "Open the job")),
  );
  form.querySelector("a")?.focus();
}

/** Return a random text. crypto.randomUUID exists only on pages of a secure origin, such as localhost. */
function randomToken() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
