/** Opens the database file: private, of this Looper, whole, of the newest version. */
import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync } from "node:fs"
import * as path from "node:path"
import { DatabaseSync, type StatementSync } from "node:sqlite"
import { Damage, faultOf, reasonOf } from "./databaseFault.ts"
import { applicationId, migrate, migrations } from "./migrations.ts"

/** The open file, told apart from another one that has its name later. */
export interface OpenDatabase {
  readonly database: DatabaseSync
  readonly statements: Map<string, StatementSync>
  readonly inode: string
  /** The most it had so far: it does not shrink by itself. */
  bytes: number
  /** It had no tables: whatever history there is stands in the logs. */
  readonly isNew: boolean
}

/** Device and inode of what has the name now, and its size. */
export const lookAt = (file: string): { readonly inode: string; readonly bytes: number } | undefined => {
  const stat = statSync(file, { throwIfNoEntry: false })
  return stat && { inode: `${stat.dev}:${stat.ino}`, bytes: stat.size }
}

/**
 * Opens `file`, creating or migrating it.
 *
 * **Details** Synchronous; waits `timeoutMillis` at most for a lock, each time it meets one. The whole file is
 * read once by `quick_check` (0.1 s for 100,000 runs), unless it is `checkedInode`.
 * **Errors** `Damage` and SQLite's or the system's own; nothing is open then.
 */
export const openDatabase = (
  file: string,
  options: { readonly timeoutMillis: number; readonly checkedInode: string | undefined }
): OpenDatabase => {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
  createPrivately(file)
  const database = new DatabaseSync(file, { timeout: options.timeoutMillis })
  try {
    const inode = lookAt(file)?.inode ?? ""
    const version = versionOf(database)
    if (version > 0 && inode !== options.checkedInode) check(database)
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
    migrateOrReport(database, version)
    return { database, statements: new Map(), inode, bytes: lookAt(file)?.bytes ?? 0, isNew: version === 0 }
  } catch (error) {
    database.close()
    throw error
  }
}

/** SQLite would create the file readable for all; its `-wal` and `-shm` get the modes of the file. */
const createPrivately = (file: string): void => {
  try {
    closeSync(openSync(file, "wx", 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
  }
}

/** 0 for an empty file, also one over which a Looper died before its first table. */
const versionOf = (database: DatabaseSync): number => {
  const number = (sql: string) => Number(Object.values(database.prepare(sql).get() ?? {})[0])
  const version = number("PRAGMA user_version")
  const owner = number("PRAGMA application_id")
  const isEmpty = version === 0 && owner === 0 && number("SELECT count(*) FROM sqlite_schema") === 0
  if (!isEmpty && owner !== applicationId) throw new Damage("it is another program's database")
  if (version > migrations.length) throw new Damage(`its version ${version} is newer than this Looper`)
  return version
}

const check = (database: DatabaseSync): void => {
  const found = database.prepare("PRAGMA quick_check(1)").get()?.quick_check
  if (found !== "ok") throw new Damage(String(found).replaceAll(/\s+/g, " "))
}

/** A step that does not fit its tables: they are not what their version says. */
const migrateOrReport = (database: DatabaseSync, version: number): void => {
  try {
    migrate(database, version)
  } catch (error) {
    if (faultOf(error) === "unwritable") throw error
    throw new Damage(reasonOf(error))
  }
}

/**
 * Renames a closed database, its log and its index to `<file>.set-aside-<stamp>`; answers with the new name.
 *
 * **Details** The file goes first: SQLite deletes a log that it finds beside an empty file.
 */
export const setAside = (file: string, now: Date): string => {
  const stamp = now.toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-")
  const base = `${file}.set-aside-${stamp}`
  let target = base
  for (let count = 2; existsSync(target); count++) target = `${base}-${count}`
  renameSync(file, target)
  for (const suffix of ["-wal", "-shm"]) {
    if (existsSync(file + suffix)) renameSync(file + suffix, target + suffix)
  }
  return target
}
