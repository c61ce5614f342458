/** The database file through its faults: what cannot be written is kept, what is damaged is set aside. */
import type { SQLInputValue } from "node:sqlite"
import type { Row } from "./Database.ts"
import { faultOf, isLocked, reasonOf } from "./databaseFault.ts"
import { lookAt, type OpenDatabase, openDatabase, setAside } from "./openDatabase.ts"

/** SQLite waits in this thread: longer would hold up everything else. */
const busyTimeoutMillis = 50
const maxPending = 10_000
/** Written in one transaction. */
const batchSize = 500
/** In one life; a disk that damages everything must not fill itself with what was damaged. */
const maxSetAside = 3

/** One statement of SQL and the values of its `?`, in order. */
export interface Statement {
  readonly sql: string
  readonly values: ReadonlyArray<SQLInputValue>
}

/** What happened to the file, for the server log. */
export type DatabaseEvent =
  | { readonly kind: "set_aside"; readonly path: string; readonly reason: string }
  | { readonly kind: "unwritable"; readonly reason: string }
  | { readonly kind: "writable"; readonly written: number; readonly dropped: number }
  | { readonly kind: "dropped"; readonly count: number }
  | { readonly kind: "rejected"; readonly reason: string }

/** Synchronous; no method throws, each lasts as long as one wait for a lock at most. */
export class DatabaseFile {
  private readonly file: string
  private readonly tell: (event: DatabaseEvent) => void
  private open: OpenDatabase | undefined
  private checkedInode: string | undefined
  private pending: Array<Statement> = []
  private outage: { written: number; dropped: number } | undefined
  private setAsides = 0
  private isClosed = false
  /** How often a new file was made. */
  created = 0

  constructor(file: string, tell: (event: DatabaseEvent) => void) {
    this.file = file
    this.tell = tell
    this.settle()
  }

  /** It could not be used the last time. */
  get isOut(): boolean {
    return this.outage !== undefined
  }

  /** Writes what is pending; true where the database took it all and would take more. */
  settle(): boolean {
    if (this.isClosed) return false
    while (this.pending.length > 0) if (!this.writeBatch()) return false
    const isOpen = this.use(({ database }) => {
      // Writes a page without changing it: a full disk or a lock may be over only for readers.
      if (this.outage !== undefined) {
        const version = database.prepare("PRAGMA user_version").get()?.user_version
        database.exec(`PRAGMA user_version = ${version}`)
      }
      return true
    })
    if (isOpen === true) this.endOutage()
    return isOpen === true
  }

  write(statement: Statement): void {
    if (this.isClosed) return
    this.pending.push(statement)
    if (this.pending.length > maxPending) {
      this.pending.shift()
      if (this.outage !== undefined && this.outage.dropped++ === 0) this.tell({ kind: "dropped", count: 1 })
    }
    if (this.outage !== undefined) this.settle()
    else this.writeBatch()
  }

  tryWrite(statement: Statement): boolean {
    return this.settle() && this.use((open) => this.run(open, statement)) === true
  }

  read({ sql, values }: Statement): ReadonlyArray<Row> | undefined {
    if (this.isClosed) return undefined
    if (this.pending.length > 0) this.settle()
    return this.use((open) => prepared(open, sql).all(...values))
  }

  /** Tries to write what is left; drops it otherwise. */
  close(): void {
    if (this.pending.length > 0) this.settle()
    if (this.pending.length > 0) this.tell({ kind: "dropped", count: this.pending.length })
    this.isClosed = true
    this.pending = []
    this.closeFile()
  }

  /** Writes the first statements that are pending, all or none; a rejected one is dropped. */
  private writeBatch(): boolean {
    const batch = this.pending.slice(0, batchSize)
    const isWritten = this.use((open) => {
      if (batch.length === 1) return batch.every((statement) => this.runOrReject(open, statement))
      open.database.exec("BEGIN IMMEDIATE")
      for (const statement of batch) this.runOrReject(open, statement)
      open.database.exec("COMMIT")
      return true
    })
    if (isWritten === undefined) return false
    this.pending.splice(0, batch.length)
    if (this.outage !== undefined) this.outage.written += batch.length
    return true
  }

  private run(open: OpenDatabase, { sql, values }: Statement): boolean {
    prepared(open, sql).run(...values)
    return true
  }

  private runOrReject(open: OpenDatabase, statement: Statement): boolean {
    try {
      return this.run(open, statement)
    } catch (error) {
      if (!/^(?:rejected|constraint)$/.test(faultOf(error))) throw error
      this.tell({ kind: "rejected", reason: reasonOf(error) })
      return true
    }
  }

  /** Uses the file that has the name now; `undefined` where that failed, which was told. */
  private use<A>(operation: (open: OpenDatabase) => A): A | undefined {
    for (;;) {
      try {
        return operation(this.current())
      } catch (error) {
        if (!this.isRepaired(error)) return undefined
      }
    }
  }

  private current(): OpenDatabase {
    if (this.open !== undefined) this.closeUnlessSame(this.open)
    if (this.open !== undefined) return this.open
    const timeoutMillis = this.outage === undefined ? busyTimeoutMillis : 0
    this.open = openDatabase(this.file, { timeoutMillis, checkedInode: this.checkedInode })
    this.checkedInode = this.open.inode
    if (this.open.isNew) this.created += 1
    return this.open
  }

  /** Closing one that was cut gives it what its log has; what that lacks is found when it is opened. */
  private closeUnlessSame(open: OpenDatabase): void {
    const now = lookAt(this.file)
    const isCut = now !== undefined && now.bytes < open.bytes
    if (isCut) this.checkedInode = undefined
    if (isCut || now?.inode !== open.inode) this.closeFile()
    else open.bytes = now.bytes
  }

  /** True where a new file has taken the place of a damaged one. */
  private isRepaired(error: unknown): boolean {
    const fault = faultOf(error)
    if (this.open?.database.isTransaction) attempt(() => this.open?.database.exec("ROLLBACK"))
    if (fault === "constraint") return false
    if (fault === "rejected") {
      this.tell({ kind: "rejected", reason: reasonOf(error) })
      return false
    }
    if (!isLocked(error)) this.closeFile()
    if (fault === "damaged" && this.setAsides < maxSetAside) {
      try {
        const path = setAside(this.file, new Date())
        this.setAsides += 1
        this.tell({ kind: "set_aside", path, reason: reasonOf(error) })
        return true
      } catch (renaming) {
        this.beginOutage(`${reasonOf(error)}; ${reasonOf(renaming)}`)
        return false
      }
    }
    this.beginOutage(reasonOf(error))
    return false
  }

  /** Whoever asks during an outage does not wait: the next second asks again. */
  private beginOutage(reason: string): void {
    if (this.outage !== undefined) return
    this.outage = { written: 0, dropped: 0 }
    this.setBusyTimeout(0)
    this.tell({ kind: "unwritable", reason })
  }

  private endOutage(): void {
    if (this.outage === undefined) return
    const { written, dropped } = this.outage
    this.outage = undefined
    this.setBusyTimeout(busyTimeoutMillis)
    this.tell({ kind: "writable", written, dropped })
  }

  private setBusyTimeout(millis: number): void {
    attempt(() => this.open?.database.exec(`PRAGMA busy_timeout = ${millis}`))
  }

  private closeFile(): void {
    const { open } = this
    this.open = undefined
    attempt(() => open?.database.close())
  }
}

const prepared = ({ database, statements }: OpenDatabase, sql: string) => {
  const known = statements.get(sql)
  if (known !== undefined) return known
  const statement = database.prepare(sql)
  statements.set(sql, statement)
  return statement
}

/** For what may fail without consequence. */
const attempt = (operation: () => void): void => {
  try {
    operation()
  } catch {
    // The next use of the file says so.
  }
}
