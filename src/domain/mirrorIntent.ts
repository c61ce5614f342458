/** The record of a run's mirror journal: which of its output went to the server log last, and where there. */
import type { LogFormat } from "./logRecord.ts"

/** Where a batch of mirrored lines, or what is left of it, goes next. */
export interface BatchPlace {
  /** The server log's inode. */
  readonly inode: number
  /** Bytes of the server log before it. */
  readonly size: number
  /** Bytes of the batch's text that stand elsewhere. */
  readonly skip: number
}

/** A batch: whole lines of a run log, or an unterminated last one. */
export interface MirrorIntent extends BatchPlace {
  /** Its first byte in the run log. */
  readonly from: number
  /** The byte after its last one: here the mirror goes on. */
  readonly to: number
  /** Bytes of its text in the server log. */
  readonly textBytes: number
  /** The form that its text has, whatever that of the Looper that finishes it. */
  readonly format: LogFormat
}

/** A journal that tells a position alone: nothing is being written. */
export const positionAt = (to: number): MirrorIntent => ({
  from: to,
  to,
  textBytes: 0,
  format: "text",
  inode: 0,
  size: 0,
  skip: 0
})

/** How a record begins; an older Looper takes one that it does not know for damaged. */
const beginnings = { text: "mirror-1", json: "mirror-2" } as const

/** The longest inode number. */
const digits = 20

/** FNV-1a, 32 bits. */
const checksum = (text: string): string => {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, "0")
}

/** One line of always the same length, so that it can be overwritten in place. */
export const encodeIntent = ({ from, to, textBytes, format, inode, size, skip }: MirrorIntent): string => {
  const fields = [from, to, textBytes, inode, size, skip].map((field) => String(field).padStart(digits, "0"))
  const body = `${beginnings[format]} ${fields.join(" ")}`
  return `${body} ${checksum(body)}\n`
}

/** Reads what {@link encodeIntent} wrote; `undefined` where it is cut, torn or something else. */
export const parseIntent = (text: string): MirrorIntent | undefined => {
  const [, body = "", sum] = /^(mirror-[12](?: \d{20}){6}) ([0-9a-f]{8})\n$/.exec(text) ?? []
  if (sum === undefined || sum !== checksum(body)) return undefined
  const [from = 0, to = 0, textBytes = 0, inode = 0, size = 0, skip = 0] = body.split(" ").slice(1).map(Number)
  const format = body.startsWith(beginnings.json) ? "json" : "text"
  return { from, to, textBytes, format, inode, size, skip }
}
