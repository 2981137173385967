"use strict";
// The reason in the message of a failed task, and the search for it, as the server does both.

const FUNCTION_ERROR = "Lambda returned function error: ";

/** Return the reason in a message: the type and text of a function error, even if its JSON is truncated. */
function failureReason(/** @type {string} */ message) {
  if (!message.startsWith(FUNCTION_ERROR)) return message;
  const text = /"errorMessage": ?"((?:[^"\\]|\\[^\n])*)/.exec(message);
  if (!text) return message;
  const kind = /"errorType": ?"((?:[^"\\]|\\[^\n])*)"/.exec(message);
  return kind ? `${unquoted(kind[1] ?? "")}: ${unquoted(text[1] ?? "")}` : unquoted(text[1] ?? "");
}

/** Return the text of a JSON string; the string itself if it is truncated or contains a lone surrogate. */
function unquoted(/** @type {string} */ text) {
  try {
    const decoded = String(JSON.parse(`"${text}"`));
    return /\p{Surrogate}/u.test(decoded) ? text : decoded;
  } catch {
    return text;
  }
}

/** Return a search for the tasks of a group: … stands for text that differs or that cannot be typed. */
function searchFor(/** @type {string} */ message) {
  return message === "other messages" ? "" : message.slice(0, 500).replace(/\*\*\*|\p{Surrogate}+|\s*[\r\n]+\s*/gu, "…");
}

/** Return whether a search finds a task, as `row_search` does on the server. @param {TaskFacts} task @param {string} search */
function searchFinds(task, search) {
  const parts = search.toLowerCase().split("…");
  const url = parts[0].startsWith("s3://") ? `s3://${task.bucket}/${task.key}` : "";
  const texts = [url, task.key, task.code ?? "", task.message, failureReason(task.message)];
  return texts.some((text) => hasParts(text.toLowerCase(), parts));
}

/** Return whether a text contains all parts, one after the other. @param {string} text @param {string[]} parts */
function hasParts(text, parts) {
  let position = 0;
  for (const part of parts) {
    const found = text.indexOf(part, position);
    if (found < 0) return false;
    position = found + part.length;
  }
  return true;
}
