/** Names of Looper's side effects: by what a call touches, never by when it comes. */
import * as path from "node:path"

const kinds: ReadonlyArray<readonly [RegExp, string]> = [
  [/^codex-exec-.*\.log$/, "run log"],
  [/^codex-exec-.*\.state$/, "side file"],
  [/^codex-exec-.*\.mirror(\.new)?$/, "mirror journal"],
  [/^looper\.lock/, "folder lock"],
  [/^looper\.holder/, "holder file"],
  [/^looper\.db/, "database"],
  [/^looper-server\.log$/, "server log"]
]

/** What a file is to Looper; `undefined` for one of somebody else. */
export const fileKind = (file: string): string | undefined => {
  const name = path.basename(file)
  return kinds.find(([pattern]) => pattern.test(name))?.[1]
}

const textOf = (data: unknown): string =>
  typeof data === "string" ? data : data instanceof Uint8Array ? Buffer.from(data).toString("latin1") : ""

/** A write of `data` to a file by its name, to an open one, or to that with a callback. */
export const writeName = (file: string, data: unknown, way: "named" | "open" | "asynchronous"): string | undefined => {
  const kind = fileKind(file)
  const text = textOf(data)
  if (kind === undefined) return undefined
  if (kind === "server log") {
    if (way === "asynchronous") return "write mirror batch"
    return /^\n?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} /.test(text) ? "write server record" : "finish mirror batch"
  }
  if (kind === "mirror journal") return way === "named" ? "begin mirror journal" : "store mirror intent"
  if (text.includes("# codex_exec_return_code=")) return "write trailer"
  if (kind === "side file") return text.startsWith("{") ? "write identity" : "begin side file"
  return kind === "run log" ? "write run log header" : `write ${kind}`
}

const recordNames: ReadonlyArray<readonly [RegExp, string]> = [
  [/json_each/, "infer"],
  [/UPDATE SET request_id/, "begin"],
  [/UPDATE SET identity = /, "identity"],
  [/UPDATE SET state = 'running'/, "running"],
  [/coalesce\(stopped_by/, "stopping"],
  [/UPDATE SET stopped_by = NULL/, "stop forgotten"],
  [/UPDATE SET state = excluded/, "end"]
]

/** A statement that changes the database, with its values. */
export const statementName = (sql: string, values: ReadonlyArray<unknown>): string | undefined => {
  const [, verb = "", table = ""] = /^\s*(INSERT|UPDATE|DELETE)\s+(?:OR \w+ )?(?:INTO |FROM )?(\w+)/.exec(sql) ?? []
  if (verb === "") return undefined
  if (table === "steps") return `record: ${values[3] === null ? "begin" : "end"} step ${values[1]}`
  if (table === "runs") return `record: ${recordNames.find(([pattern]) => pattern.test(sql))?.[1] ?? verb}`
  if (table !== "answers") return `${verb.toLowerCase()} ${table}`
  return verb === "DELETE" ? "forget old answers" : `store ${sql.includes("status") ? "answer" : "idempotency key"}`
}

/** Texts given to a database as a whole; `file` is the database's. */
export const execName = (file: string, sql: string): string | undefined => {
  if (fileKind(file) === "folder lock") return "take folder lock"
  const version = /PRAGMA user_version = (\d+)/.exec(sql)?.[1]
  if (/CREATE TABLE|ALTER TABLE/.test(sql) && version !== undefined) return `migrate database to version ${version}`
  if (/journal_mode/.test(sql)) return "switch database to WAL"
  if (sql.startsWith("BEGIN")) return "begin transaction"
  if (sql.startsWith("COMMIT")) return "commit transaction"
  return undefined
}
