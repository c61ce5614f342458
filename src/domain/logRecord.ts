/** The text of one record of the server log. */

/** How records and mirrored lines stand in the server log. */
export type LogFormat = "text" | "json"

const two = (n: number): string => String(n).padStart(2, "0")

/** The latest second that was written: most records share theirs with others. */
let latest = { second: Number.NaN, text: "" }

const secondText = (date: Date): string => {
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** `2026-02-13 10:11:12,345`, local time. */
export const recordTime = (date: Date): string => {
  const second = Math.floor(date.getTime() / 1_000)
  if (second !== latest.second) latest = { second, text: secondText(date) }
  return `${latest.text},${String(date.getMilliseconds()).padStart(3, "0")}`
}

/** A longer value is cut: no request can make a record as long as itself. */
export const maxValueLength = 4_096

const bareValue = /^[^\s"'\\=\p{C}\p{Z}]+$/u

/** A value as it stands after `key=`: bare, or quoted and escaped so that it can forge neither key nor line. */
export const recordValue = (value: unknown): string => {
  if (typeof value === "number") return JSON.stringify(value)
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value))
  const cut = text.length > maxValueLength ? `${text.slice(0, maxValueLength)}…` : text
  if (bareValue.test(cut) && cut.isWellFormed()) return cut
  if (typeof value !== "string" && !/[\s\p{C}\p{Z}]/u.test(cut)) return cut
  return JSON.stringify(cut).replace(/[\p{C}\u2028\u2029]/gu, (character) => {
    const hex = (character.codePointAt(0) ?? 0).toString(16)
    return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, "0")}`
  })
}

/** `<time> <level> looper <event> key=value …`, newline included; `shown` says what stands for a field's value. */
export const logRecord = (
  record: {
    readonly date: Date
    readonly level: string
    readonly event: string
    readonly fields: Readonly<Record<string, unknown>>
  },
  shown: (value: unknown) => unknown = (value) => value
): string => {
  const { date, level, event, fields } = record
  let text = `${recordTime(date)} ${level} looper ${event}`
  for (const key of Object.keys(fields)) {
    const value = shown(fields[key])
    if (value !== undefined) text += ` ${key}=${recordValue(value)}`
  }
  return `${text}\n`
}
