/** Starts runs of one Looper and waits for their end, their log and their mirror. */
import { join } from "node:path"
import { type CodexStep, codexScript } from "../../src/testing/CodexStandIn.ts"
import type { Answer } from "./httpClient.ts"
import type { LooperProcess } from "./looperProcess.ts"
import { mirroredIn, mirrorOf, type ReadRunLog, readRunLog, textFrom } from "./logs.ts"
import { sizeOf, until } from "./processes.ts"

export interface StartedRun {
  readonly answer: Answer
  readonly id: string
  /** Of the run log. */
  readonly path: string
  /** Waits until the end is recorded and as many lines are mirrored as its bytes have. */
  end(): Promise<EndedRun>
}

export interface EndedRun {
  /** The record of the end. */
  readonly ended: string
  readonly log: ReadRunLog
  /** What was mirrored since the start. */
  readonly mirrored: ReadonlyArray<string>
  /** What is right. */
  readonly expected: ReadonlyArray<string>
}

export interface RunWatcher {
  /** With steps or a prompt, and further fields of the request. */
  start(steps: ReadonlyArray<CodexStep> | string, over?: Readonly<Record<string, unknown>>): Promise<StartedRun>
  run(
    steps: ReadonlyArray<CodexStep> | string,
    over?: Readonly<Record<string, unknown>>
  ): Promise<StartedRun & EndedRun>
  /** A path in Looper's folder that nobody has. */
  file(name: string): string
  /** Every line that ended runs should have written, run after run. */
  readonly allExpected: Array<string>
}

export const watchRuns = (looper: LooperProcess): RunWatcher => {
  const allExpected: Array<string> = []
  let files = 0
  const start: RunWatcher["start"] = async (steps, over = {}) => {
    const offset = sizeOf(looper.serverLogPath)
    const prompt = typeof steps === "string" ? steps : codexScript(steps)
    const known = new Set(looper.runLogs())
    const answer = await looper.run({ zulip_message: "m", codex_prompt: prompt, ...over })
    const path = looper.runLogs().find((each) => !known.has(each))
    if (path === undefined) throw new Error(`no run log: ${answer.text}`)
    const id = /-([0-9a-f]{8})\.log$/.exec(path)?.[1] ?? ""
    const records = () => textFrom(looper.serverLogPath, offset)
    const end = async () => {
      const isEnd = new RegExp(` codex\\.exec\\.ended .*\\b${id}\\b.*\\n`)
      const ended = await until(() => isEnd.exec(records())?.[0], `the end of ${id} is recorded`)
      const log = readRunLog(path)
      const expected = mirrorOf(log.body, path)
      const mirrored = await until(() => {
        const lines = mirroredIn(records())
        return lines.length >= expected.length && lines
      }, `${expected.length} lines of ${id} are mirrored`)
      allExpected.push(...expected)
      return { ended, log, expected, mirrored }
    }
    return { answer, id, path, end }
  }
  return {
    start,
    run: async (steps, over) => {
      const started = await start(steps, over)
      return { ...started, ...(await started.end()) }
    },
    file: (name) => join(looper.folder, `${++files}-${name}`),
    allExpected
  }
}

const shown = (line: string | undefined) => `${JSON.stringify(line?.slice(0, 120))} (${line?.length})`

/** Where two lists differ first; empty where they do not. */
export const firstDifference = (actual: ReadonlyArray<string>, expected: ReadonlyArray<string>): string => {
  const n = Array.from({ length: Math.max(actual.length, expected.length) }).findIndex(
    (_, i) => actual[i] !== expected[i]
  )
  return n < 0 ? "" : `line ${n} of ${expected.length}: ${shown(actual[n])} instead of ${shown(expected[n])}`
}
