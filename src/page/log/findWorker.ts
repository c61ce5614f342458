/** Finds text in a whole log, away from the page. */
globalThis.addEventListener("message", () => undefined)
