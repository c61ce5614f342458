/** Words that failures have in common. */
import { duration, millisOf } from "../words/time.ts"

/** Begins with a capital: the API's sentences do not. */
export const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** Steps as the operations are called. */
const operations: Readonly<Record<string, string>> = { kill: "killCodex", spawn: "spawnCodex" }

/** Who holds the lock, for `busy`. */
export const holderWords = (holder: unknown, nowMillis: number): string => {
  const { request_id: id, step, since } = (holder ?? {}) as Readonly<Record<string, unknown>>
  const age = duration(nowMillis - (millisOf(String(since)) ?? nowMillis))
  return `request ${String(id)}, step ${operations[String(step)] ?? String(step)}, ${age}`
}

const numbers = (value: unknown): ReadonlyArray<number> =>
  Array.isArray(value) ? value.filter((each) => typeof each === "number") : []

/** `pid 51120`, `pids 48240, 48267`. */
export const pidWords = (value: unknown): string => {
  const pids = numbers(value)
  return `${pids.length === 1 ? "pid" : "pids"} ${pids.join(", ")}`
}

/** `2 processes would not die (pids 48240, 48267)`. */
export const survivorWords = (value: unknown): string => {
  const { length } = numbers(value)
  return `${length} ${length === 1 ? "process" : "processes"} would not die (${pidWords(value)})`
}

/** `them`, or `it`. */
export const themOf = (value: unknown): string => (numbers(value).length === 1 ? "it" : "them")
