/** Runs that an earlier Looper started in this log folder and did not see end. */
import { Context, Effect, Layer } from "effect"
import type { RunIdentity } from "../domain/runLog.ts"
import { ProcessTable } from "./ProcessTable.ts"
import { type FoundSideFile, RunLogs } from "./RunLogs.ts"

export class EarlierRuns extends Context.Service<
  EarlierRuns,
  {
    /** Those that still live: known by identity and boot, never by argv alone. */
    readonly live: Effect.Effect<ReadonlyArray<RunIdentity>>
    /** Writes the missing trailers of those that have ended, and drops their side files; done once at start, too. */
    readonly settle: Effect.Effect<void>
  }
>()("looper/services/EarlierRuns") {
  static readonly layerNoDeps = Layer.effect(
    EarlierRuns,
    Effect.gen(function* () {
      const table = yield* ProcessTable
      const runLogs = yield* RunLogs
      let unsettled = yield* runLogs.sideFiles

      const isAlive = Effect.fnUntraced(function* (identity: RunIdentity) {
        if (identity.bootId !== table.bootId) return false
        return (yield* table.isAlive(identity.codex)) || (yield* table.isAlive(identity.supervisor))
      })

      const close = Effect.fnUntraced(function* ({ requestId, sidePath, logPath, side }: FoundSideFile) {
        const code = side.returnCode ?? "unknown"
        if (!side.hasTrailer && !(yield* runLogs.ensureTrailer(logPath, code))) return false
        yield* runLogs.removeSide(sidePath)
        yield* Effect.logInfo("codex.exec.ended").pipe(
          Effect.annotateLogs({ request_id: requestId, return_code: code, found: "later" })
        )
        return true
      })

      const settle = Effect.gen(function* () {
        if (unsettled.length === 0) return
        const rows = yield* table.scan
        const left: Array<FoundSideFile> = []
        for (const found of unsettled) {
          // One that Looper died over before `go` has no identity, and a supervisor for some milliseconds.
          const isSupervised = rows.some((row) => row.isSupervisor && !row.isDead && row.marker === found.requestId)
          const { identity } = found.side
          const isLive = isSupervised || (identity !== undefined && (yield* isAlive(identity)))
          const side = isLive ? found.side : ((yield* runLogs.readSide(found.sidePath)) ?? found.side)
          if (isLive || !(yield* close({ ...found, side }))) left.push(found)
        }
        unsettled = left
      })
      yield* settle

      return EarlierRuns.of({
        live: Effect.suspend(() =>
          Effect.filter(
            unsettled.flatMap(({ side }) => side.identity ?? []),
            isAlive
          )
        ),
        settle
      })
    })
  )
}
