/** A record of the server log, and a mirrored line of a run, as one JSON object a line. */
import { maxValueLength } from "./logRecord.ts"
import type { PlainValue } from "./plainValue.ts"

const reserved: ReadonlySet<string> = new Set(["time", "level", "logger", "event"])

/** What no reader takes for the end of a line, and no terminal obeys; JSON knows no other escapes. */
const escaped = (json: string): string =>
  json.replace(/[\p{C}\u2028\u2029]/gu, (character) =>
    Array.from({ length: character.length }, (_, at) => {
      const hex = character.charCodeAt(at).toString(16)
      return `\\u${hex.padStart(4, "0")}`
    }).join("")
  )

/** The value, or its beginning as text where that is longer than a record shows. */
const shown = (value: PlainValue): PlainValue => {
  const text = typeof value === "string" ? value : JSON.stringify(value)
  if (text.length <= maxValueLength) return value
  return `${text.slice(0, maxValueLength).replace(/[\ud800-\udbff]$/, "")}…`
}

/**
 * `{"time":…,"level":…,"logger":"looper","event":…,…}`, newline included.
 *
 * **Details** A field that is named as one of these four gets a `_` behind its name. A value that is longer than in
 * the text form is its cut text, also where it is an array or an object.
 */
export const jsonRecord = (record: {
  readonly date: Date
  readonly level: string
  readonly event: string
  readonly fields: Readonly<Record<string, PlainValue | undefined>>
}): string => {
  const { date, level, event, fields } = record
  const own: ReadonlyArray<readonly [string, PlainValue]> = [
    ["time", date.toISOString()],
    ["level", level],
    ["logger", "looper"],
    ["event", shown(event)]
  ]
  const nameOf = (key: string): string => (reserved.has(key) || Object.hasOwn(fields, key) ? nameOf(`${key}_`) : key)
  const others = Object.entries(fields).flatMap(
    ([key, value]): ReadonlyArray<readonly [string, PlainValue]> =>
      value === undefined ? [] : [[reserved.has(key) ? nameOf(key) : key, shown(value)]]
  )
  const members = [...own, ...others].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
  return `{${escaped(members.join(","))}}\n`
}

const lineStart = Buffer.from('{"event":"codex.exec.output","line":"')
const lineEnd = Buffer.from('"}\n')
const newline = 0x0a
const tab = 0x09
const doubleQuote = 0x22
const backslash = 0x5c
const letterT = 0x74

/** How many bytes the lines have as {@link jsonLines}. */
const jsonBytes = (lines: Buffer): number => {
  let bytes = lines.length
  for (let read = 0; read < lines.length; read++) {
    const byte = lines[read]
    if (byte === newline) bytes += lineStart.length + lineEnd.length - 1
    else if (byte === doubleQuote || byte === backslash || byte === tab) bytes += 1
  }
  return bytes
}

/**
 * Each line as `{"event":"codex.exec.output","line":…}`; a loop over bytes: all that a run prints passes here.
 *
 * **Details** Takes valid UTF-8 without control characters but tab, in whole lines.
 */
export const jsonLines = (lines: Buffer): Buffer => {
  const json = Buffer.allocUnsafe(jsonBytes(lines))
  let written = 0
  for (let read = 0; read < lines.length; ) {
    written += lineStart.copy(json, written)
    for (let byte = lines[read++] as number; byte !== newline; byte = lines[read++] as number) {
      if (byte === tab || byte === doubleQuote || byte === backslash) json[written++] = backslash
      json[written++] = byte === tab ? letterT : byte
    }
    written += lineEnd.copy(json, written)
  }
  return json
}
