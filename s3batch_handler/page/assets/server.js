"use strict";
// Requests to the server of a live page.

/** An error that the server returned. Its message is for the user. */
class ServerAnswer extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** @param {string} address @param {RequestInit} [options] */
async function getJson(address, options) {
  const response = await fetch(address, { cache: "no-store", ...options });
  const text = await response.text();
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    answer = {};
  }
  if (!response.ok) throw new ServerAnswer(visible(String(answer.error ?? `The server returned HTTP status ${response.status}.`)), response.status);
  return answer;
}
