/** The files of the log folder: run logs, their side files and their mirrors' journals. */
import {
  appendFileSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  writeFileSync
} from "node:fs"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { Context, Effect, Layer, Schedule } from "effect"
import { RunLogUnwritable } from "../../domain/errors.ts"
import { encodeIntent, positionAt } from "../../domain/mirrorIntent.ts"
import type { RequestId } from "../../domain/RequestId.ts"
import {
  isUnfinishedJournal,
  journalOf,
  logOfJournal,
  logOfSideFile,
  parseSideFile,
  type ReturnCode,
  type RunIdentity,
  requestIdOfRunLog,
  runLogHeader,
  runLogName,
  runLogTrailer,
  type SideFile,
  sideFileIdentity,
  sideFileOf,
  sideFileStart,
  trailerCode
} from "../../domain/runLog.ts"
import { LooperConfig } from "../config/LooperConfig.ts"
import { LogFolder } from "./LogFolder.ts"
import { headerBytesOf } from "./runLogSource.ts"

/** One run's files, created or found. */
export interface RunLog {
  readonly requestId: RequestId
  readonly path: string
  readonly sidePath: string
  readonly headerBytes: number
}

/** A side file that was found in the log folder. */
export interface FoundSideFile {
  readonly requestId: RequestId
  readonly logPath: string
  readonly sidePath: string
  readonly side: SideFile
}

/** Run logs with their side files and journals: creates, finds, reads and completes them. */
export class RunLogs extends Context.Service<
  RunLogs,
  {
    /**
     * Creates a run's log with its header, its mirror's journal, and its side file.
     *
     * **Details** The side file comes first: a Looper that is killed in between leaves what the next one removes.
     *
     * **Errors** `RunLogUnwritable`: none of them is left.
     */
    readonly create: (run: {
      readonly requestId: RequestId
      readonly workspace: string
      readonly command: string
    }) => Effect.Effect<RunLog, RunLogUnwritable>
    /** The log of a run that an earlier Looper created. */
    readonly open: (found: Omit<FoundSideFile, "side">) => Effect.Effect<RunLog>
    readonly remove: (log: RunLog) => Effect.Effect<void>
    /** Forgets a run whose end is recorded and whose mirror is complete: its side file and its mirror's journal go. */
    readonly removeState: (logPath: string) => Effect.Effect<void>
    /** Has a log of this run been in the folder since Looper started, or before? */
    readonly has: (requestId: string) => boolean
    /** Milliseconds since the epoch at which a run log changed last. */
    readonly newestChangeMillis: Effect.Effect<number | undefined>
    /** The last `maxBytes` bytes of what a run wrote, its header with the prompt not; empty when it cannot be read. */
    readonly tail: (log: RunLog, maxBytes: number) => Effect.Effect<Buffer>
    readonly writeIdentity: (log: RunLog, identity: RunIdentity) => Effect.Effect<void, RunLogUnwritable>
    /** The code that a run's supervisor wrote: into the side file or, where somebody deleted that, as the log's end. */
    readonly codeOf: (log: RunLog) => Effect.Effect<ReturnCode | undefined>
    /** Removes journals that a killed Looper left of runs other than these: they have no side file any more. */
    readonly tidy: (requestIds: ReadonlySet<string>) => Effect.Effect<void>
    readonly readSide: (sidePath: string) => Effect.Effect<SideFile | undefined>
    /** The side files that were found: runs whose end is not recorded yet. */
    readonly sideFiles: Effect.Effect<ReadonlyArray<FoundSideFile>>
    /** Writes the trailer unless the log ends in it already; false where it cannot, on a full disk. */
    readonly ensureTrailer: (logPath: string, code: ReturnCode) => Effect.Effect<boolean>
    /** When something was last written to it, in milliseconds since the epoch; `undefined` where it was deleted. */
    readonly changedMillis: (log: RunLog) => Effect.Effect<number | undefined>
    /** Bytes, the header's too; `undefined` where the log was deleted. */
    readonly sizeOf: (log: Pick<RunLog, "path">) => Effect.Effect<number | undefined>
    /** In the log folder, for Looper's user; infinite where the system does not say. */
    readonly freeBytes: Effect.Effect<number>
  }
>()("looper/services/runs/RunLogs") {
  static readonly layerNoDeps = Layer.effect(
    RunLogs,
    Effect.gen(function* () {
      const { logDir } = yield* LooperConfig
      const makeFolder = ioNow(() => mkdirSync(logDir, { recursive: true, mode: 0o700 })).pipe(
        Effect.mapError((reason) => new RunLogUnwritable({ path: logDir, reason }))
      )
      yield* makeFolder
      const found = yield* LogFolder
      /** Of this Looper's runs. */
      const ids = new Set<string>()

      const create = Effect.fn("RunLogs.create")(function* (run: {
        readonly requestId: RequestId
        readonly workspace: string
        readonly command: string
      }) {
        const logPath = path.join(logDir, runLogName({ requestId: run.requestId, startedAt: new Date() }))
        const sidePath = sideFileOf(logPath)
        const header = runLogHeader(run)
        const write = (file: string, text: string) =>
          ioNow(() => createFile(file, text)).pipe(
            Effect.mapError((reason) => new RunLogUnwritable({ path: logPath, reason }))
          )
        const headerBytes = Buffer.byteLength(header)
        // Somebody may have deleted the folder.
        yield* makeFolder
        yield* write(sidePath, sideFileStart)
        yield* write(logPath, header).pipe(Effect.onError(() => discard(sidePath)))
        yield* write(journalOf(logPath), encodeIntent(positionAt(headerBytes))).pipe(
          Effect.onError(() => Effect.andThen(discard(logPath), discard(sidePath)))
        )
        ids.add(run.requestId)
        return { requestId: run.requestId, path: logPath, sidePath, headerBytes }
      })

      return RunLogs.of({
        create,
        open: ({ requestId, logPath, sidePath }) =>
          Effect.map(headerBytesAt(logPath), (headerBytes) => ({ requestId, path: logPath, sidePath, headerBytes })),
        remove: (log) => Effect.andThen(discard(log.path), removeState(log.path)),
        removeState,
        has: (requestId) => ids.has(requestId) || found.ids.has(requestId),
        newestChangeMillis: io(() => fs.readdir(logDir)).pipe(
          Effect.orElseSucceed((): Array<string> => []),
          Effect.map((all) => all.filter((name) => requestIdOfRunLog(name) !== undefined)),
          Effect.flatMap((logs) => Effect.forEach(logs, (name) => changedMillis(path.join(logDir, name)))),
          Effect.map((times) => (times.length === 0 ? undefined : Math.max(...times)))
        ),
        tail: (log, maxBytes) => readTail(log.path, maxBytes, log.headerBytes),
        writeIdentity: (log, identity) =>
          ioNow(() => appendFileSync(log.sidePath, sideFileIdentity(identity))).pipe(
            Effect.mapError((reason) => new RunLogUnwritable({ path: log.sidePath, reason }))
          ),
        readSide,
        codeOf: Effect.fnUntraced(function* (log) {
          const side = yield* readSide(log.sidePath)
          return side === undefined ? trailerCode((yield* readTail(log.path, 64)).toString("latin1")) : side.returnCode
        }),
        tidy: Effect.fnUntraced(function* (requestIds) {
          for (const name of found.journals) {
            const logName = logOfJournal(name)
            const isLeftOver =
              logName !== undefined &&
              !requestIds.has(requestIdOfRunLog(logName) ?? "") &&
              !existsSync(path.join(logDir, sideFileOf(logName)))
            if (isLeftOver || isUnfinishedJournal(name)) yield* discard(path.join(logDir, name))
          }
        }),
        sideFiles: Effect.gen(function* () {
          const sideFiles: Array<FoundSideFile> = []
          for (const name of found.sideFiles) {
            const logPath = path.join(logDir, logOfSideFile(name) ?? "")
            const requestId = requestIdOfRunLog(path.basename(logPath))
            const side = requestId === undefined ? undefined : yield* readSide(path.join(logDir, name))
            if (requestId === undefined || side === undefined) continue
            sideFiles.push({ requestId, logPath, sidePath: path.join(logDir, name), side })
          }
          return sideFiles
        }),
        ensureTrailer: (logPath, code) => ensureTrailer(logPath, runLogTrailer(code)),
        changedMillis: (log) => Effect.map(changedMillis(log.path), (millis) => (millis === 0 ? undefined : millis)),
        sizeOf: (log) =>
          io(() => fs.stat(log.path)).pipe(
            Effect.map(({ size }) => size),
            Effect.orElseSucceed(() => undefined)
          ),
        freeBytes: ioNow(() => statfsSync(logDir)).pipe(
          Effect.map(({ bavail, bsize }) => bavail * bsize),
          Effect.orElseSucceed(() => Number.POSITIVE_INFINITY)
        )
      })
    })
  )
}

/** For what must not pass for missing. */
export const untilDescriptors = {
  while: (error: unknown) => /^(?:EMFILE|ENFILE)$/.test((error as NodeJS.ErrnoException).code ?? ""),
  schedule: Schedule.spaced("100 millis")
}

const readSide = (sidePath: string) =>
  Effect.tryPromise({ try: () => fs.readFile(sidePath, "utf8"), catch: (error) => error }).pipe(
    Effect.retry(untilDescriptors),
    Effect.map(parseSideFile),
    Effect.orElseSucceed(() => undefined)
  )

/** A file operation whose failure is the system's own short word for it. */
const io = <A>(operation: () => Promise<A>): Effect.Effect<A, string> =>
  Effect.tryPromise({ try: operation, catch: (error) => (error as Error).message })

/** The same at once, for what costs less than its way through Node's thread pool: 0.03 ms instead of 0.3. */
const ioNow = <A>(operation: () => A): Effect.Effect<A, string> =>
  Effect.try({ try: operation, catch: (error) => (error as Error).message })

/** One that is there already is another run's, and stays; one that cannot be filled goes again. */
const createFile = (file: string, text: string): void => {
  const fd = openSync(file, "ax", 0o600)
  try {
    writeFileSync(fd, text)
  } catch (error) {
    rmSync(file, { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
}

const discard = (file: string): Effect.Effect<void> => ioNow(() => rmSync(file, { force: true })).pipe(Effect.ignore)

const removeState = (logPath: string) => Effect.andThen(discard(sideFileOf(logPath)), discard(journalOf(logPath)))

const changedMillis = (file: string): Effect.Effect<number> =>
  io(() => fs.stat(file)).pipe(
    Effect.map((stat) => stat.mtimeMs),
    Effect.orElseSucceed(() => 0)
  )

const readTail = (logPath: string, maxBytes: number, from = 0): Effect.Effect<Buffer> =>
  io(async () => {
    await using handle = await fs.open(logPath, constants.O_RDONLY)
    const { size } = await handle.stat()
    const length = Math.max(0, Math.min(size - from, maxBytes))
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length)
    return buffer.subarray(0, bytesRead)
  }).pipe(Effect.orElseSucceed(() => Buffer.alloc(0)))

/** 0 where it cannot be read. */
const headerBytesAt = (logPath: string): Effect.Effect<number> =>
  io(async () => {
    await using handle = await fs.open(logPath, constants.O_RDONLY)
    return await headerBytesOf(handle)
  }).pipe(Effect.orElseSucceed(() => 0))

const ensureTrailer = (logPath: string, trailer: string): Effect.Effect<boolean> =>
  readTail(logPath, Buffer.byteLength(trailer)).pipe(
    Effect.flatMap((end) => (end.equals(Buffer.from(trailer)) ? Effect.void : append(logPath, trailer))),
    Effect.as(true),
    Effect.catch((reason) =>
      Effect.logWarning("codex.exec.trailer.fail").pipe(
        Effect.annotateLogs({ path: logPath, reason }),
        Effect.as(!existsSync(logPath))
      )
    )
  )

/** Never creates the file: a log that was deleted stays deleted. */
const append = (file: string, text: string): Effect.Effect<void, string> =>
  io(() => fs.writeFile(file, text, { flag: constants.O_WRONLY | constants.O_APPEND }))
