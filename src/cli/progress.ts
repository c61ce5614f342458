/** How far a run is while somebody waits for it: a line in place on a terminal, else a line a change. */
import { Clock, Effect, Schedule, type Scope } from "effect"
import { displayWidth } from "effect/cli/CliOutput"
import { GraphemeSegmenter } from "./graphemes.ts"
import { note } from "./output.ts"
import { durationText } from "./words.ts"

/** What is shown. */
export interface Shown {
  /** A step of the sequence, or what became of the run. */
  readonly step: string
  /** Unknown until Looper has answered. */
  readonly id: string | undefined
  /** The last line of its log. */
  readonly line: string
}

/** Shows what was set last. */
export interface Progress {
  readonly set: (change: Partial<Shown>) => Effect.Effect<void>
  readonly shown: () => Shown
}

const segmenter = new GraphemeSegmenter()

/** A text that takes at most so many columns; what was cut is `…`. */
export const cutText = (text: string, columns: number): string => {
  if (displayWidth(text) <= columns) return text
  let cut = ""
  let width = 1
  for (const { segment } of segmenter.segment(text)) {
    width += displayWidth(segment)
    if (width > columns) break
    cut += segment
  }
  return columns < 1 ? "" : `${cut}…`
}

/** One line: id, step, time since `wait` began in milliseconds, and the log's last line. */
export const progressLine = (shown: Shown, elapsedMillis: number, columns: number): string => {
  const words = [shown.id, shown.step, durationText(elapsedMillis)].filter((word) => word !== undefined)
  return cutText(`${words.join("  ")}${shown.line === "" ? "" : `  ${shown.line}`}`, columns)
}

const clearLine = "\r\u001b[K"

/** Shows progress on stderr until its scope closes; a terminal's line is then gone. */
export const makeProgress = (options: { readonly isTerminal: boolean }): Effect.Effect<Progress, never, Scope.Scope> =>
  Effect.gen(function* () {
    const beganAt = yield* Clock.currentTimeMillis
    let shown: Shown = { step: "asking Looper", id: undefined, line: "" }
    // The last column stays free: a full line would wrap, and the next one not overwrite it.
    const draw = Effect.flatMap(Clock.currentTimeMillis, (now) =>
      note(clearLine + progressLine(shown, now - beganAt, (process.stderr.columns ?? 80) - 1))
    )
    if (options.isTerminal) {
      yield* Effect.addFinalizer(() => note(clearLine))
      yield* Effect.forkScoped(Effect.repeat(draw, Schedule.spaced("500 millis")))
    }
    const set = (change: Partial<Shown>) =>
      Effect.suspend(() => {
        const before = shown
        shown = { ...shown, ...change }
        if (options.isTerminal) return draw
        if (before.step === shown.step && before.id === shown.id) return Effect.void
        return note(`${[shown.id, shown.step].filter((word) => word !== undefined).join("  ")}\n`)
      })
    return { set, shown: () => shown }
  })
