import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, References } from "effect"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"
import { NotifyScript } from "../../../src/services/notifiers/NotifyScript.ts"
import { ProcessTable } from "../../../src/services/processes/ProcessTable.ts"
import { ProcessTrees } from "../../../src/services/processes/ProcessTrees.ts"
import { Shutdown } from "../../../src/services/Shutdown.ts"
import { beats, isAlive, stopsGrowing, until } from "../../support/processes.ts"
import { makeLogs } from "../zulip/sending.ts"

const root = mkdtempSync(join(tmpdir(), "notify-script-"))
afterAll(() => rmSync(root, { recursive: true }))
let files = 0

const script = (text: string): string => {
  const path = join(root, `${++files}.cjs`)
  writeFileSync(path, text)
  return path
}

/** Sends by a script, as a Looper with this environment; its trees have 50 ms to obey SIGTERM. */
const send = (
  scriptPath: string,
  { message = "hello", logs = makeLogs(), environment = {} as Readonly<Record<string, string>> } = {}
) =>
  Effect.flatMap(NotifyScript, (notifier) => notifier.send({ scriptPath, message })).pipe(
    Effect.provide(
      NotifyScript.layerNoDeps.pipe(
        Layer.provide(ProcessTrees.layerWith({ graceMillis: 50 })),
        Layer.provide(ProcessTable.layer),
        Layer.provide(Shutdown.layerNoDeps),
        Layer.provide(LooperConfig.layer({ root, environment: { PATH: process.env.PATH, ...environment } })),
        Layer.provideMerge(logs.layer),
        Layer.provideMerge(Layer.succeed(References.MinimumLogLevel, "Debug"))
      )
    ),
    Effect.catchTag("ConfigInvalid", Effect.die)
  )

/** Beats into `file` and ignores SIGTERM. */
const heartbeat = (file: string) => `
  process.on("SIGTERM", () => undefined)
  setInterval(() => require("node:fs").appendFileSync(${JSON.stringify(file)}, "."), 20)`

describe("a script that sends the message", () => {
  it.live("gets the message as its one argument, byte by byte", () =>
    Effect.gen(function* () {
      const echo = script("process.stdout.write(JSON.stringify(process.argv.slice(2)))")
      for (const message of ["hello", "--dry-run", "-e", "two\nlines 'and' \"$(quotes)\"", "é😀"]) {
        assert.deepStrictEqual(JSON.parse(yield* send(echo, { message })), [message])
      }
    })
  )

  it.live("answers with its output, trimmed", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* send(script('console.log("  OK message_id=7\\n\\n")')), "OK message_id=7")
      assert.strictEqual(yield* send(script("console.error('only an error stream')")), "")
    })
  )

  it.live("is found below the root", () =>
    Effect.gen(function* () {
      const path = script("console.log('found')")
      assert.strictEqual(yield* send(path.slice(root.length + 1)), "found")
    })
  )

  it.live("finds the bot in its environment, where Looper's came from .env or a file", () =>
    Effect.gen(function* () {
      const show = script(
        "console.log(['ZULIP_SITE', 'ZULIP_BOT_API_KEY', 'ZULIP_STREAM', 'A'].map((n) => process.env[n]).join())"
      )
      const secretFile = join(root, "key")
      writeFileSync(secretFile, "from a file\n")
      writeFileSync(join(root, ".env"), "ZULIP_SITE=https://from.env\n")
      const shown = yield* send(show, { environment: { ZULIP_BOT_API_KEY_FILE: secretFile, A: "b" } })
      rmSync(join(root, ".env"))
      assert.strictEqual(shown, "https://from.env,from a file,coding,b")
    })
  )

  it.live("loses no output by ending at once, and keeps 16 KiB of it", () =>
    Effect.gen(function* () {
      const flood = script("process.stdout.write('x'.repeat(200000))")
      const outputs = yield* Effect.all(
        Array.from({ length: 4 }, () => send(flood)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        outputs.map((output) => output.length),
        [16_384, 16_384, 16_384, 16_384]
      )
    })
  )

  it.live("is not waited for by what it leaves behind with its output", () =>
    Effect.gen(function* () {
      const pidFile = join(root, `${++files}-pid`)
      const path = script(`
        const { spawn } = require("node:child_process")
        const left = spawn("tail", ["-f", "/dev/null"], { detached: true, stdio: ["ignore", "inherit", "inherit"] })
        require("node:fs").writeFileSync(${JSON.stringify(pidFile)}, String(left.pid))
        left.unref()
        console.log("OK")`)
      assert.strictEqual(yield* send(path), "OK")
      const left = Number(readFileSync(pidFile, "utf8"))
      assert.isTrue(isAlive(left))
      process.kill(left, "SIGKILL")
    })
  )

  it.live("is logged by its path, its end and its output, not by the message", () =>
    Effect.gen(function* () {
      const logs = makeLogs()
      const path = script("console.log(' OK '); console.error('a warning')")
      yield* send(path, { message: "private words", logs })
      assert.deepStrictEqual(logs.of("cmd.start"), [{ command: "node", script: path }])
      const [done] = logs.of("cmd.done")
      assert.deepInclude(done, { script: path, rc: 0, stdout: "OK", stderr: "a warning" })
      assert.notInclude(JSON.stringify(logs.lines), "private words")
    })
  )
})

describe("a script that fails", () => {
  it.live("is told by its code and what it said", () =>
    Effect.gen(function* () {
      const table = [
        ["console.error(' no such\\tuser\\n'); console.log('out'); process.exitCode = 3", "3: no such\\tuser"],
        ["console.log('only out'); process.exit(1)", "1: only out"],
        ["process.exit(255)", "255: "],
        ["process.kill(process.pid, 'SIGKILL')", "SIGKILL: "],
        ["console.error('e'.repeat(1000)); process.exitCode = 1", `1: ${"e".repeat(299)}…`]
      ] as const
      for (const [text, end] of table) {
        const path = script(text)
        const error = yield* Effect.flip(send(path))
        assert.strictEqual(error.message, `failed to send Zulip message: ${path} ended with ${end}`)
      }
    })
  )

  it.live("is told and logged without the message that it repeats, and told without a configured secret", () =>
    Effect.gen(function* () {
      const logs = makeLogs()
      const path = script(
        "console.error('no', process.argv[2], process.env.TOKEN); console.log(process.argv[2]); process.exitCode = 1"
      )
      const environment = { TOKEN: "h0neyk3y-2", OTEL_EXPORTER_OTLP_HEADERS: "x-honeycomb-team=h0neyk3y-2" }
      const { reason } = yield* Effect.flip(send(path, { message: "private words", logs, environment }))
      assert.strictEqual(reason, `${path} ended with 1: no … ***`)
      assert.deepInclude(logs.of("cmd.fail")[0], { stdout: "…" })
      assert.notInclude(JSON.stringify(logs.lines), "private words")
    })
  )

  it.live("is told apart from one that is missing or no script", () =>
    Effect.gen(function* () {
      for (const [path, said] of [
        [join(root, "missing.js"), "script not found"],
        [script("this is no JavaScript"), "ended with 1: "],
        [root, "Cannot find module"]
      ] as const) {
        const error = yield* Effect.flip(send(path))
        assert.strictEqual(error._tag, "NotifyFailed")
        assert.include(error.reason, path)
        assert.include(error.reason, said)
      }
    })
  )

  it.live("is logged once, as a warning", () =>
    Effect.gen(function* () {
      const logs = makeLogs()
      yield* Effect.flip(send(script("console.error('no'); process.exit(3)"), { logs }))
      assert.deepInclude(logs.of("cmd.fail")[0], { rc: 3, stdout: "", stderr: "no" })
      assert.deepStrictEqual(
        logs.lines.map(({ level, event }) => [level, event]),
        [
          ["Debug", "cmd.start"],
          ["Warn", "cmd.fail"]
        ]
      )
    })
  )

  it.live("fails, too, where the message is too long for an argument", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(send(script(""), { message: "x".repeat(131_072) }))
      assert.strictEqual(error.message, "failed to send Zulip message: spawn E2BIG")
    })
  )
})

describe("a script that is interrupted", () => {
  it.live("dies with its whole tree, even where that ignores SIGTERM", () =>
    Effect.gen(function* () {
      const beating = [1, 2, 3].map(() => join(root, `${++files}-heartbeat`)) as [string, string, string]
      const [own, inGroup, inSession] = beating
      const path = script(`
        const { spawn } = require("node:child_process")
        spawn(process.execPath, ["-e", ${JSON.stringify(heartbeat(inGroup))}])
        spawn(process.execPath, ["-e", ${JSON.stringify(heartbeat(inSession))}], { detached: true })
        ${heartbeat(own)}`)
      const sending = yield* Effect.forkChild(send(path))
      yield* Effect.promise(() => until(() => beating.every((file) => existsSync(file)), "all hearts beat"))
      yield* Effect.promise(() => Promise.all(beating.map(beats)))
      yield* Fiber.interrupt(sending)
      const stopped = yield* Effect.promise(() => Promise.all(beating.map((file) => stopsGrowing(file))))
      assert.deepStrictEqual(stopped, [true, true, true])
    })
  )

  it.live("is left alone once it has ended", () =>
    Effect.gen(function* () {
      const pidFile = join(root, `${++files}-pid`)
      const path = script(`require("node:fs").writeFileSync(${JSON.stringify(pidFile)}, String(process.pid))`)
      const logs = makeLogs()
      const sending = yield* Effect.forkChild(send(path, { logs }))
      yield* Fiber.join(sending)
      yield* Fiber.interrupt(sending)
      assert.isFalse(isAlive(Number(readFileSync(pidFile, "utf8"))))
      assert.deepStrictEqual(logs.of("process.kill.done"), [])
    })
  )
})
