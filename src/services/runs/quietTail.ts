/** The end of what a run wrote, fit to be told: no configured secret is in it, whole or in half. */
import { Effect } from "effect"
import { plainText } from "../../domain/quietText.ts"
import type { RunLog, RunLogs } from "./RunLogs.ts"

/** What is read; most of it may be colours. */
const tailBytes = 64 * 1024
/** Characters at the beginning of what is read that may be the rest of a secret. */
const cutLength = 4_096

/** Bytes of a log's end, and what they say. */
export interface QuietTail {
  /** Without escapes; up to 64 KiB. */
  readonly text: string
  /** As they were written, where no secret stands in them; otherwise those of `text`. */
  readonly bytes: Buffer
}

/**
 * Reads the end of a log.
 *
 * **Details** Secrets go before and after escapes do: an escape may stand inside a secret, or take its first character
 * along.
 */
export const quietTail = (options: {
  readonly runLogs: RunLogs["Service"]
  readonly log: RunLog
  readonly redact: (text: string) => string
}): Effect.Effect<QuietTail> => {
  const { runLogs, log, redact } = options
  return Effect.map(runLogs.tail(log, tailBytes), (bytes) => {
    const raw = bytes.toString()
    const shown = redact(raw)
    const plain = plainText(shown)
    const quiet = redact(plain)
    // Where most of it is escapes, something is left all the same.
    const text = bytes.length < tailBytes ? quiet : quiet.slice(Math.min(cutLength, Math.ceil(quiet.length / 2)))
    return { text, bytes: shown === raw && quiet === plain ? bytes : Buffer.from(text) }
  })
}
