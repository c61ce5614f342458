// What has to be done for one POST /run, in plain Node: without Effect, Hono, schemas, redaction, metrics and limits.
// Its wait for codex' exec, its files, rows, records and its one look at all processes are those of Looper.
import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import {
  accessSync,
  appendFileSync,
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync
} from "node:fs"
import { createServer, request as httpRequest } from "node:http"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { setTimeout as delay } from "node:timers/promises"

const { supervisor, messageUrl, logDir, workspace, codexPath } = JSON.parse(process.argv[2])
const database = new DatabaseSync(join(logDir, "plain.db"))
database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
  CREATE TABLE runs (id TEXT PRIMARY KEY, state TEXT, identity TEXT, log TEXT);
  CREATE TABLE steps (id TEXT, step TEXT, begun INTEGER, ended INTEGER, PRIMARY KEY (id, step))`)
const begin = database.prepare("INSERT INTO runs VALUES (?, 'starting', NULL, ?)")
const store = database.prepare("UPDATE runs SET identity = ? WHERE id = ?")
const change = database.prepare("UPDATE runs SET state = ? WHERE id = ?")
const enter = database.prepare("INSERT INTO steps VALUES (?, ?, ?, NULL)")
const leave = database.prepare("UPDATE steps SET ended = ? WHERE id = ? AND step = ?")

const serverLog = openSync(join(logDir, "plain-server.log"), "a")
let records = ""
const record = (text) => {
  if (records === "") setImmediate(flush)
  records += `${new Date().toISOString()} INFO ${text}\n`
}
const flush = () => {
  appendFileSync(serverLog, records)
  records = ""
}

const form = new URLSearchParams({ type: "stream", to: '"coding"', topic: "bench", content: "m" }).toString()
const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(form) }
const sendMessage = () =>
  new Promise((resolve, reject) => {
    const request = httpRequest(messageUrl, { method: "POST", agent: false, headers }, (response) => {
      response.on("end", resolve).on("error", reject).resume()
    })
    request.on("error", reject).end(form)
  })

const read = (path) => {
  try {
    return readFileSync(path, "latin1")
  } catch {
    return ""
  }
}
const lookAtAll = () =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [read(`/proc/${name}/stat`), read(`/proc/${name}/cmdline`)])

/** Resolves once both shells are there; codex waits for `go`. */
const launch = (id, log, side) =>
  new Promise((resolve, reject) => {
    const [out, state] = [openSync(log, "a"), openSync(side, "a")]
    const stdio = ["ignore", out, out, "pipe", state]
    const env = { ...process.env, LOOPER_RUN_ID: id }
    const child = spawn(supervisor[0], supervisor.slice(1), { detached: true, cwd: workspace, env, stdio })
    closeSync(out)
    closeSync(state)
    const run = { child, pid: 0, hasEnded: false }
    child.once("error", reject).once("exit", () => {
      run.hasEnded = true
    })
    child.stdio[3]
      .on("error", () => undefined)
      .once("data", (pid) => {
        run.pid = Number(pid)
        resolve(run)
      })
  })

const steps = (id) => {
  let step
  return (next) => {
    if (step !== undefined) leave.run(Date.now(), id, step)
    if (next !== undefined) enter.run(id, next, Date.now())
    if (next !== undefined) record(`run.step action=${next}`)
    step = next
  }
}

let live = 0
const perform = async () => {
  const id = randomUUID().slice(0, 8)
  record("http.start")
  accessSync(codexPath)
  accessSync(workspace)
  statfsSync(logDir)
  const [log, side, journal] = ["log", "state", "mirror"].map((end) => join(logDir, `plain-${id}.${end}`))
  for (const path of [side, log, journal]) writeFileSync(path, "begin\n", { flag: "ax", mode: 0o600 })
  begin.run(id, log)
  const at = steps(id)
  at("notify")
  await sendMessage()
  at("kill")
  lookAtAll()
  at("delay")
  at("spawn")
  const run = await launch(id, log, side)
  const { child, pid } = run
  const identity = JSON.stringify({
    pid,
    codex: read(`/proc/${pid}/stat`),
    supervisor: read(`/proc/${child.pid}/stat`)
  })
  appendFileSync(side, identity)
  store.run(identity, id)
  child.once("exit", () => {
    live--
    rmSync(side)
    rmSync(journal)
    change.run("succeeded", id)
    record("codex.exec.ended")
  })
  child.stdio[3].write("go\n")
  live++
  change.run("running", id)
  while (!run.hasEnded && /^$|shopt -s execfail/.test(read(`/proc/${pid}/cmdline`))) await delay(1)
  at("startup_check")
  at()
  record("http.end")
  return { ok: true, codex_exec_result: { pid, request_id: id, log_path: log } }
}

createServer((request, response) => {
  response.setHeader("content-type", "application/json")
  if (request.method === "GET") return void response.end(JSON.stringify({ run: live === 0 ? null : {} }))
  let body = ""
  request
    .on("data", (chunk) => (body += chunk))
    .on("end", async () => {
      JSON.parse(body)
      response.end(JSON.stringify(await perform()))
    })
}).listen(0, "127.0.0.1", function () {
  process.stdout.write(`listening url=http://127.0.0.1:${this.address().port}\n`)
})
