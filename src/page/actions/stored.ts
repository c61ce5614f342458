/** Objects in the browser's storages. */
import { kept, type StorageName } from "../storage.ts"

/** What was kept; of what is none of the page's making, nothing. */
export const read = (key: string, storage: StorageName = "localStorage"): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(kept(storage, key) ?? "{}")
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
