/** A supervisor's start and end, as Looper learns of them. */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { Deferred, Effect } from "effect"
import type { RunLog } from "../../../src/services/runs/RunLogs.ts"
import { startSupervisor } from "../../../src/services/runs/supervisorProcess.ts"
import { procStat, until } from "../../support/processes.ts"

const makeRunLog = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = mkdtempSync(join(tmpdir(), "looper-supervisor-"))
    const log: RunLog = {
      requestId: "0a0a0a0a",
      path: join(folder, "log"),
      sidePath: join(folder, "side"),
      headerBytes: 0
    }
    for (const file of [log.path, log.sidePath]) writeFileSync(file, "")
    return { folder, log }
  }),
  ({ folder }) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

const nextTurn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

describe("a supervisor", () => {
  it.live("is known to have ended in the turn in which it is reaped, or a few later", () =>
    Effect.gen(function* () {
      const { folder, log } = yield* makeRunLog
      const argv = ["/bin/sh", "-c", "read line < /dev/zero"]
      const started = yield* startSupervisor({ argv, workingDirectory: folder, environment: {}, log })
      yield* started.go
      process.kill(started.codexPid, "SIGKILL")
      yield* Effect.promise(() => until(() => procStat(started.supervisorPid) === undefined, "it is reaped"))
      for (let turn = 0; turn < 20; turn++) yield* nextTurn
      assert.isTrue(yield* Deferred.isDone(started.exited))
      assert.strictEqual(yield* Deferred.await(started.exited), 137)
    })
  )

  it.live("that cannot be started for want of descriptors is a failure and nothing else", () =>
    Effect.gen(function* () {
      const { folder } = yield* makeRunLog
      const program = join(folder, "program.ts")
      writeFileSync(program, outOfDescriptors)
      const command = `ulimit -n 64; exec "$0" "$1"`
      const output = execFileSync("/bin/sh", ["-c", command, process.execPath, program], { encoding: "utf8" })
      const seen = new Set(output.trimEnd().split("\n"))
      assert.deepStrictEqual([...seen].toSorted(), ["SpawnFailed EMFILE", "started"])
    })
  )
})

const urlOf = (path: string) => JSON.stringify(pathToFileURL(resolve(import.meta.dirname, "../../..", path)).href)

/** Starts supervisors with ever more descriptors to spare, and prints what comes of each. */
const outOfDescriptors = `
import { closeSync, openSync } from "node:fs"
import { Cause, Effect, Exit } from ${urlOf("node_modules/effect/dist/index.js")}
import { startSupervisor } from ${urlOf("src/services/runs/supervisorProcess.ts")}
const log = { requestId: "0a0a0a0a", path: "/dev/null", sidePath: "/dev/null", headerBytes: 0 }
process.on("uncaughtException", (error) => console.log("uncaught", error.message))
const keep = setInterval(() => {}, 1000)
for (let spare = 0; spare < 16; spare++) {
  const held = []
  try {
    for (;;) held.push(openSync("/dev/null"))
  } catch {}
  for (const fd of held.splice(0, spare)) closeSync(fd)
  const started = startSupervisor({ argv: ["/bin/true"], workingDirectory: "/", environment: {}, log })
  const exit = await Effect.runPromiseExit(started)
  if (Exit.isSuccess(exit)) await Effect.runPromise(exit.value.abandon)
  await new Promise((resolve) => setImmediate(resolve))
  for (const fd of held) closeSync(fd)
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  console.log(error === undefined ? "started" : (error._tag ?? "defect") + " " + (error.reason ?? error.message))
}
clearInterval(keep)
process.exit(0)
`
