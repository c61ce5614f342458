/** What the log pane says, apart from the log. */
import { bytes, grouped } from "../words/time.ts"
import { maxBytes } from "./limits.ts"
import type { PauseReason } from "./Follow.ts"
import type { StreamState } from "./LogStream.ts"

/** What the foot tells. */
export interface FootFacts {
  readonly stream: StreamState
  readonly isFollowing: boolean
  readonly reason: PauseReason | undefined
  /** Of the line that the view was put to. */
  readonly line: number | undefined
  readonly linesPerSecond: number
  readonly offset: number
  readonly nowMillis: number
}

/** In place of what could not be loaded. */
export const missingWords = "A part of the page could not be loaded; reload it."

/** `flood`: so many lines a second are worth telling. */
const floodLines = 1_000

/** The foot's first words, and the form of the mark before them. */
export const footWords = (facts: FootFacts): { readonly mark: "" | "off" | "warn"; readonly words: string } => {
  const { stream, offset } = facts
  switch (stream.kind) {
    case "gone":
      return { mark: "warn", words: `No more of this log: ${stream.reason}` }
    case "broken": {
      const at = `at byte ${grouped(offset)}`
      if (stream.nextTryMillis === undefined) return { mark: "off", words: `Not connected, ${at}` }
      if (stream.isNotLoaded === true) return { mark: "warn", words: missingWords }
      const seconds = Math.max(0, Math.ceil((stream.nextTryMillis - facts.nowMillis) / 1_000))
      return { mark: "warn", words: seconds === 0 ? `Reconnecting, ${at}` : `Reconnecting in ${seconds} s, ${at}` }
    }
    case "ended":
      return { mark: "off", words: "End of log" }
    default:
      return facts.isFollowing
        ? { mark: "", words: following(facts.linesPerSecond) }
        : { mark: "off", words: paused(facts) }
  }
}

const following = (linesPerSecond: number): string =>
  linesPerSecond < floodLines ? "Following" : `Following, ${grouped(Number(linesPerSecond.toPrecision(3)))} lines/s`

const paused = ({ reason, line }: FootFacts): string => {
  if (reason === "finding") return "Paused while finding"
  if (reason === "line") return line === undefined ? "Paused at a line" : `Paused at line ${grouped(line)}`
  return "Paused by scrolling"
}

/** `1.24 MB`; of a large log "96 MB, the last 20 MB in this tab". */
export const sizeWords = (size: number, inPage: { readonly bytes: number; readonly isEnd: boolean }): string => {
  if (size <= maxBytes) return bytes(size)
  return `${bytes(size)}, ${inPage.isEnd ? "the last " : ""}${bytes(inPage.bytes)}${inPage.isEnd ? "" : " of it"} in this tab`
}

/** "214 new lines, go to end". */
export const chipWords = (newLines: number): string => {
  const lines = newLines > 9_999 ? "many new lines" : newLines === 1 ? "1 new line" : `${grouped(newLines)} new lines`
  return `${lines}, go to end`
}

/** "of 2,311 (1.1 MB)": what lies before the page's lines. */
export const edgeWords = (number: number | undefined, start: number): string =>
  number === undefined ? `(${bytes(start)})` : `of ${grouped(number - 1)} (${bytes(start)})`

/** "local time, UTC+1". */
export const zoneWords = (offsetMinutes: number): string => {
  const minutes = Math.abs(offsetMinutes)
  const rest = minutes % 60
  const sign = offsetMinutes <= 0 ? "+" : "−"
  const hours = Math.floor(minutes / 60)
  return `local time, UTC${minutes === 0 ? "" : `${sign}${hours}${rest === 0 ? "" : `:${String(rest).padStart(2, "0")}`}`}`
}
