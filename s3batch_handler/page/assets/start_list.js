"use strict";
// Show the list of jobs, and each newer document.

const listConnection = new Connection({
  event: "list",
  address: () => `${apiAddress()}?${listQuery()}`,
  events: () => `${apiAddress()}/events?${listQuery()}`,
  show: showList,
  changed: () => shownList && showList(shownList),
  isOver: () => false,
});

/** Get the list at once, and then each change. */
async function reloadList() {
  try {
    showList(await getJson(listConnection.options.address()));
  } catch {
    // The connection shows that the server does not answer.
  }
  listConnection.restart();
}

showList(JSON.parse(document.getElementById("document")?.textContent ?? "null"));
if (location.search) reloadList();
else listConnection.restart();
