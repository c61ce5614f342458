/** One Looper a log folder: a second one is refused at start and told who the first is. */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Context, Effect, Layer, Schema } from "effect"
import { LooperConfig } from "./config/LooperConfig.ts"

/** Another Looper holds the log folder. */
export class FolderLocked extends Schema.TaggedError<FolderLocked>()("FolderLocked", {
  logDir: Schema.String,
  holder: Schema.String
}) {
  override get message(): string {
    return `log folder ${this.logDir} is in use by another Looper: ${this.holder}`
  }
}

/** The log folder or its lock file cannot be written. */
export class FolderUnusable extends Schema.TaggedError<FolderUnusable>()("FolderUnusable", {
  logDir: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `log folder ${this.logDir} (CODEX_EXEC_LOG_DIR) cannot be used: ${this.reason}`
  }
}

/** The lock on the log folder, held as long as the service lives. */
export class FolderLock extends Context.Service<
  FolderLock,
  {
    /** Tells a Looper that comes second where this one listens. */
    readonly announce: (url: string) => void
  }
>()("looper/services/FolderLock") {
  /**
   * Holds an exclusive SQLite transaction for the layer's life: the kernel drops it however Looper ends.
   *
   * **Details** Nothing else may open `looper.lock` in this process: closing any descriptor of it would drop
   * the lock (fcntl(2), "Advisory record locking"). Who holds it stands in a file of its own.
   *
   * **Errors** `FolderLocked`, `FolderUnusable`: Looper does not start; the folder's runs and logs are untouched.
   */
  static readonly layerNoDeps = Layer.effect(
    FolderLock,
    Effect.gen(function* () {
      const { logDir } = yield* LooperConfig
      const holderFile = path.join(logDir, "looper.holder")
      const write = (url: string | undefined) => {
        const holder = `pid ${process.pid}${url === undefined ? "" : `, ${url}`}\n`
        try {
          writeFileSync(holderFile, holder, { mode: 0o600 })
        } catch {
          // On a full disk it is the next one that does not learn who holds the lock.
        }
      }
      yield* Effect.acquireRelease(
        Effect.try({ try: () => lock(logDir), catch: (error) => failure(error, { logDir, holderFile }) }),
        (database) =>
          Effect.sync(() => {
            rmSync(holderFile, { force: true })
            database.close()
          })
      )
      write(undefined)
      return FolderLock.of({ announce: write })
    })
  )
}

const lock = (logDir: string): DatabaseSync => {
  mkdirSync(logDir, { recursive: true, mode: 0o700 })
  const file = path.join(logDir, "looper.lock")
  const database = createPrivately(file)
  // Nothing is ever written: a journal file would only need space that a full disk does not have.
  database.exec("PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
  return database
}

/** SQLite would create the file readable for all. */
const createPrivately = (file: string): DatabaseSync => {
  try {
    closeSync(openSync(file, "wx", 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
  }
  return new DatabaseSync(file, { timeout: 0 })
}

/** SQLITE_BUSY: somebody else holds the transaction. */
const busy = 5

const failure = (error: unknown, files: { readonly logDir: string; readonly holderFile: string }) => {
  const { logDir, holderFile } = files
  if ((error as { errcode?: number }).errcode !== busy) {
    return new FolderUnusable({ logDir, reason: (error as Error).message })
  }
  return new FolderLocked({ logDir, holder: readHolder(holderFile) })
}

const readHolder = (holderFile: string): string => {
  try {
    return readFileSync(holderFile, "utf8").trim()
  } catch {
    return "it does not say who it is"
  }
}
