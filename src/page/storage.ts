/** What the browser keeps; a storage that is full, or that the browser withholds, is none. */

type Kind = "localStorage" | "sessionStorage"

/** What was kept under the key. */
export const kept = (kind: Kind, key: string): string | undefined => {
  try {
    return globalThis[kind].getItem(key) ?? undefined
  } catch {
    return undefined
  }
}

/** Keeps it; `undefined` is kept as nothing. */
export const keep = (kind: Kind, key: string, value: string | undefined): void => {
  try {
    if (value === undefined) globalThis[kind].removeItem(key)
    else globalThis[kind].setItem(key, value)
  } catch {
    // The page does without.
  }
}
