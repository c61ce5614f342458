import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll, beforeEach } from "vitest"
import { FolderLock } from "../../src/services/FolderLock.ts"
import { LooperConfig } from "../../src/services/config/LooperConfig.ts"

const folder = mkdtempSync(join(tmpdir(), "folder-lock-"))
afterAll(() => rmSync(folder, { recursive: true }))
let roots = 0
let root = ""
beforeEach(() => {
  root = join(folder, `${++roots}`)
  mkdirSync(root)
})
const inLogs = (name = "") => join(root, "logs", name)

/** Takes the lock of the test's log folder for as long as the scope is open. */
const hold = Effect.suspend(() =>
  Layer.build(FolderLock.layerNoDeps.pipe(Layer.provide(LooperConfig.layer({ root, environment: {} }))))
).pipe(Effect.flatMap((context) => Effect.provide(FolderLock, context)))

/** The sentence with which a Looper is refused. */
const refusal = Effect.map(Effect.flip(Effect.scoped(hold)), (error) => error.message)

const refusedFor = (holder: string) => `log folder ${inLogs()} is in use by another Looper: ${holder}`

const program = `
  import { Effect, Layer } from "effect"
  import { FolderLock } from "./src/services/FolderLock.ts"
  import { LooperConfig } from "./src/services/config/LooperConfig.ts"
  const layer = FolderLock.layerNoDeps.pipe(
    Layer.provide(LooperConfig.layer({ root: process.env.ROOT, environment: {} }))
  )
  const main = Effect.gen(function* () {
    const lock = yield* FolderLock
    lock.announce("http://127.0.0.1:1")
    process.stdout.write("held")
    yield* Effect.promise(() => new Promise(() => process.stdin.resume()))
  })
  await Effect.runPromise(Effect.provide(main, layer))`

/** Another process that holds the lock; killed with the scope. */
const holdElsewhere = Effect.acquireRelease(
  Effect.promise(async () => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      cwd: resolve(import.meta.dirname, "../.."),
      env: { ...process.env, ROOT: root, NODE_OPTIONS: "" },
      stdio: ["pipe", "pipe", "inherit"]
    })
    await once(child.stdout, "data")
    return child as ChildProcess
  }),
  (child) => killed(child)
)

const killed = (child: ChildProcess) =>
  Effect.promise(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill("SIGKILL")
    await once(child, "exit")
  })

describe("the lock of a log folder", () => {
  it.live("is private, in a folder that it makes privately", () =>
    Effect.gen(function* () {
      yield* hold
      assert.strictEqual(statSync(inLogs()).mode & 0o777, 0o700)
      for (const name of ["looper.lock", "looper.holder"]) {
        assert.strictEqual(statSync(inLogs(name)).mode & 0o777, 0o600)
      }
    })
  )

  it.live("leaves the mode of a folder that is there", () =>
    Effect.gen(function* () {
      mkdirSync(inLogs())
      chmodSync(inLogs(), 0o755)
      yield* hold
      assert.strictEqual(statSync(inLogs()).mode & 0o777, 0o755)
    })
  )

  it.live("refuses a second one in this process, and names the first", () =>
    Effect.gen(function* () {
      const { announce } = yield* hold
      assert.strictEqual(yield* refusal, refusedFor(`pid ${process.pid}`))
      announce("http://127.0.0.1:3456")
      assert.strictEqual(yield* refusal, refusedFor(`pid ${process.pid}, http://127.0.0.1:3456`))
    })
  )

  it.live("is still held after others were refused", () =>
    Effect.gen(function* () {
      yield* hold
      for (let attempt = 0; attempt < 3; attempt++) yield* refusal
      const elsewhere = spawn(process.execPath, ["--input-type=module", "-e", program], {
        cwd: resolve(import.meta.dirname, "../.."),
        env: { ...process.env, ROOT: root, NODE_OPTIONS: "" },
        stdio: ["ignore", "ignore", "pipe"]
      })
      let said = ""
      elsewhere.stderr.setEncoding("utf8").on("data", (text: string) => void (said += text))
      yield* Effect.promise(() => once(elsewhere, "close"))
      assert.include(said, refusedFor(`pid ${process.pid}`))
    })
  )

  it.live("refuses one while another process holds it, and names that", () =>
    Effect.gen(function* () {
      const child = yield* holdElsewhere
      assert.strictEqual(yield* refusal, refusedFor(`pid ${child.pid}, http://127.0.0.1:1`))
    })
  )

  it.live("is free as soon as its holder was killed", () =>
    Effect.gen(function* () {
      const child = yield* holdElsewhere
      yield* killed(child)
      assert.strictEqual(readFileSync(inLogs("looper.holder"), "utf8"), `pid ${child.pid}, http://127.0.0.1:1\n`)
      yield* hold
      assert.strictEqual(readFileSync(inLogs("looper.holder"), "utf8"), `pid ${process.pid}\n`)
    })
  )

  it.live("is free as soon as its scope is closed, and nobody is named any more", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Effect.provideService(hold, Scope.Scope, scope)
      yield* Scope.close(scope, Exit.void)
      assert.isFalse(existsSync(inLogs("looper.holder")))
      yield* hold
    })
  )

  it.live("refuses also where the holder does not say who it is", () =>
    Effect.gen(function* () {
      yield* hold
      rmSync(inLogs("looper.holder"))
      assert.strictEqual(yield* refusal, refusedFor("it does not say who it is"))
    })
  )

  it.live("is another one for another folder", () =>
    Effect.gen(function* () {
      yield* hold
      root = join(folder, `${++roots}`)
      yield* hold
    })
  )

  it.live("says why a folder cannot be used", () =>
    Effect.gen(function* () {
      const unusable = `log folder ${inLogs()} (CODEX_EXEC_LOG_DIR) cannot be used: `
      writeFileSync(join(root, "logs"), "a file")
      assert.strictEqual((yield* refusal).slice(0, unusable.length), unusable)
      rmSync(join(root, "logs"))
      mkdirSync(inLogs())
      writeFileSync(inLogs("looper.lock"), "no database at all, but long enough to be looked at as one".repeat(20))
      assert.strictEqual(yield* refusal, `${unusable}file is not a database`)
    })
  )
})
