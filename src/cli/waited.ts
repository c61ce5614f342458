/** `--wait`: what is started is waited for, and the command ends as the run ends. */
import { Effect, Schedule, Stream } from "effect"
import { type LooperClient, type RunDetails, reconnectSchedule } from "../client/index.ts"
import { CommandFailed, ended, exitCodes, failed } from "./exitCodes.ts"
import { makeLastLine } from "./lastLine.ts"
import { note, print, printJson } from "./output.ts"
import { makeProgress, type Progress } from "./progress.ts"
import { connect, orFail } from "./remote.ts"
import { durationText } from "./words.ts"

/** As much of an answer as tells which run was started. */
export interface Started {
  readonly ok: true
  readonly codex_exec_result?: {
    readonly request_id: string
    readonly pid: number
    readonly log_path: string
    readonly startup_return_code: number | null
  } | null
}

interface Waiting {
  readonly json: boolean
}

/** How long a Looper may be away before waiting for it is given up. */
const patience = "10 minutes"

/** Every code but this one is the run's, or the command line's. */
const ofLooper = Effect.mapError(({ exitCode, sentence }: CommandFailed) =>
  exitCode === exitCodes.usage
    ? failed(exitCode, sentence ?? "")
    : new CommandFailed({ exitCode: exitCodes.looperFailed, sentence })
)

/** Starts a run and waits for its end; fails with the run's code where that is not 0. */
export const waited = <A extends Started>(
  call: (looper: LooperClient) => Effect.Effect<A, CommandFailed>,
  options: Waiting
): Effect.Effect<void, CommandFailed> =>
  Effect.gen(function* () {
    const end = yield* ofLooper(Effect.scoped(untilEnd(call, options)))
    const { run } = end
    if (run === undefined) return yield* options.json ? printJson(end.answer) : print("Sent; nothing was started.")
    yield* options.json ? printJson({ ok: true, run }) : print(endText(run))
    const code = runCode(run)
    if (code !== 0) return yield* ended(code)
  })

const untilEnd = Effect.fnUntraced(function* <A extends Started>(
  call: (looper: LooperClient) => Effect.Effect<A, CommandFailed>,
  options: Waiting
) {
  const looper = yield* connect
  const progress = yield* makeProgress({ isTerminal: process.stderr.isTTY })
  const sayThatItGoesOn = Effect.suspend(() => note(goesOn(progress.shown().id)))
  return yield* Effect.gen(function* () {
    const answer = yield* Effect.scoped(
      Effect.andThen(Effect.forkScoped(watchSequence(looper, progress)), call(looper))
    )
    const id = answer.codex_exec_result?.request_id
    if (id === undefined) return { answer, run: undefined }
    yield* progress.set({ id, step: "running" })
    if (process.stderr.isTTY) yield* Effect.forkScoped(watchLog(looper, progress, id))
    const retry = Schedule.upTo(reconnectSchedule, { duration: patience })
    return { answer, run: yield* orFail(options, looper.waitForEnd({ id, retry })) }
  }).pipe(Effect.onInterrupt(() => sayThatItGoesOn))
})

/** While the answer is awaited, the sequence that holds the lock is the one that was asked for. */
const watchSequence = (looper: LooperClient, progress: Progress): Effect.Effect<void> =>
  looper.status().pipe(
    Effect.flatMap(({ holder }) => (holder === null ? Effect.void : progress.set({ step: holder.step }))),
    Effect.ignore,
    Effect.repeat(Schedule.spaced("500 millis")),
    Effect.asVoid
  )

const watchLog = (looper: LooperClient, progress: Progress, id: string): Effect.Effect<void> => {
  const last = makeLastLine()
  return looper.followLog({ id, tail: 1 }).pipe(
    Stream.runForEach((event) =>
      event.kind === "bytes" ? progress.set({ line: last.push(event.bytes) }) : Effect.void
    ),
    Effect.ignore
  )
}

const goesOn = (id: string | undefined): string =>
  id === undefined
    ? "\nlooper: not waiting any more; what was asked for goes on, see 'looper status'\n"
    : `\nlooper: not waiting any more; run ${id} goes on, see 'looper logs -f ${id}'\n`

/** A run's own code; nobody knows one of a run that was never started or whose end nobody saw. */
export const runCode = ({ return_code: code }: Pick<RunDetails, "return_code">): number =>
  typeof code === "number" ? code & 255 : exitCodes.looperFailed

const endText = (run: RunDetails): string => {
  const cause = run.cause === null || run.cause === "exited" ? "" : ` (${run.error ?? run.cause})`
  const took = run.duration_ms === null ? "" : ` after ${durationText(run.duration_ms)}`
  return `${run.request_id} ${run.state}${cause} with code ${run.return_code ?? "unknown"}${took}`
}
