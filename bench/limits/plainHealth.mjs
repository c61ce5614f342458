// What Hono on node-server costs that answers GET /health as Looper does: id, Host, the same headers and, unless its
// argument is WARNING, two records in a file and on stdout, written once a turn. Without Effect, schemas, metrics, token.
import { randomUUID } from "node:crypto"
import { mkdtempSync, openSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { serve } from "@hono/node-server"
import { Hono } from "hono"

const isQuiet = process.argv[2] === "WARNING"
const folder = mkdtempSync(join(tmpdir(), "looper-bench-plain-"))
process.on("exit", () => rmSync(folder, { recursive: true, force: true }))
process.on("SIGTERM", () => process.exit())
const log = openSync(join(folder, "log"), "a")
let records = ""
const record = (text) => {
  if (isQuiet) return
  if (records === "") setImmediate(flush)
  records += `${new Date().toISOString()} INFO looper ${text}\n`
}
const flush = () => {
  const text = records
  records = ""
  writeSync(log, text)
  process.stdout.write(text)
}

const app = new Hono()
app.get("/health", ({ req }) => {
  const id = randomUUID().slice(0, 8)
  const startedAt = performance.now()
  record(`http.start request_id=${id} method=${req.method} path=${req.path} remote=127.0.0.1`)
  const isAllowed = /^(localhost|127\.0\.0\.1)(:\d+)?$/.test(req.header("host") ?? "")
  const headers = {
    "Content-Type": "application/json",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "X-Request-Id": id
  }
  const response = new Response(JSON.stringify({ ok: isAllowed }), { status: isAllowed ? 200 : 403, headers })
  record(`http.end request_id=${id} status=200 duration_ms=${Math.round(performance.now() - startedAt)}`)
  return response
})
serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => {
  process.stdout.write(`listening url=http://127.0.0.1:${port}\n`)
})
