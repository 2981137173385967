"use strict";
// Show the list of jobs, and each newer document.

showBar();
showList(JSON.parse(document.getElementById("document")?.textContent ?? "null"));
