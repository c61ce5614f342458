/** Links that this page follows itself. */

/** A handler for a plain click; one that opens a tab or a window stays the browser's. */
export const follows =
  (go: () => void) =>
  (event: MouseEvent): void => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    go()
  }
