/** What the browser's storages hold of the page: for this browser, or for this tab alone. */

/** Which storage. */
export type StorageName = "localStorage" | "sessionStorage"

/** A storage that is full, or that the browser withholds, is none. */
export const read = (key: string, storage: StorageName = "localStorage"): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(globalThis[storage].getItem(key) ?? "{}")
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** Keeps it there. */
export const write = (key: string, value: object, storage: StorageName = "localStorage"): void => {
  try {
    globalThis[storage].setItem(key, JSON.stringify(value))
  } catch {
    // The page does without.
  }
}
