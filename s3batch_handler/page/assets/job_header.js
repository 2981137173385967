"use strict";
// The header of a job's page: its name, its status, and the facts that identify it.

/** @param {JobDocument} doc */
function jobHeader(doc) {
  const { job } = doc;
  return h(
    "div",
    { class: "job-header", "data-key": "header" },
    h(
      "div",
      { class: "job-title" },
      h("h1", {}, h("bdi", {}, visible(jobName(doc)))),
      statusBadge(job.status, doc.counts.failed),
      actionButtons(doc),
    ),
    h("dl", { class: "facts-line" }, identity(doc)),
    notices(doc),
  );
}

/** Return a name for the job: its description, its function or its ID. @param {JobDocument} doc */
function jobName({ job }) {
  return job.description || (job.function ? job.function.replace(FUNCTION_ARN, "") : job.id) || "Job";
}

/** Return whether the job has ended. A report whose job is not known has no status. @param {JobDocument} doc */
function hasEnded({ job }) {
  return job.status === null || job.ended !== null || FINAL.includes(job.status);
}

/** @param {JobDocument} doc */
function identity({ job }) {
  const origins = { aws: "AWS", serve: "s3batch serve", run: "s3batch run" };
  const place = [job.origin && (origins[job.origin] ?? visible(job.origin)), job.region && visible(job.region)].filter(Boolean).join(", ");
  return [
    job.id && fact("Job ID", h("code", {}, visible(job.id)), copyButton(job.id, "job ID")),
    job.function && fact("Function", h("bdi", { title: visible(job.function) }, shortName(job.function))),
    !job.function && job.operation && fact("Operation", visible(job.operation)),
    place && fact(job.origin ? "Run by" : "Region", place),
    job.account_id && fact("Account", visible(job.account_id)),
    job.priority !== null && fact("Priority", String(job.priority)),
    job.created && fact("Created", time(job.created)),
    job.ended && fact("Ended", time(job.ended, job.created)),
    job.redrive_of && fact("Redrive of", relatedJob(job.redrive_of)),
    ...Object.entries(job.tags).map(([key, value]) => fact(`Tag ${visible(key)}`, h("bdi", {}, visible(value)))),
  ];
}

/** @param {string} name @param {...Child} values */
function fact(name, ...values) {
  return h("div", { "data-key": name }, h("dt", {}, name), h("dd", {}, ...values));
}

/** Show the ID of another job: a link on live pages. */
function relatedJob(/** @type {string} */ id) {
  const code = h("code", {}, visible(id));
  return isLive() ? h("a", { href: jobAddress(id) }, code) : code;
}

/** Show why a job failed, or why it was cancelled. @param {JobDocument} doc */
function notices({ job }) {
  return [
    ...job.reasons.map(({ code, reason }) =>
      h("p", { class: "notice bad" }, icon("warning"), h("span", {}, h("strong", {}, visible(code)), " ", visible(reason))),
    ),
    job.update_reason &&
      h("p", { class: "notice" }, icon("dot"), h("span", {}, h("strong", {}, "Reason"), " ", visible(job.update_reason))),
  ];
}
