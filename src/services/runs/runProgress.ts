/** What a live run is up to: when it wrote last, and what its limits leave it. */
import { Clock, Effect } from "effect"
import type { RunProgress } from "../../domain/status.ts"
import type { LooperConfig } from "../config/LooperConfig.ts"
import { limitsLeft } from "./runLimits.ts"
import { RunLogs } from "./RunLogs.ts"
import type { TrackedRun } from "./TrackedRun.ts"

/** A look at its log and at how its limits are watched; changes nothing. */
export const progressOf = Effect.fnUntraced(function* ({
  log,
  identity,
  watch
}: TrackedRun): Effect.fn.Return<RunProgress, never, LooperConfig | RunLogs> {
  const runLogs = yield* RunLogs
  const { startedAtMillis } = identity
  const hasOutput = ((yield* runLogs.sizeOf(log)) ?? 0) > log.headerBytes
  const lastOutputMillis = hasOutput ? yield* runLogs.changedMillis(log) : undefined
  const now = yield* Clock.currentTimeMillis
  const limits = (yield* limitsLeft({ watch, startedAtMillis })).map(({ limit, value, leftMillis }) => ({
    limit,
    value,
    atMillis: leftMillis === undefined ? undefined : Math.round(now + Math.max(0, leftMillis))
  }))
  return { lastOutputMillis: lastOutputMillis === undefined ? undefined : Math.floor(lastOutputMillis), limits }
})
