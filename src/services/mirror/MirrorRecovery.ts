/** Finds, at start, the batch of mirrored lines that an earlier Looper did not finish. */
import { accessSync, closeSync, constants, openSync, readFileSync, readSync, statSync } from "node:fs"
import * as path from "node:path"
import { Context, Effect, Layer } from "effect"
import { type MirrorIntent, positionAt } from "../../domain/mirrorIntent.ts"
import { makeMirrorText } from "../../domain/mirrorText.ts"
import { logOfJournal, parseSideFile, sideFileOf } from "../../domain/runLog.ts"
import type { LeftBatch } from "../serverLog/LogFile.ts"
import { LooperConfig } from "../config/LooperConfig.ts"
import { readJournal, storeIntent } from "./MirrorJournal.ts"
import { LogFolder, namesIn } from "../runs/LogFolder.ts"
import { sourceOf } from "../runs/runLogSource.ts"

const sliceBytes = 256 * 1024

/** A batch of which nobody can tell how much is in the server log; all of it counts as written. */
export interface DoubtfulBatch {
  readonly logPath: string
  readonly from: number
  readonly to: number
  readonly reason: string
}

/** What is left of an interrupted batch; found once, when the layer is built. */
export class MirrorRecovery extends Context.Service<
  MirrorRecovery,
  {
    /** What the server log must be given before anything else. */
    readonly left: LeftBatch | undefined
    readonly doubts: ReadonlyArray<DoubtfulBatch>
  }
>()("looper/services/mirror/MirrorRecovery") {
  /**
   * Compares each run's journal with the server log; built under the folder's lock and before the server log.
   *
   * **Details** What the server log has grown by since the intent was stored is the part of the batch that is in it:
   * one writer, one batch at a time, so at most one is unfinished. The batch's text is made anew from the run log,
   * and what is in the server log must be its beginning. Where it is not, or either file was deleted or cut meanwhile,
   * the batch counts as written: a server log that somebody emptied was most likely emptied after it. The run log
   * still has every line. A server log that was moved is found by its inode in the same folder, and gets the rest of
   * the line it ends in.
   */
  static readonly layerNoDeps = Layer.effect(
    MirrorRecovery,
    Effect.gen(function* () {
      const { logDir, serverLogPath } = yield* LooperConfig
      const { journals } = yield* LogFolder
      return yield* Effect.sync(() => recover({ logDir, serverLogPath, journals }))
    })
  )

  /** Says what is in doubt, once logging is there. */
  static readonly layerWarnings = Layer.effectDiscard(
    Effect.gen(function* () {
      for (const { logPath, from, to, reason } of (yield* MirrorRecovery).doubts) {
        yield* Effect.logWarning("codex.exec.mirror.doubt").pipe(
          Effect.annotateLogs({ path: logPath, from, to, reason })
        )
      }
    })
  )
}

const recover = (options: {
  readonly logDir: string
  readonly serverLogPath: string
  /** Names. */
  readonly journals: ReadonlyArray<string>
}): MirrorRecovery["Service"] => {
  const { logDir, serverLogPath, journals } = options
  const doubts: Array<DoubtfulBatch> = []
  let left: LeftBatch | undefined
  for (const name of journals) {
    const logName = logOfJournal(name)
    if (logName === undefined) continue
    const journalPath = path.join(logDir, name)
    const intent = readJournal(journalPath)
    // What a damaged journal means is decided where the mirror goes on.
    if (intent === "missing" || intent === "damaged") continue
    const logPath = path.join(logDir, logName)
    // In place: its mirror may have it open by the time it changes.
    const store = (changed: MirrorIntent) => storeIntent(journalPath, changed)
    try {
      const found = leftOf({ intent, logPath, serverLogPath, store })
      left ??= found
    } catch (error) {
      doubts.push({ logPath, from: intent.from, to: intent.to, reason: (error as Error).message })
      store(positionAt(intent.to))
    }
  }
  return { left, doubts }
}

/** What a batch lacks in the server log; throws where that cannot be told. */
const leftOf = (options: {
  readonly intent: MirrorIntent
  readonly logPath: string
  readonly serverLogPath: string
  readonly store: (intent: MirrorIntent) => void
}): LeftBatch | undefined => {
  const { intent, logPath, serverLogPath, store } = options
  if (intent.textBytes === intent.skip) return undefined
  const filePath = findInode(serverLogPath, intent.inode)
  if (filePath === undefined) throw new Error("the server log that it was written to is gone")
  const { size } = statSync(filePath)
  if (size < intent.size) throw new Error("the server log was truncated")
  const written = size - intent.size
  const offset = intent.skip + written
  if (offset >= intent.textBytes) return undefined
  const text = textOf(intent, logPath)
  if (text.length !== intent.textBytes) throw new Error("the run log was changed")
  const found = readRange(filePath, intent.size, size)
  if (!found.equals(text.subarray(intent.skip, offset))) throw new Error("the server log was changed")
  accessSync(filePath, constants.W_OK)
  const onBegin: LeftBatch["onBegin"] = (place) => store({ ...intent, ...place })
  return { text, offset, filePath, isPlaced: written > 0, onBegin }
}

/** The server log, or the file beside it that was it. */
const findInode = (serverLogPath: string, inode: number): string | undefined => {
  const folder = path.dirname(serverLogPath)
  const isIt = (file: string) => {
    const stat = statSync(file, { throwIfNoEntry: false })
    return stat?.ino === inode && stat.isFile()
  }
  return [serverLogPath, ...Array.from(namesIn(folder), (name) => path.join(folder, name))].find(isIt)
}

/** A batch's text, from the same bytes and in the same form as the first time. */
const textOf = ({ from, to, format }: MirrorIntent, logPath: string): Buffer => {
  const text = makeMirrorText({ logPath, format })
  const lines: Array<Uint8Array> = []
  const side = parseSideFile(readFileSync(sideFileOf(logPath), "utf8"))
  readSlices(sourceOf(logPath, side.identity?.codex.pid), from, to, (slice) =>
    lines.push(Buffer.from(text.push(slice)))
  )
  return Buffer.concat([...lines, text.end()])
}

const readRange = (file: string, from: number, to: number): Buffer => {
  const slices: Array<Buffer> = []
  readSlices(file, from, to, (slice) => slices.push(Buffer.from(slice)))
  return Buffer.concat(slices)
}

/** Fewer bytes where the file has fewer. */
const readSlices = (file: string, from: number, to: number, onSlice: (slice: Buffer) => void): void => {
  const fd = openSync(file, "r")
  try {
    const buffer = Buffer.allocUnsafe(sliceBytes)
    for (let position = from; position < to; ) {
      const bytesRead = readSync(fd, buffer, 0, Math.min(sliceBytes, to - position), position)
      if (bytesRead === 0) return
      onSlice(buffer.subarray(0, bytesRead))
      position += bytesRead
    }
  } finally {
    closeSync(fd)
  }
}
