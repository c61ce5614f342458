/** The copy of the records on stdout: whatever its reader does, Looper neither waits nor ends. */

/** A reader of stdout that does not read costs this much memory, then records. */
const maxStdoutBytes = 1024 * 1024

/** A pipe's end that is gone is an `error` event; without a listener it would end Looper. */
let hasStdoutListener = false
/** Records of this turn of the event loop: one write takes them all. */
let waiting = ""

/** Writes a record at this turn's end, or drops it where too much is unread. */
export const toStdout = (line: string): void => {
  if (!hasStdoutListener) {
    hasStdoutListener = true
    process.stdout.on("error", () => undefined)
    // Node makes writes to a terminal block (lib/tty.js): one that Ctrl-S or a stalled ssh holds up would stop Looper.
    ;(process.stdout as { _handle?: { setBlocking?(isBlocking: boolean): void } })._handle?.setBlocking?.(false)
    process.on("exit", flush)
  }
  if (waiting.length + process.stdout.writableLength >= maxStdoutBytes) return
  if (waiting === "") setImmediate(flush)
  waiting += line
}

const flush = (): void => {
  const lines = waiting
  waiting = ""
  if (lines !== "") process.stdout.write(lines)
}

/** A stdout that begins with where Looper listens. */
export interface ListeningFirst {
  readonly write: (line: string) => void
  readonly sayListening: (listening: { readonly url: string; readonly pid: number }) => void
  /** Writes what is held back, where Looper never listened. */
  readonly release: () => void
}

/**
 * Holds records back until it is said where Looper listens.
 *
 * **Details** As many as are kept of unread ones; what ends the process without a layer's end gives them, too.
 */
export const toStdoutBehindListening = (): ListeningFirst => {
  let held: Array<string> | undefined = []
  let heldLength = 0
  const release = () => {
    process.off("exit", release)
    const lines = held ?? []
    held = undefined
    for (const line of lines) toStdout(line)
    flush()
  }
  process.on("exit", release)
  return {
    write: (line) => {
      if (held === undefined) return toStdout(line)
      if (heldLength >= maxStdoutBytes) return
      held.push(line)
      heldLength += line.length
    },
    sayListening: ({ url, pid }) => {
      toStdout(`${JSON.stringify({ event: "listening", url, pid })}\n`)
      release()
    },
    release
  }
}
