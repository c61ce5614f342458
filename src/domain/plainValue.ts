/** Whatever a record is given as a value that JSON can hold. */

/** A value of JSON. */
export type PlainValue =
  | string
  | number
  | boolean
  | null
  | ReadonlyArray<PlainValue>
  | { readonly [key: string]: PlainValue }

const maxDepth = 20
/** The text of more is longer than a record shows. */
const maxParts = 4_096

type Clean = (text: string) => string

const isComposed = (value: unknown): value is object => typeof value === "object" && value !== null

const plainScalar = (value: unknown, clean: Clean): PlainValue | undefined => {
  if (value === undefined || value === null || typeof value === "boolean") return value
  if (typeof value === "number") return Number.isFinite(value) ? value : null
  return clean(typeof value === "string" ? value : String(value))
}

const plainComposed = (value: object, clean: Clean): PlainValue | undefined => {
  let parts = 0
  const isFull = () => parts++ >= maxParts
  const plain = (part: unknown, above: ReadonlyArray<object>): PlainValue | undefined => {
    if (!isComposed(part)) return plainScalar(part, clean)
    if (above.includes(part)) return "[cyclic]"
    if (above.length === maxDepth) return "[deep]"
    const below = [...above, part]
    if ("toJSON" in part && typeof part.toJSON === "function") return plain(part.toJSON(), below)
    if (Array.isArray(part)) {
      const items: Array<PlainValue> = []
      for (const item of part) {
        if (isFull()) break
        items.push(plain(item, below) ?? null)
      }
      return items
    }
    const entries: Array<[string, PlainValue]> = []
    for (const key of Object.keys(part)) {
      const item = plain((part as Readonly<Record<string, unknown>>)[key], below)
      if (item === undefined) continue
      if (isFull()) break
      entries.push([clean(key), item])
    }
    return Object.fromEntries(entries)
  }
  return plain(value, [])
}

/**
 * A value as JSON would have it; never throws.
 *
 * **Details** Every text in it, keys too, passes through `clean`. A BigInt, symbol or function is its text, a cycle
 * `[cyclic]`, what cannot be read `[unreadable]`, what lies too deep `[deep]`; what comes behind 4,096 parts is left out.
 */
export const plainValue = (value: unknown, clean: Clean): PlainValue | undefined => {
  try {
    return isComposed(value) ? plainComposed(value, clean) : plainScalar(value, clean)
  } catch {
    return "[unreadable]"
  }
}
