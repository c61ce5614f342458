/** Why a run ended, as one line. */
import type { LimitName } from "./RunRecord.ts"
import { plainText } from "./quietText.ts"

/** Of a reason; a longer one ends in `…`. */
const maxLength = 300

/** One line of any text: no control character, no colour, nothing that is not seen. */
const lineOf = (text: string): string => {
  const points = Array.from(plainText(text).replace(/\s+/g, " ").trim())
  return points.length <= maxLength ? points.join("") : `${points.slice(0, maxLength - 1).join("")}…`
}

/** A shorter line of a message may be a word of any sentence. */
const minUnsaidLength = 8

/** An answer to the message without lines of that, as they are and as JSON has them: `…` instead. */
export const withoutSent = (answer: string, message: string): string => {
  const lines = message
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter(({ length }) => length >= minUnsaidLength)
    .flatMap((line) => [line, JSON.stringify(line).slice(1, -1)])
  return [...new Set(lines)]
    .toSorted((a, b) => b.length - a.length)
    .reduce((left, line) => left.replaceAll(line, "…"), answer)
}

/**
 * A failure's sentence; `undefined` for an empty one.
 *
 * **Details** Whoever was sent the message `unsaid` may have answered with it: its lines are left out.
 */
export const failureReason = (sentence: string, unsaid = ""): string | undefined =>
  lineOf(withoutSent(sentence, unsaid)) || undefined

const trailer = /^# codex_exec_return_code=(?:\d{1,3}|unknown)$/

/**
 * What a run said of its failure: its last line that begins with `ERROR`, without that, else its last line that is
 * not blank; `undefined` where there is none.
 *
 * **Details** `output` is the end of its log, trailer or not; it may begin inside a line. Lines are looked at from the
 * last one on, so that this takes as long as it has to, whatever they are.
 */
export const outputReason = (output: string): string | undefined => {
  let last: string | undefined
  let [lineFeed, carriageReturn] = [output.lastIndexOf("\n"), output.lastIndexOf("\r")]
  for (let end = output.length; end > 0; ) {
    // Each is looked for only behind where it was found last: once over the text in all.
    if (lineFeed >= end) lineFeed = output.lastIndexOf("\n", end - 1)
    if (carriageReturn >= end) carriageReturn = output.lastIndexOf("\r", end - 1)
    const start = Math.max(lineFeed, carriageReturn) + 1
    const line = start < end ? output.slice(start, end) : ""
    end = start - 1
    if (line === "" || trailer.test(line)) continue
    const text = line.startsWith("\u001b") ? plainText(line) : line
    if (text.startsWith("ERROR")) {
      const said = lineOf(text.replace(/^ERROR:?/, ""))
      if (said !== "") return said
    }
    last ??= lineOf(line) || undefined
  }
  return last
}

const units = [
  ["h", 3_600],
  ["m", 60],
  ["s", 1]
] as const

/** `30 m`, `1 h 30 m` or `0.5 s`. */
const secondsText = (seconds: number): string => {
  if (seconds < 60 || !Number.isInteger(seconds)) return `${seconds} s`
  let rest = seconds
  const parts: Array<string> = []
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) parts.push(`${count} ${unit}`)
  }
  return parts.join(" ")
}

const sizes = ["bytes", "kB", "MB", "GB", "TB"] as const

/** `1 GB`, `1.074 GB`, `12 bytes`. */
const bytesText = (bytes: number): string => {
  const index = Math.min(sizes.length - 1, Math.max(0, Math.floor(Math.log10(bytes) / 3)))
  return `${Math.round((bytes / 1_000 ** index) * 1_000) / 1_000} ${sizes[index]}`
}

/** What a run did too long, or too much of; `value` is the limit, in seconds or bytes. */
export const limitReason = (limit: LimitName, value: number): string => {
  if (limit === "max_log_bytes") return `wrote ${bytesText(value)}`
  return `${limit === "max_seconds" ? "ran" : "silent"} for ${secondsText(value)}`
}
