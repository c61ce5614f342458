/** Opens the log of a run for reading, whatever stands under its name by now. */
import { constants, readlinkSync } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import * as path from "node:path"
import { Effect, type Scope } from "effect"
import { LogGone } from "../../domain/errors.ts"
import { hasLog, type RunRecord } from "../../domain/RunRecord.ts"
import { untilDescriptors } from "./RunLogs.ts"
import { sourceOf } from "./runLogSource.ts"

/** What finds a run's log. */
export type LoggedRun = Pick<
  RunRecord,
  "requestId" | "logPath" | "isLogPruned" | "endedAtMillis" | "identity" | "logBytes"
>

/** No file of this name, a symbolic link, a socket, a folder on its way that is none. */
const missing = new Set<unknown>(["ENOENT", "ELOOP", "ENXIO", "ENOTDIR"])

/**
 * Opens it until the scope closes; one that was deleted under its live codex is read as that one's stdout.
 *
 * **Details** By its record's path alone, which no caller can choose. Neither a symbolic link is followed nor a FIFO
 * waited for.
 *
 * **Errors** `LogGone`: there is no such regular file.
 */
export const openRunLog = (run: LoggedRun): Effect.Effect<FileHandle, LogGone, Scope.Scope> => {
  const { requestId, isLogPruned } = run
  if (isLogPruned) return Effect.fail(new LogGone({ requestId, reason: "pruned" }))
  return Effect.acquireRelease(Effect.tryPromise({ try: () => openRegular(run), catch: (error) => error }), (handle) =>
    Effect.promise(async () => handle?.close())
  ).pipe(
    Effect.retry(untilDescriptors),
    Effect.catch((error) =>
      missing.has((error as NodeJS.ErrnoException).code) ? Effect.undefined : Effect.die(error)
    ),
    Effect.flatMap((handle) =>
      handle === undefined
        ? Effect.fail(new LogGone({ requestId, reason: hasLog(run) ? "lost" : "never_started" }))
        : Effect.succeed(handle)
    )
  )
}

const openRegular = async ({ logPath, endedAtMillis, identity }: LoggedRun): Promise<FileHandle | undefined> => {
  const source = sourceOf(logPath, endedAtMillis === undefined ? identity?.codex.pid : undefined)
  const isStdout = source !== logPath
  const handle = await open(source, constants.O_RDONLY | constants.O_NONBLOCK | (isStdout ? 0 : constants.O_NOFOLLOW))
  const isLog = (await handle.stat()).isFile() && (!isStdout || isDeletedLog(handle, logPath))
  if (isLog) return handle
  await handle.close()
  return undefined
}

/** Another process may have got the pid before its stdout was opened. */
const isDeletedLog = (handle: FileHandle, logPath: string): boolean =>
  path.basename(readlinkSync(`/proc/self/fd/${handle.fd}`)) === `${path.basename(logPath)} (deleted)`

/** Bytes from `start` to `end`, in one buffer of their own; fewer where the file ends before. */
export const readBetween = async (handle: FileHandle, start: number, end: number): Promise<Buffer> => {
  const buffer = Buffer.allocUnsafeSlow(end - start)
  let length = 0
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, start + length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return buffer.subarray(0, length)
}

/** In bytes, now. */
export const sizeOf = (handle: FileHandle): Effect.Effect<number> =>
  Effect.promise(async () => (await handle.stat()).size)
