/** A run as far as its log tells: for a history that lost it. */
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, type Stats } from "node:fs"
import * as path from "node:path"
import { endState, type RunState } from "../../domain/RunRecord.ts"
import type { RequestId } from "../../domain/RequestId.ts"
import { parseSideFile, type ReturnCode, type RunIdentity, sideFileOf, trailerCode } from "../../domain/runLog.ts"
import type { KnownRun } from "./runRow.ts"

/** Holds the id and the longest path, each of its bytes escaped to four. */
const headBytes = 17 * 1024
const usualHeadBytes = 512
const tailBytes = 64

/**
 * Reads a run log's two ends and its side file; `undefined` where it is no plain file or cannot be read.
 *
 * **Details** It runs where its side file knows who it is: whoever settles that one learns the end, and codex may
 * have printed what looks like a trailer. Otherwise it has ended, by the trailer that its log ends in, or was
 * interrupted. The end is the log's last change, the duration unknown.
 */
export const inferRun = (logPath: string, requestId: RequestId): KnownRun | undefined => {
  const log = readEnds(logPath)
  if (log === undefined) return undefined
  const identity = readIdentity(sideFileOf(logPath))
  const end = inferEnd(log.returnCode, identity)
  const isEnded = end.state !== "running"
  return {
    isInferred: true,
    stoppedBy: undefined,
    record: {
      requestId,
      ...end,
      operation: undefined,
      error: undefined,
      reason: undefined,
      startedAtMillis: startMillis(path.basename(logPath), log.stat),
      endedAtMillis: isEnded ? Math.round(log.stat.mtimeMs) : undefined,
      durationMillis: undefined,
      workspace: log.workspace,
      logPath,
      logBytes: isEnded ? log.stat.size : undefined,
      isLogPruned: false,
      identity
    }
  }
}

const inferEnd = (returnCode: ReturnCode | undefined, identity: RunIdentity | undefined) => {
  if (identity !== undefined) return { state: "running" as RunState, cause: undefined, returnCode: undefined }
  return { ...endState({ returnCode: returnCode ?? "unknown", stoppedBy: undefined }), returnCode }
}

const readEnds = (logPath: string) => {
  let fd: number
  try {
    fd = openSync(logPath, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) return undefined
    const tail = readAt(fd, Math.max(0, stat.size - tailBytes), tailBytes).toString("latin1")
    return { stat, workspace: readWorkspace(fd), returnCode: trailerCode(tail) }
  } catch {
    return undefined
  } finally {
    closeSync(fd)
  }
}

/** As the header shows it: control characters escaped. */
const readWorkspace = (fd: number): string => {
  for (const bytes of [usualHeadBytes, headBytes]) {
    const workspace = /^# looper_request_id=.*\n# workspace=(.*)\n/.exec(readAt(fd, 0, bytes).toString())?.[1]
    if (workspace !== undefined) return workspace
  }
  return ""
}

const readAt = (fd: number, position: number, length: number): Buffer => {
  const buffer = Buffer.allocUnsafe(length)
  return buffer.subarray(0, readSync(fd, buffer, 0, length, position))
}

const readIdentity = (sidePath: string): RunIdentity | undefined => {
  try {
    return parseSideFile(readFileSync(sidePath, "utf8")).identity
  } catch {
    return undefined
  }
}

const quarterHourMillis = 900_000
const coarseMillis = 20

/**
 * The log's start: its file's birth if that agrees with the name but for a time zone, which is a multiple of a
 * quarter of an hour; otherwise, for a file that was copied here, the name's local time. Never after its last change.
 */
const startMillis = (name: string, { birthtimeMs, mtimeMs }: Stats): number => {
  const [, year, month, day, hour, minute, second] =
    /^codex-exec-(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-/.exec(name)?.map(Number) ?? []
  const named = new Date(year ?? 1970, (month ?? 1) - 1, day, hour, minute, second).getTime()
  const later = birthtimeMs - named
  // The kernel's clock for files lags some milliseconds behind.
  const past = (later + coarseMillis + 26 * 4 * quarterHourMillis) % quarterHourMillis
  const isBirthRight = Math.abs(later) < 26 * 4 * quarterHourMillis && past < 2_000
  return Math.round(Math.min(isBirthRight ? birthtimeMs : named, mtimeMs))
}
