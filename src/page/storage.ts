/** What the browser keeps; a storage that is full, or that the browser withholds, is none. */

/** For this browser, or for this tab alone. */
export type StorageName = "localStorage" | "sessionStorage"

/** What was kept under the key. */
export const kept = (kind: StorageName, key: string): string | undefined => {
  try {
    return globalThis[kind].getItem(key) ?? undefined
  } catch {
    return undefined
  }
}

/** Keeps it; `undefined` is kept as nothing. */
export const keep = (kind: StorageName, key: string, value: string | undefined): void => {
  try {
    if (value === undefined) globalThis[kind].removeItem(key)
    else globalThis[kind].setItem(key, value)
  } catch {
    // The page does without.
  }
}
