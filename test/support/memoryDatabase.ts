/** Looper's database as far as answers need it, in memory, with faults on demand. */
import { DatabaseSync, type SQLInputValue } from "node:sqlite"
import { Effect, Layer } from "effect"
import { Database } from "../../src/services/records/Database.ts"

/** Nothing is written, and it says so; nor read; nobody has noticed yet that nothing is written, or read. */
type Fault = "writes" | "writes and reads" | "unnoticed writes" | "unnoticed reads"

export interface MemoryDatabase {
  readonly layer: Layer.Layer<Database>
  /** Rows of `answers`, by key. */
  readonly rows: () => ReadonlyArray<Readonly<Record<string, unknown>>>
  /** Every statement that was run, without its values. */
  readonly statements: ReadonlyArray<string>
  /** From now on. */
  readonly break: (what?: Fault) => void
  /** Takes what it was given meanwhile, unless its Looper has died with it. */
  readonly mend: (what?: "takes" | "lost") => void
}

const answers =
  "CREATE TABLE answers (route TEXT, key TEXT, body_hash TEXT, created_at INTEGER, boot_id TEXT, created_ms REAL, status INTEGER, headers TEXT, body TEXT, PRIMARY KEY (route, key))"

export const makeMemoryDatabase = (): MemoryDatabase => {
  const sqlite = new DatabaseSync(":memory:")
  sqlite.exec(answers)
  const statements: Array<string> = []
  let broken: Fault | "no" = "no"
  let waiting: Array<() => void> = []
  const run = (sql: string, values: ReadonlyArray<SQLInputValue>) => {
    statements.push(sql)
    sqlite.prepare(sql).run(...values)
  }
  const layer = Layer.succeed(Database, {
    isUsable: Effect.sync(() => broken === "no" || broken.startsWith("unnoticed")),
    write: (sql, ...values) =>
      Effect.sync(() => {
        if (broken === "no") run(sql, values)
        else waiting.push(() => run(sql, values))
      }),
    tryWrite: (sql, ...values) =>
      Effect.sync(() => {
        if (broken === "no") run(sql, values)
        return broken === "no"
      }),
    read: (sql, ...values) =>
      Effect.sync(() => (broken.endsWith("reads") ? undefined : sqlite.prepare(sql).all(...values))),
    onCreated: () => Effect.void
  })
  return {
    layer,
    rows: () => sqlite.prepare("SELECT * FROM answers ORDER BY key").all(),
    statements,
    break: (what = "writes") => void (broken = what),
    mend: (what = "takes") => {
      broken = "no"
      if (what === "takes") for (const write of waiting) write()
      waiting = []
    }
  }
}
