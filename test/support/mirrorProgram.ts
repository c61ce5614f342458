/** A Looper that only mirrors: every run in its log folder to its end, with a record before each batch; see `DeathPlan`. */
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { Deferred, Effect, Layer } from "effect"
import type { ReturnCode } from "../../src/domain/runLog.ts"
import { LogFolder } from "../../src/services/runs/LogFolder.ts"
import { LooperConfig } from "../../src/services/config/LooperConfig.ts"
import { MirrorRecovery } from "../../src/services/mirror/MirrorRecovery.ts"
import { type FoundSideFile, RunLogs } from "../../src/services/runs/RunLogs.ts"
import { mirrorRun } from "../../src/services/mirror/RunMirror.ts"
import { ServerLog } from "../../src/services/serverLog/ServerLog.ts"

/** How the program dies by its own hand. */
export interface DeathPlan {
  /** It makes so many writes whole, of records, intents and batches alike. */
  readonly afterWrites: number
  /** Of the next one it makes this part; of an intent all or nothing. */
  readonly part: number
  /** `exit` dies beside an asynchronous write, as `process.exit` does. */
  readonly by: "kill" | "exit"
  /** A write takes no more bytes than this. */
  readonly maxWriteBytes: number
}

/** A record, always the same one, so that a part of it can be told from output. */
export const record = "2026-02-13 10:11:12,345 INFO looper tick\n"

type Write = (fd: number, data: Buffer, offset: number, length: number, position: null, done: () => void) => void
type WriteSync = (fd: number, data: string | Uint8Array, ...rest: ReadonlyArray<unknown>) => number

const die = (): never => {
  process.kill(process.pid, "SIGKILL")
  for (;;);
}

const carryOut = ({ afterWrites, part, by, maxWriteBytes }: DeathPlan): void => {
  let writes = 0
  const write = fs.write as unknown as Write
  const writeSync = fs.writeSync as unknown as WriteSync
  const isLast = () => writes++ >= afterWrites
  const partOf = (length: number) => Math.min(maxWriteBytes, Math.floor(part * length))
  const dyingWriteSync: WriteSync = (fd, data, ...rest) => {
    const isDying = isLast() && by === "kill"
    if (typeof data === "string") {
      if (!isDying || part >= 0.5) writeSync(fd, data, ...rest)
      return isDying ? die() : data.length
    }
    if (!isDying) return writeSync(fd, data.subarray(0, maxWriteBytes))
    writeSync(fd, data.subarray(0, partOf(data.length)))
    return die()
  }
  const dyingWrite: Write = (fd, data, offset, length, position, done) => {
    if (!isLast()) return write(fd, data, offset, Math.min(length, maxWriteBytes), position, done)
    if (by === "exit") {
      write(fd, data, offset, length, position, done)
      process.exit(3)
    }
    writeSync(fd, data.subarray(offset, offset + partOf(length)))
    return die()
  }
  Object.assign(fs, { write: dyingWrite, writeSync: dyingWriteSync })
  syncBuiltinESMExports()
}

const mirrorToItsEnd = Effect.fnUntraced(function* (found: FoundSideFile) {
  const runLogs = yield* RunLogs
  const { append, ...others } = yield* ServerLog
  const log = yield* runLogs.open(found)
  const ending = { code: Deferred.makeUnsafe<ReturnCode>(), trailerWritten: Deferred.makeUnsafe<void>() }
  const watch = Effect.gen(function* () {
    for (;;) {
      const side = yield* runLogs.readSide(log.sidePath)
      if (side?.returnCode !== undefined) yield* Deferred.succeed(ending.code, side.returnCode)
      if (side?.hasTrailer) return yield* Deferred.succeed(ending.trailerWritten, undefined)
      yield* Effect.sleep(5)
    }
  })
  const serverLog = ServerLog.of({
    ...others,
    append: (lines, options) =>
      Effect.suspend(() => {
        others.record(record)
        setImmediate(() => others.record(record))
        return append(lines, options)
      })
  })
  const mirror = Effect.scoped(mirrorRun({ log, ending, runLogs, serverLog }))
  yield* Effect.all([watch, mirror], { concurrency: "unbounded" })
  yield* runLogs.removeState(log.path)
})

const main = Effect.gen(function* () {
  const serverLog = yield* ServerLog
  process.on("SIGHUP", () => Effect.runSync(serverLog.reopen))
  process.send?.("ready")
  const runs = yield* (yield* RunLogs).sideFiles
  yield* Effect.forEach(runs, mirrorToItsEnd, { concurrency: "unbounded", discard: true })
})

if (process.argv[1] === import.meta.filename) {
  const [root = "", plan = "null", format] = process.argv.slice(2)
  const deathPlan: DeathPlan | null = JSON.parse(plan)
  if (deathPlan !== null) carryOut(deathPlan)
  const layer = RunLogs.layerNoDeps.pipe(
    Layer.provideMerge(ServerLog.layerWith({ isCopiedToStdout: false })),
    Layer.provide(MirrorRecovery.layerNoDeps),
    Layer.provide(LogFolder.layerNoDeps),
    Layer.provide(LooperConfig.layer({ root, environment: { LOOPER_LOG_FORMAT: format } }))
  )
  await Effect.runPromise(Effect.provide(main, layer))
  process.exit(0)
}
