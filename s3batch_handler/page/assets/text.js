"use strict";
// Untrusted text: keys, messages, names. Invisible characters, and characters that change the direction
// of text, are shown as escapes.

const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Return text with invisible characters and lone surrogates as escapes: \u202e. */
function visible(/** @type {string} */ text) {
  return text.replace(UNSEEN, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

/** Show the bucket and the key of an object, isolated from the direction of the text around them. */
function objectName(/** @type {{bucket: string, key: string, version_id?: string | null}} */ task) {
  return h(
    "bdi",
    { class: "object" },
    h("span", { class: "bucket" }, `${visible(task.bucket)}/`),
    visible(task.key),
    task.version_id ? h("span", { class: "version" }, ` version ${visible(task.version_id)}`) : null,
  );
}

const FUNCTION_ARN = /^arn:[^:]*:lambda:[^:]*:[^:]*:function:/;

/** Return the name in the ARN of a function. */
function shortName(/** @type {string} */ name) {
  return visible(name.replace(FUNCTION_ARN, ""));
}
