/** What must be true of a folder after any fault, once another run has started and ended in it. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { isRecord } from "../support/logs.ts"
import type { World } from "./world.ts"

/** What became of one run. */
export interface Outcome {
  readonly runId: string
  readonly prompt: string
  /** `undefined` where codex was never let go, and no log is left. */
  readonly code: string | undefined
  readonly state: string
  readonly cause: string
}

export interface Findings {
  readonly violations: ReadonlyArray<string>
  readonly outcomes: ReadonlyArray<Outcome>
}

const shown = (text: string) => JSON.stringify(text.length > 160 ? `${text.slice(0, 80)}…${text.slice(-80)}` : text)
const readText = (file: string) => (existsSync(file) ? readFileSync(file, "latin1") : "")

interface LogText {
  readonly runId: string
  readonly prompt: string
  readonly body: string
  readonly code: string
}

/** The log of one run against what its codex knows. */
const checkLog = (world: World, name: string, say: (text: string) => void): LogText => {
  const text = readText(join(world.logDir, name))
  const header = /^# looper_request_id=(.*)\n# workspace=.*\n# command=.* (?:'([^']*)'|(\w+))\n\n/.exec(text)
  const runId = /-([^-]*)\.log$/.exec(name)?.[1] ?? ""
  if (header?.[1] !== runId) say(`${name} has no header of its own: ${shown(text.slice(0, 300))}`)
  const rest = text.slice(header?.[0].length ?? 0)
  const trailers = [...rest.matchAll(/\n# codex_exec_return_code=(.*)\n/g)]
  const [trailer] = trailers
  if (trailers.length !== 1 || trailer === undefined) say(`${name} has ${trailers.length} trailers`)
  const end = trailer?.index ?? rest.length
  const after = rest.slice(end + (trailer?.[0].length ?? 0))
  if (after !== "") say(`${name} goes on after its trailer: ${shown(after)}`)
  const body = rest.slice(0, end)
  const copy = readText(join(world.copies, runId))
  const extra = body.slice(copy.length)
  const count = copy.split("\n").length
  const isNext = extra === "" || extra === `${runId} last` || extra.startsWith(`${runId} ${count} --`)
  if (!body.startsWith(copy) || !isNext || extra.split("\n").length > 2) {
    say(`${name} has ${body.length} bytes of output where codex wrote ${copy.length}: ${shown(extra)}`)
  }
  const code = trailer?.[1] ?? "none"
  const prompt = header?.[2] ?? header?.[3] ?? ""
  const codes = expectedCodes(world, runId, prompt)
  if (!codes.includes(code)) say(`${name} says code ${code} instead of ${codes.join(" or ")}`)
  return { runId, prompt, body, code }
}

const hasEndedByItself = (world: World, runId: string) => existsSync(join(world.copies, `${runId}.end`))

/** The true code, or those between which only chance decides. */
const expectedCodes = (world: World, runId: string, prompt: string): ReadonlyArray<string> => {
  const hits = world.hits.filter((hit) => hit.runId === runId)
  const own = hasEndedByItself(world, runId) ? [/^(?:ends|until \S+) (\d+)/.exec(prompt)?.[1] ?? "?"] : ["143"]
  if (prompt.startsWith("stubborn")) own.splice(0, 1, "137")
  const isLost = hits.some(({ fault }) => fault === "supervisor" || fault === "group")
  if (isLost) return hits.some(({ wasCodexAlive }) => wasCodexAlive) ? ["unknown"] : ["unknown", ...own]
  // One that was already dying of Looper's own SIGTERM dies of that.
  return hits.length > 0 ? ["137", ...own] : own
}

type Row = Readonly<Record<string, unknown>>

const checkRecord = (
  world: World,
  log: LogText,
  row: Row | undefined,
  causes: ReadonlyArray<string>,
  say: (text: string) => void
): void => {
  if (row === undefined) return say(`run ${log.runId} has a log and no record`)
  const what = `the record of ${log.runId} (${log.prompt})`
  if (String(row.return_code) !== log.code) say(`${what} has code ${row.return_code}, its log ${log.code}`)
  const size = readText(join(world.logDir, String(row.log_name))).length
  if (row.log_bytes !== size) say(`${what} says ${row.log_bytes} bytes, its log has ${size}`)
  const own =
    log.code === "unknown" ? "interrupted/interrupted" : log.code === "0" ? "succeeded/exited" : "failed/exited"
  const isEnd = hasEndedByItself(world, log.runId)
  const isHit = world.hits.some(({ runId }) => runId === log.runId)
  const stopped = causes.map((cause) => `stopped/${cause}`)
  // Who stopped a run is lost with the database.
  const allowed = row.is_inferred === 1 || isEnd ? [own] : isHit ? [own, ...stopped] : stopped
  const state = `${row.state}/${row.cause}`
  if (!allowed.includes(state)) say(`${what} says ${state} instead of ${allowed.join(" or ")}`)
}

/** Every line of the server log is one record, or one line of one run, each once and in order. */
const checkServerLog = (world: World, logs: ReadonlyArray<LogText>, say: (text: string) => void): void => {
  const mirrored = new Map<string, Array<string>>()
  const lines = world.serverLog().split("\n")
  if (lines.pop() !== "") say(`the server log ends inside a line: ${shown(lines.at(-1) ?? "")}`)
  for (const line of lines) {
    const runId = /^([0-9a-f]{8}) (?:\d+ -{40}|last)$/.exec(line)?.[1]
    if (runId !== undefined) mirrored.set(runId, [...(mirrored.get(runId) ?? []), line])
    else if (!isRecord(line) || / \S* ?looper \S+ .*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ looper /.test(line)) {
      say(`the server log has a line that is neither a record nor a run's: ${shown(line)}`)
    }
  }
  for (const { runId, body } of logs) {
    const expected = body.replace(/\n$/, "").split("\n")
    const found = mirrored.get(runId) ?? []
    const at = expected.findIndex((line, index) => found[index] !== line)
    if (body === "" ? found.length > 0 : at >= 0 || found.length !== expected.length) {
      say(`${found.length} of ${expected.length} lines of ${runId} are mirrored; the first wrong one is ${at + 1}`)
    }
  }
}

const lasting = /^(?:codex-exec-\d{8}-\d{6}-[0-9a-f]{8}\.log|looper\.(?:db|lock))$/
/** Beside a Looper that runs. */
const passing = /^looper\.(?:db-wal|db-shm|lock-journal|holder)$/

/** Looks at everything in the folder, also at what cases before this one left. */
export const findViolations = (world: World): Findings => {
  const violations: Array<string> = []
  const say = (text: string): void => void violations.push(text)
  // Before the database is opened here: a reader makes files, too.
  for (const name of world.logFiles()) {
    if (!lasting.test(name) && (world.isGone() || !passing.test(name))) say(`there is a file ${name}`)
  }
  const names = world.logFiles(/^codex-exec-.*\.log$/)
  const logs = names.map((name) => checkLog(world, name, say))
  const database = new DatabaseSync(world.databasePath, { readOnly: true })
  const rows: ReadonlyArray<Row> = database.prepare("SELECT * FROM runs").all()
  database.close()
  for (const log of logs) {
    const causes = world.causesOf.get(log.runId) ?? world.causes
    checkRecord(
      world,
      log,
      rows.find((row) => row.request_id === log.runId),
      causes,
      say
    )
  }
  for (const row of rows) {
    if (/^(?:starting|running)$/.test(String(row.state))) say(`run ${row.request_id} is recorded as ${row.state}`)
    if (names.includes(String(row.log_name))) continue
    if (row.return_code !== null) say(`run ${row.request_id} ended with ${row.return_code} and has no log`)
    if (existsSync(join(world.copies, String(row.request_id)))) say(`run ${row.request_id} wrote and has no log`)
  }
  checkServerLog(world, logs, say)
  const others = world.processes().filter((pid) => pid !== world.looper?.pid)
  if (others.length > 0) say(`processes are left: ${others.join(", ")}`)
  for (const { request_id: runId } of rows) {
    if (!world.causesOf.has(String(runId))) world.causesOf.set(String(runId), world.causes)
  }
  const outcomes = rows.map(
    (row): Outcome => ({
      runId: String(row.request_id),
      prompt: logs.find(({ runId }) => runId === row.request_id)?.prompt ?? "",
      code: row.return_code === null ? undefined : String(row.return_code),
      state: String(row.state),
      cause: String(row.cause)
    })
  )
  return { violations, outcomes }
}
