"use strict";
// Show the list of jobs, and update it with each new document.

const listConnection = new Connection({
  event: "list",
  address: () => `${apiAddress()}?${listQuery()}`,
  events: () => `${apiAddress()}/events?${listQuery()}`,
  show: showList,
  changed: () => shownList && showList(shownList),
  isOver: () => false,
});

/** Get the list now, and then each change. */
async function reloadList() {
  try {
    showList(await getJson(listConnection.options.address()));
  } catch {
    // The bar shows that the server does not respond.
  }
  listConnection.restart();
}

showList(JSON.parse(document.getElementById("document")?.textContent ?? "null"));
if (location.search) reloadList();
else listConnection.restart();
