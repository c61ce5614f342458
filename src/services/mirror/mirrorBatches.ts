/** What a mirror takes from a run log as batches: their lines for the server log, their intents for the journal. */
import type { FileHandle } from "node:fs/promises"
import { Effect, type Scope } from "effect"
import { positionAt } from "../../domain/mirrorIntent.ts"
import { makeMirrorText } from "../../domain/mirrorText.ts"
import { journalOf } from "../../domain/runLog.ts"
import { MirrorJournal, readJournal, replaceJournal } from "./MirrorJournal.ts"
import { headerBytesOf, lastLineEnd } from "../runs/runLogSource.ts"
import type { ServerLog } from "../serverLog/ServerLog.ts"

/** The way of one run's output to the server log. */
export interface MirrorBatches {
  /** Takes the next raw bytes and appends the lines complete by now. */
  readonly take: (chunk: Buffer) => Effect.Effect<void>
  /** Gives the unfinished line and goes on at the log's beginning. */
  readonly restart: Effect.Effect<void>
  /** Gives the unfinished line and waits until all is in the server log. */
  readonly end: Effect.Effect<void>
}

/**
 * Where a mirror begins: behind the last batch, or where there is no journal behind the header; a journal is there
 * afterwards.
 *
 * **Details** Behind the last whole line where the journal is damaged, or lost since the mirror began: a gap that is
 * named, in what the run log still has, is better than all of a long run once more.
 */
export const startingPosition = Effect.fnUntraced(function* (
  handle: FileHandle,
  { logPath, isBegun }: { readonly logPath: string; readonly isBegun: boolean }
) {
  const file = journalOf(logPath)
  const stored = readJournal(file)
  if (typeof stored !== "string") return stored.to
  const isLost = stored === "damaged" || isBegun
  const position = yield* Effect.promise(() => (isLost ? lastLineEnd(handle) : headerBytesOf(handle)))
  if (isLost) {
    yield* Effect.logWarning("codex.exec.mirror.position_lost").pipe(
      Effect.annotateLogs({ path: logPath, goes_on_at: position })
    )
  }
  yield* Effect.try(() => replaceJournal(file, positionAt(position))).pipe(
    Effect.catch((error) => warnUnstored(logPath, String(error.cause)))
  )
  return position
})

/**
 * Makes the batches of one run, from a position at which a line begins.
 *
 * **Details** An intent covers whole lines of the run log, whatever was read beyond them: their text can be made again.
 */
export const makeMirrorBatches = Effect.fnUntraced(function* (options: {
  readonly logPath: string
  readonly position: number
  readonly serverLog: Pick<ServerLog["Service"], "append" | "format">
}): Effect.fn.Return<MirrorBatches, never, Scope.Scope> {
  const { logPath, serverLog } = options
  const journal = yield* openJournal(logPath)
  const { format } = serverLog
  const text = makeMirrorText({ logPath, format })
  let taken = options.position
  let given = options.position
  let failure: string | undefined

  const give = Effect.fnUntraced(function* (lines: Uint8Array) {
    const from = given
    const to = taken - text.pendingBytes
    given = to
    yield* serverLog.append(lines, {
      onBegin: (place) => journal?.store({ from, to, textBytes: lines.length, format, ...place })
    })
    if (journal?.failure === undefined || journal.failure === failure) return
    failure = journal.failure
    yield* warnUnstored(logPath, failure)
  })
  const end = Effect.suspend(() => give(text.end()))

  return {
    take: (chunk) =>
      Effect.suspend(() => {
        taken += chunk.length
        const lines = text.push(chunk)
        return lines.length === 0 ? Effect.void : give(lines)
      }),
    restart: Effect.andThen(
      end,
      Effect.sync(() => {
        taken = 0
        given = 0
      })
    ),
    end
  }
})

const openJournal = (logPath: string): Effect.Effect<MirrorJournal | undefined, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try(() => new MirrorJournal(journalOf(logPath))).pipe(
      Effect.catch((error) => Effect.as(warnUnstored(logPath, String(error.cause)), undefined))
    ),
    (journal) => Effect.sync(() => journal?.close())
  )

/** A crash would repeat what is mirrored from here on. */
const warnUnstored = (logPath: string, reason: string): Effect.Effect<void> =>
  Effect.logWarning("codex.exec.mirror.unstored").pipe(Effect.annotateLogs({ path: logPath, reason }))
