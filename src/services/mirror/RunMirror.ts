/** Copies what a run writes from its log to the server log, line by line, while it runs. */
import { constants, fstatSync, readSync } from "node:fs"
import * as fs from "node:fs/promises"
import { Deferred, Effect, type Scope } from "effect"
import { heldBack, mayHoldTrailer } from "../../domain/heldBack.ts"
import { type ReturnCode, runLogTrailer } from "../../domain/runLog.ts"
import { makeMirrorBatches, startingPosition } from "./mirrorBatches.ts"
import { type RunLog, type RunLogs, untilDescriptors } from "../runs/RunLogs.ts"
import { sourceOf } from "../runs/runLogSource.ts"
import type { ServerLog } from "../serverLog/ServerLog.ts"
import { monotonicMillis } from "../Shutdown.ts"

/** Together with what is kept of a cut line less than the longest line: a larger block is cleaned line by line. */
const bufferBytes = 512 * 1024
/** Of as much, the line that is cut is read again: less work than to join it to its rest. */
const wholeLinesFrom = bufferBytes / 2
const shortestPauseMillis = 5
const longestPauseMillis = 100
/**
 * Behind each whole buffer the mirror rests so many times as long as that took, as long as the run lives.
 *
 * **Details** A run that floods the log needs the processors itself; what is mirrored late is in the file. It leaves
 * about 100 MB a second, and after the run all that the machine gives.
 */
const restFactor = 3
/** Where a slow disk is what takes long, resting gives the run nothing. */
const longestRestMillis = 10
const newline = 0x0a

/** How a run ends, as far as its mirror must know. */
export interface RunEnding {
  /** The true return code; from here on a trailer in the log may be Looper's. */
  readonly code: Deferred.Deferred<ReturnCode>
  /** The trailer stands in the log. */
  readonly trailerWritten: Deferred.Deferred<void>
}

/**
 * Mirrors one run from where its journal says, or from its header, to its trailer; succeeds when all of it is in the
 * server log.
 *
 * **Details** Polls: watching a file costs more just when it is written fast. The log stays open, so that
 * deleting it ends nothing; one that was deleted before is read through its codex. Text that looks like a trailer is
 * output as long as the side file holds no code, because the supervisor writes the code before its trailer.
 * What each batch is stands in the journal before it is written: the next Looper goes on behind it and knows what it
 * lacks, however this one ends.
 */
export const mirrorRun = Effect.fnUntraced(function* (options: {
  readonly log: RunLog
  readonly ending: RunEnding
  readonly runLogs: RunLogs["Service"]
  readonly serverLog: Pick<ServerLog["Service"], "append" | "format">
  /** Its mirror has begun, wherever its journal is. */
  readonly isAdopted?: boolean
  /** The run's codex, where an earlier Looper started it. */
  readonly codexPid?: number
}): Effect.fn.Return<void, never, Scope.Scope> {
  const { log, ending, runLogs, serverLog } = options
  const handle = yield* openLog(sourceOf(log.path, options.codexPid))
  if (handle === undefined) return
  // Lines go from here to the server log where nothing must change.
  const buffer = Buffer.allocUnsafeSlow(bufferBytes)
  let position = yield* startingPosition(handle, { logPath: log.path, isBegun: options.isAdopted === true })
  let isLineStart = true
  let pauseMillis = shortestPauseMillis
  const batches = yield* makeMirrorBatches({ logPath: log.path, position, serverLog })

  const read = (limit: number) =>
    Effect.sync(() => buffer.subarray(0, readSync(handle.fd, buffer, 0, Math.min(bufferBytes, limit), position))).pipe(
      Effect.catchCause((cause) => Effect.as(Effect.logWarning("codex.exec.mirror.fail", cause), Buffer.alloc(0)))
    )
  const take = Effect.fnUntraced(function* (chunk: Buffer) {
    if (chunk.length === 0) return
    const taken = chunk.length < wholeLinesFrom ? chunk : wholeLines(chunk)
    position += taken.length
    isLineStart = taken.at(-1) === newline
    yield* batches.take(taken)
  })
  const isEnding = Effect.gen(function* () {
    if (yield* Deferred.isDone(ending.code)) return true
    const side = yield* runLogs.readSide(log.sidePath)
    // Without a side file a look-alike waits like the true one, until the code is known.
    return side === undefined || side.returnCode !== undefined
  })

  for (;;) {
    const hasEnded = yield* Deferred.isDone(ending.trailerWritten)
    const lookedAtMillis = yield* monotonicMillis
    const chunk = yield* read(bufferBytes)
    if (mayHoldTrailer(chunk, isLineStart) && (yield* isEnding)) break
    const given = chunk.subarray(0, chunk.length - heldBack(chunk, isLineStart))
    yield* take(given)
    if (hasEnded && given.length === 0) break
    const isBehind = chunk.length === bufferBytes
    if (isBehind && hasEnded) continue
    if (chunk.length === 0 && fstatSync(handle.fd).size < position) {
      yield* Effect.logWarning("codex.exec.mirror.truncated").pipe(Effect.annotateLogs({ path: log.path }))
      yield* batches.restart
      position = 0
      isLineStart = true
    }
    pauseMillis = given.length > 0 ? shortestPauseMillis : Math.min(pauseMillis * 2, longestPauseMillis)
    const tookMillis = (yield* monotonicMillis) - lookedAtMillis
    const napMillis = isBehind ? Math.min(restFactor * tookMillis, longestRestMillis) : pauseMillis
    yield* Effect.raceFirst(Effect.sleep(napMillis), Deferred.await(ending.trailerWritten))
  }

  yield* Deferred.await(ending.trailerWritten)
  const end = yield* trailerOffset(handle, {
    from: Math.max(position - 1, 0),
    code: yield* Deferred.await(ending.code),
    buffer
  })
  while (position < end) {
    const chunk = yield* read(end - position)
    if (chunk.length === 0) break
    yield* take(chunk)
  }
  yield* batches.end
})

/** The chunk's whole lines; all of it where there is none. */
const wholeLines = (chunk: Buffer): Buffer => chunk.subarray(0, chunk.lastIndexOf(newline) + 1 || chunk.length)

const openLog = (path: string): Effect.Effect<fs.FileHandle | undefined, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({ try: () => fs.open(path, constants.O_RDONLY), catch: (error) => error }).pipe(
      Effect.retry(untilDescriptors),
      Effect.catch((error) =>
        Effect.as(
          Effect.logWarning("codex.exec.mirror.fail").pipe(Effect.annotateLogs({ reason: String(error) })),
          undefined
        )
      )
    ),
    (handle) => Effect.promise(async () => handle?.close())
  )

/** Where the true trailer begins: its last occurrence, because what a leftover process writes may follow it. */
const trailerOffset = (
  handle: fs.FileHandle,
  { from, code, buffer }: { readonly from: number; readonly code: ReturnCode; readonly buffer: Buffer }
): Effect.Effect<number> =>
  Effect.promise(async () => {
    const trailer = Buffer.from(runLogTrailer(code))
    const { size } = await handle.stat()
    let found = size
    for (let position = from; position < size; position += buffer.length - trailer.length) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
      const index = buffer.subarray(0, bytesRead).lastIndexOf(trailer)
      if (index >= 0) found = position + index
      if (bytesRead === 0) break
    }
    return found
  })
