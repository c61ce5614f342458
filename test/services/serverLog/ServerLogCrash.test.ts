/** What the server log holds of a process that ended, and of a disk that was really full. */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll } from "vitest"
import { isPossible } from "../../support/possible.ts"

const folder = fs.mkdtempSync(join(tmpdir(), "server-log-crash-"))
afterAll(() => fs.rmSync(folder, { recursive: true }))
let roots = 0

/** Runs a program over a server log in a process of its own, in a root of its own. */
const runProgram = (body: string, launcher: ReadonlyArray<string> = []) => {
  const root = join(folder, `${++roots}`)
  fs.mkdirSync(root)
  const program = `
    import { Effect, Fiber, Layer } from "effect"
    import { readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs"
    import { LooperConfig } from "./src/services/config/LooperConfig.ts"
    import { LogFolder } from "./src/services/runs/LogFolder.ts"
    import { MirrorRecovery } from "./src/services/mirror/MirrorRecovery.ts"
    import { ServerLog } from "./src/services/serverLog/ServerLog.ts"
    const root = ${JSON.stringify(root)}
    const layer = ServerLog.layerNoDeps.pipe(
      Layer.provide(MirrorRecovery.layerNoDeps),
      Layer.provide(LogFolder.layerNoDeps),
      Layer.provide(LooperConfig.layer({ root, environment: {} }))
    )
    const main = Effect.gen(function* () {
      const log = yield* ServerLog
      ${body}
    })
    await Effect.runPromise(Effect.provide(main, layer))
    process.stderr.write(readFileSync(root + "/logs/looper-server.log"))`
  const [command = "", ...words] = [...launcher, process.execPath, "--input-type=module", "-e", program]
  const { status, stdout, stderr } = spawnSync(command, words, {
    cwd: resolve(import.meta.dirname, "../../.."),
    env: { ...process.env, ROOT: root, NODE_OPTIONS: "" },
    encoding: "utf8",
    maxBuffer: 2 ** 24
  })
  return { root, status, stdout, stderr }
}

describe("a Looper that ends at once", () => {
  it("leaves the records of its last turn in the log", () => {
    const { root, status, stdout } = runProgram('log.record("one\\n"); log.record("two\\n"); process.exit(3)')
    assert.strictEqual(status, 3)
    assert.strictEqual(fs.readFileSync(join(root, "logs/looper-server.log"), "utf8"), "one\ntwo\n")
    assert.strictEqual(stdout, "one\ntwo\n")
  })

  it("leaves them also while a batch is being written", () => {
    const { root, status } = runProgram(`
      yield* Effect.forkChild(log.append(Buffer.alloc(8_000_000, "x".repeat(99) + "\\n")), { startImmediately: true })
      log.record("last\\n")
      process.exit(3)`)
    assert.strictEqual(status, 3)
    assert.include(fs.readFileSync(join(root, "logs/looper-server.log"), "utf8").split("\n"), "last")
  })

  it("leaves them also when nobody caught an exception", () => {
    const { root, status } = runProgram(
      'log.record("one\\n"); setImmediate(() => { throw new Error("no") }); yield* Effect.never'
    )
    assert.strictEqual(status, 1)
    assert.strictEqual(fs.readFileSync(join(root, "logs/looper-server.log"), "utf8"), "one\n")
  })
})

/** Gives a program a small disk of its own at $ROOT. */
const onSmallDisk = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=512k tmpfs "$ROOT" && exec "$@"', "sh"]
const canMount = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "tmpfs", folder]).status === 0

describe("a small disk", () => {
  it.runIf(isPossible(canMount, "a mount namespace"))(
    "that was full for a while holds every byte once and in order",
    () => {
      const body = `
      writeFileSync(root + "/filler", Buffer.alloc(400_000))
      log.record("before\\n")
      const lines = Buffer.from("mirrored line\\n".repeat(20_000))
      const batch = yield* Effect.forkChild(log.append(lines), { startImmediately: true })
      yield* Effect.promise(async () => {
        while (statfsSync(root).bavail > 0) await new Promise((resolve) => setTimeout(resolve, 1))
      })
      log.record("while it was full\\n")
      rmSync(root + "/filler")
      yield* Fiber.join(batch)
      log.record("after\\n")`
      const { stderr } = runProgram(body, onSmallDisk)
      assert.strictEqual(stderr, `before\n${"mirrored line\n".repeat(20_000)}while it was full\nafter\n`)
    }
  )
})
