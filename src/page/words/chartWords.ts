/** The chart of the newest runs: its bars and its sentence. */
import type { Run } from "../api/answers.ts"
import { lifeMillis } from "./runWords.ts"
import { age } from "./time.ts"

/** One run as a bar; `height` in pixels, its longest has all of them. */
export interface Bar {
  readonly run: Run
  readonly height: number
}

/** Bars, oldest first; heights are linear. */
export const barsOf = (recent: ReadonlyArray<Run>, nowMillis: number, fullHeight: number): ReadonlyArray<Bar> => {
  const lives = recent.map((run) => lifeMillis(run, nowMillis) ?? 0)
  const longest = Math.max(...lives, 1)
  return recent
    .map((run, index) => ({ run, height: Math.max(2, Math.round(((lives[index] ?? 0) / longest) * fullHeight)) }))
    .toReversed()
}

/** Of those that ended; `undefined` where none did. */
export const medianMillis = (recent: ReadonlyArray<Run>): number | undefined => {
  const lives = recent
    .filter((run) => run.ended_at !== null && run.duration_ms !== null)
    .map((run) => run.duration_ms ?? 0)
    .toSorted((one, other) => one - other)
  const middle = Math.floor(lives.length / 2)
  const [low, high] = [lives[lives.length % 2 === 0 ? middle - 1 : middle], lives[middle]]
  return low === undefined || high === undefined ? undefined : (low + high) / 2
}

/** `last 44 runs, height is duration`, and the median. */
export const captionOf = (recent: ReadonlyArray<Run>): readonly [string, string] => {
  const median = medianMillis(recent)
  const runs = recent.length === 1 ? "1 run" : `last ${recent.length} runs`
  return [`${runs}, height is duration`, median === undefined ? "" : `median ${age(median)}`]
}

/** The same for who does not see it. */
export const chartSentence = (recent: ReadonlyArray<Run>): string => {
  const states = ["running", "succeeded", "failed", "stopped", "interrupted"] as const
  const counts = states.flatMap((state) => {
    const count = recent.filter((run) => (run.state === "starting" ? "running" : run.state) === state).length
    return count === 0 ? [] : [`${count} ${state}`]
  })
  return `Last ${recent.length} runs: duration as height. ${counts.join(", ")}.`
}
