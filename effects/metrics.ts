/** Operation: all metrics as text, with what is true at this moment. */
import { Effect } from "effect"
import { Autopoll } from "../src/services/Autopoll.ts"
import { LooperConfig } from "../src/services/config/LooperConfig.ts"
import { Metrics } from "../src/services/metrics/Metrics.ts"
import { mirroredBytes } from "../src/services/metrics/mirroredBytes.ts"
import { readProcess } from "../src/services/metrics/processFigures.ts"
import { RunRecords } from "../src/services/records/RunRecords.ts"
import { RunLock } from "../src/services/runs/RunLock.ts"
import { RunLogFeeds } from "../src/services/runs/RunLogFeeds.ts"
import { RunLogs } from "../src/services/runs/RunLogs.ts"
import { RunSupervisor } from "../src/services/runs/RunSupervisor.ts"
import { version } from "../src/version.ts"

/** Every service {@link metrics} needs. */
export type MetricsServices = Autopoll | LooperConfig | RunLock | RunLogFeeds | RunLogs | RunRecords | RunSupervisor

/** Prometheus' text format, version 0.0.4; scans no processes and reads no database. */
export const metrics = Effect.fn("metrics")(function* (): Effect.fn.Return<string, never, MetricsServices> {
  const all = yield* Metrics
  const { isAutopollOn } = yield* LooperConfig
  const autopoll = yield* Autopoll
  const { followers, feeds, bytes } = (yield* RunLogFeeds).load()
  const live = yield* liveFigures
  yield* readProcess(all)
  all.set("buildInfo", { version }, 1)
  all.set("lockHeld", {}, (yield* RunLock).holder() === undefined ? 0 : 1)
  all.set("liveRuns", {}, live.runs)
  all.set("liveLogBytes", {}, live.logBytes)
  all.set("mirrorLag", {}, live.lagBytes)
  all.set("freeBytes", {}, yield* (yield* RunLogs).freeBytes)
  all.set("autopollOn", {}, Number(isAutopollOn))
  all.set("autopollPaused", {}, Number(autopoll.isPaused()))
  all.set("autopollFailures", {}, autopoll.failures())
  all.set("autopollBackoff", {}, (yield* autopoll.backoffMillis) / 1_000)
  all.set("followers", {}, followers)
  all.set("followedLogs", {}, feeds)
  all.set("followedBytes", {}, bytes)
  return all.text()
})

/** How many runs live, and how much their logs hold: all of it, and what is not mirrored. */
const liveFigures = Effect.gen(function* () {
  const runLogs = yield* RunLogs
  const live = new Set((yield* RunSupervisor).live().map(({ requestId }) => requestId))
  const records = (yield* (yield* RunRecords).unended).filter(({ requestId }) => live.has(requestId))
  let logBytes = 0
  let lagBytes = 0
  for (const { logPath } of records) {
    const mirrored = mirroredBytes(logPath)
    const size = (yield* runLogs.sizeOf({ path: logPath })) ?? 0
    logBytes += size
    lagBytes += Math.max(0, size - mirrored)
  }
  return { runs: live.size, logBytes, lagBytes }
})
