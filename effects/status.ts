/** Operation: what runs, or why nothing does and when something will. */
import { Clock, Effect } from "effect"
import type { Idle, Status } from "../src/domain/status.ts"
import type { RunRecord } from "../src/domain/RunRecord.ts"
import { Autopoll } from "../src/services/Autopoll.ts"
import { LooperConfig } from "../src/services/config/LooperConfig.ts"
import { DefaultPrompt } from "../src/services/DefaultPrompt.ts"
import { Notifier } from "../src/services/notifiers/Notifier.ts"
import { ProcessTable } from "../src/services/processes/ProcessTable.ts"
import { ProcessTrees } from "../src/services/processes/ProcessTrees.ts"
import { RunRecords } from "../src/services/records/RunRecords.ts"
import { RunLock } from "../src/services/runs/RunLock.ts"
import { RunSupervisor } from "../src/services/runs/RunSupervisor.ts"
import { StartTime } from "../src/services/StartTime.ts"
import { Workspaces } from "../src/services/Workspaces.ts"
import { type AutopollTickServices, findObstacle, type Obstacle, targetsAlive } from "./autopollTick.ts"
import { type HistoryServices, viewRun } from "./viewRun.ts"

/** Every service {@link status} needs. */
export type StatusServices = AutopollTickServices | HistoryServices | Notifier | ProcessTrees | StartTime

/** Looks, and changes nothing; where nothing runs it looks at what a tick would look at. */
export const status = Effect.fn("status")(function* (): Effect.fn.Return<Status, never, StatusServices> {
  const { isAutopollOn, idlePollSeconds, idleLogStaleSeconds } = yield* LooperConfig
  const defaults = yield* runDefaults
  const autopoll = yield* Autopoll
  const records = yield* RunRecords
  const holder = (yield* RunLock).holder()
  const run = yield* liveRun
  // Behind the looks at the run: nothing that it did comes later than the answer's own time.
  const atMillis = yield* Clock.currentTimeMillis
  const idle = holder === undefined && run === undefined ? yield* whyIdle(isAutopollOn) : undefined
  const nextTickMillis = autopoll.nextTickMillis()
  const backoffMillis = yield* autopoll.backoffMillis
  const backoffUntilMillis = backoffMillis > 0 ? atMillis + backoffMillis : undefined
  const steps = holder === undefined ? [] : yield* records.steps(holder.requestId)
  return {
    atMillis,
    startedAtMillis: (yield* StartTime).millis,
    holder: holder && { ...holder, steps },
    run,
    idle,
    nextStartMillis:
      idle?.reason === "waiting" || idle?.reason === "backoff"
        ? tickFrom({ nextTickMillis, notBeforeMillis: backoffUntilMillis ?? 0, everyMillis: idlePollSeconds * 1_000 })
        : undefined,
    autopoll: {
      isOn: isAutopollOn,
      isPaused: autopoll.isPaused(),
      lastTick: autopoll.lastTick(),
      nextTickMillis,
      everySeconds: idlePollSeconds,
      logStaleSeconds: idleLogStaleSeconds,
      failures: autopoll.failures(),
      backoffUntilMillis,
      backoffSeconds: backoffMillis > 0 ? autopoll.wholeBackoffMillis() / 1_000 : undefined
    },
    defaults
  }
})

const liveRun = Effect.gen(function* () {
  const records = yield* RunRecords
  const live = (yield* RunSupervisor).live().toSorted((one, other) => other.startedAtMillis - one.startedAtMillis)
  const record = live[0] && (yield* records.find(live[0].requestId))
  if (record === undefined) return undefined
  const view = yield* viewRun(record)
  const progress = yield* (yield* RunSupervisor).progress(record.requestId)
  const processCount = yield* countProcesses(record)
  return { ...view, lastOutputMillis: undefined, limits: [], ...progress, processCount }
})

/** By one scan: where a run lives, nothing else of a status needs one. */
const countProcesses = Effect.fnUntraced(function* ({ identity, requestId }: RunRecord) {
  if (identity === undefined) return undefined
  const seeds = { targets: [identity.codex], leaders: [identity.supervisor], markers: new Set([requestId]) }
  return yield* (yield* ProcessTrees).members(seeds).pipe(
    Effect.map(({ length }): number | undefined => length),
    // Out of descriptors nobody can be seen.
    Effect.catchDefect(() => Effect.undefined)
  )
})

/** What a run gets that names nothing itself. */
const runDefaults = Effect.gen(function* () {
  const { delaySeconds, startupCheckSeconds } = yield* LooperConfig
  const defaultPrompt = yield* DefaultPrompt
  const prompt = yield* defaultPrompt.read.pipe(
    Effect.map((text) => (text === "" ? { error: "the default prompt is empty" } : { text })),
    Effect.catch(({ message }) => Effect.succeed({ error: message }))
  )
  return {
    workspace: (yield* Workspaces).resolve(undefined).path,
    prompt,
    promptSource: defaultPrompt.source,
    delaySeconds,
    startupCheckSeconds,
    killGraceSeconds: (yield* ProcessTrees).graceMillis / 1_000,
    announcesTo: (yield* Notifier).announcesTo
  }
})

const whyIdle = Effect.fnUntraced(function* (isAutopollOn: boolean): Effect.fn.Return<Idle, never, StatusServices> {
  const nobody = { pids: [], blocking: [], logChangedMillis: undefined }
  if (!isAutopollOn) {
    const text = "autopoll is off: LOOPER_AUTO_START_WHEN_IDLE"
    return { ...nobody, reason: "off", text, ...(yield* whoLives) }
  }
  const obstacle = yield* findObstacle({ ignoresBackoff: false, isQuiet: true }).pipe(
    // A tick would fail with it.
    Effect.catch((error) => Effect.succeed<Obstacle>({ reason: "misconfigured", text: error.message }))
  )
  if ("plan" in obstacle) return { ...nobody, reason: "waiting", text: "the next tick starts the default prompt" }
  const { reason, text, pids = [], logChangedMillis } = obstacle
  // A pause is told before anybody looks who lives.
  const blocking = reason === "paused" ? yield* whoLives : { pids, blocking: yield* Effect.forEach(pids, lookAt) }
  return { ...nobody, reason, text, logChangedMillis, ...blocking }
})

/** Whom a start from now on would stop. */
const whoLives = Effect.gen(function* () {
  const pids = yield* targetsAlive({ isQuiet: true })
  return { pids, blocking: yield* Effect.forEach(pids, lookAt) }
})

/** Where a process works and since when; of its arguments nothing. */
const lookAt = Effect.fnUntraced(function* (pid: number) {
  const table = yield* ProcessTable
  const identity = yield* table.find(pid)
  if (identity === undefined) return { pid, cwd: undefined, startedAtMillis: undefined }
  return { pid, cwd: yield* table.workingDirectory(pid), startedAtMillis: yield* table.startedAtMillis(identity) }
})

/** The first tick that is allowed to start something. */
const tickFrom = (options: {
  readonly nextTickMillis: number | undefined
  readonly notBeforeMillis: number
  readonly everyMillis: number
}): number | undefined => {
  const { nextTickMillis, notBeforeMillis, everyMillis } = options
  if (nextTickMillis === undefined) return undefined
  const missed = Math.ceil((notBeforeMillis - nextTickMillis) / everyMillis)
  return nextTickMillis + Math.max(0, missed) * everyMillis
}
