// What plainHealth.mjs costs where Effect does it as Looper is bound to: the answer is a program with its schemas, in one
// fiber, two records are Effect's log with annotations, a counter and a histogram are Effect's metrics.
import { randomUUID } from "node:crypto"
import { mkdtempSync, openSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { serve } from "@hono/node-server"
import { Effect, Exit, Layer, Logger, Metric, References, Schema } from "effect"
import { Hono } from "hono"

const isQuiet = process.argv[2] === "WARNING"
const folder = mkdtempSync(join(tmpdir(), "looper-bench-effect-"))
process.on("exit", () => rmSync(folder, { recursive: true, force: true }))
process.on("SIGTERM", () => process.exit())
const log = openSync(join(folder, "log"), "a")
let records = ""
const logger = Logger.make(({ date, fiber, logLevel, message }) => {
  if (records === "") setImmediate(flush)
  let text = `${date.toISOString()} ${logLevel} looper ${message}`
  const fields = fiber.getRef(References.CurrentLogAnnotations)
  for (const key of Object.keys(fields)) text += ` ${key}=${fields[key]}`
  records += `${text}\n`
})
const flush = () => {
  const text = records
  records = ""
  writeSync(log, text)
  process.stdout.write(text)
}

const Request = Schema.Struct({})
const Answer = Schema.Struct({ ok: Schema.Literal(true) })
const requests = Metric.counter("requests")
const seconds = Metric.histogram("seconds", { boundaries: [0.001, 0.01, 0.1, 1, 10] })
const layer = Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, isQuiet ? "Warn" : "Info"))
const context = Effect.runSync(Effect.scoped(Layer.build(layer)))
const runFork = Effect.runForkWith(context)

const answer = Effect.fnUntraced(function* (host, query) {
  if (!/^(localhost|127\.0\.0\.1)(:\d+)?$/.test(host)) return yield* Effect.fail("forbidden")
  yield* Schema.decodeUnknownEffect(Request)(query)
  const encoded = yield* Schema.encodeEffect(Answer)({ ok: true })
  return JSON.stringify(encoded)
})

const app = new Hono()
app.get("/health", ({ req }) => {
  const id = randomUUID().slice(0, 8)
  const startedAt = performance.now()
  const record = (event, fields) => {
    if (!isQuiet) runFork(Effect.annotateLogs(Effect.logInfo(event), { request_id: id, ...fields }))
  }
  record("http.start", { method: req.method, path: req.path, remote: "127.0.0.1" })
  const exit = runFork(answer(req.header("host") ?? "", {})).pollUnsafe()
  const isOk = Exit.isSuccess(exit)
  const headers = {
    "Content-Type": "application/json",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "X-Request-Id": id
  }
  const response = new Response(isOk ? exit.value : "{}", { status: isOk ? 200 : 403, headers })
  const millis = performance.now() - startedAt
  requests.updateUnsafe(1, context)
  seconds.updateUnsafe(millis / 1_000, context)
  record("http.end", { status: response.status, duration_ms: Math.round(millis) })
  return response
})
serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => {
  process.stdout.write(`listening url=http://127.0.0.1:${port}\n`)
})
