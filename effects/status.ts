/** Operation: what runs, or why nothing does and when something will. */
import { Clock, Effect } from "effect"
import type { Idle, Status } from "../src/domain/status.ts"
import { Autopoll } from "../src/services/Autopoll.ts"
import { LooperConfig } from "../src/services/config/LooperConfig.ts"
import { RunRecords } from "../src/services/records/RunRecords.ts"
import { RunLock } from "../src/services/runs/RunLock.ts"
import { RunSupervisor } from "../src/services/runs/RunSupervisor.ts"
import { StartTime } from "../src/services/StartTime.ts"
import { type AutopollTickServices, findObstacle, type Obstacle } from "./autopollTick.ts"
import { type HistoryServices, viewRun } from "./viewRun.ts"

/** Every service {@link status} needs. */
export type StatusServices = AutopollTickServices | HistoryServices | StartTime

/** Looks, and changes nothing; where nothing runs it looks at what a tick would look at. */
export const status = Effect.fn("status")(function* (): Effect.fn.Return<Status, never, StatusServices> {
  const atMillis = yield* Clock.currentTimeMillis
  const { isAutopollOn, idlePollSeconds } = yield* LooperConfig
  const autopoll = yield* Autopoll
  const records = yield* RunRecords
  const holder = (yield* RunLock).holder()
  const run = yield* liveRun
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
      failures: autopoll.failures(),
      backoffUntilMillis
    }
  }
})

const liveRun = Effect.gen(function* () {
  const records = yield* RunRecords
  const live = (yield* RunSupervisor).live().toSorted((one, other) => other.startedAtMillis - one.startedAtMillis)
  const record = live[0] && (yield* records.find(live[0].requestId))
  return record === undefined ? undefined : yield* viewRun(record)
})

const whyIdle = Effect.fnUntraced(function* (isAutopollOn: boolean): Effect.fn.Return<Idle, never, StatusServices> {
  const obstacle = yield* findObstacle({ ignoresBackoff: false, isQuiet: true }).pipe(
    // A tick would fail with it.
    Effect.catch((error) => Effect.succeed<Obstacle>({ reason: "misconfigured", text: error.message }))
  )
  if (!isAutopollOn) return { reason: "off", text: "autopoll is off: LOOPER_AUTO_START_WHEN_IDLE", pids: [] }
  if ("plan" in obstacle) return { reason: "waiting", text: "the next tick starts the default prompt", pids: [] }
  return { reason: obstacle.reason, text: obstacle.text, pids: obstacle.pids ?? [] }
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
