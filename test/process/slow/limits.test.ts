/** Runs that last too long, are silent too long or write too much are stopped with their trees. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { type CodexStep, codexScript } from "../../../src/testing/CodexStandIn.ts"
import { readRunLog } from "../../support/logs.ts"
import { startLooper } from "../../support/looperProcess.ts"
import { beats, carriers, killHard, sizeOf, stopsGrowing, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { storedRun } from "../../support/runRecords.ts"

const idOf = (logPath: string) => /-([0-9a-f]{8})\.log$/.exec(logPath)?.[1] ?? ""

interface Case {
  readonly what: string
  readonly variable: string
  readonly limit: string
  readonly cause: string
  readonly holdsOutput: boolean
}

const cases: ReadonlyArray<Case> = [
  {
    what: "lasts too long, though it writes",
    variable: "CODEX_EXEC_MAX_SECONDS",
    limit: "2",
    cause: "max_seconds",
    holdsOutput: true
  },
  {
    what: "is silent too long, though it lives",
    variable: "CODEX_EXEC_MAX_SILENT_SECONDS",
    limit: "1.5",
    cause: "max_silent_seconds",
    holdsOutput: false
  },
  {
    what: "writes too much",
    variable: "CODEX_EXEC_MAX_LOG_BYTES",
    limit: "2000",
    cause: "max_log_bytes",
    holdsOutput: true
  }
]

const steps = (heartbeat: string, holdsOutput: boolean): ReadonlyArray<CodexStep> => [
  { print: "first\n" },
  { ignore: ["SIGTERM"] },
  { child: { kind: "daemon", heartbeat, holdsOutput, printsEveryMillis: 20, ignoresTerm: true } },
  { hang: true }
]

describe.concurrent("a run", () => {
  it.each(cases)("that $what is stopped with its whole tree; log and record say so", async (one) => {
    await using looper = await startLooper({ env: { [one.variable]: one.limit } })
    const heartbeat = join(looper.folder, "heartbeat")
    const { log_path: logPath, pid } = runOf(await looper.run(codexScript(steps(heartbeat, one.holdsOutput))))
    const requestId = idOf(logPath)
    await until(() => storedRun(looper.logDir, requestId)?.state === "stopped", "its end is recorded", 30_000)
    assert.deepInclude(storedRun(looper.logDir, requestId), { cause: one.cause, return_code: 137 })
    assert.isTrue(await stopsGrowing(heartbeat))
    assert.deepStrictEqual(carriers(requestId), [])
    assert.strictEqual(readRunLog(logPath).code, "137")
    assert.match(
      looper.serverLog(),
      new RegExp(` codex\\.exec\\.limit request_id=${requestId} pid=${pid} limit=${one.cause}\n`)
    )
    assert.match(looper.serverLog(), new RegExp(` codex\\.exec\\.ended .*${requestId}.* stopped_by=${one.cause} `))
    assert.strictEqual((await looper.run("p")).status, 200)
  })

  it("that Looper adopted is limited from its own start on", async () => {
    await using first = await startLooper()
    const heartbeat = join(first.folder, "heartbeat")
    const { log_path: logPath } = runOf(await first.run(codexScript(steps(heartbeat, true))))
    await until(() => existsSync(heartbeat), "the run is up")
    killHard(first.pid)
    await first.exited
    const env = { CODEX_EXEC_MAX_SECONDS: "0.1", CODEX_EXEC_MAX_SILENT_SECONDS: "3600" }
    await using second = await startLooper({ reuse: first, env })
    await until(() => storedRun(second.logDir, idOf(logPath))?.cause === "max_seconds", "it is stopped", 30_000)
    assert.isTrue(await stopsGrowing(heartbeat))
  })

  it("that writes all the time outlives a limit of silence while Looper is suspended", async () => {
    await using looper = await startLooper({ env: { CODEX_EXEC_MAX_SILENT_SECONDS: "2" } })
    const heartbeat = join(looper.folder, "heartbeat")
    const { log_path: logPath } = runOf(await looper.run(codexScript(steps(heartbeat, true))))
    await until(() => existsSync(heartbeat), "the run is up")
    process.kill(looper.pid, "SIGSTOP")
    const size = sizeOf(heartbeat)
    // A byte about every 20 ms: longer than the limit.
    await until(() => sizeOf(heartbeat) > size + 150, "time has passed", 30_000)
    process.kill(looper.pid, "SIGCONT")
    assert.strictEqual((await looper.request("GET", "/health")).status, 200)
    assert.isTrue(await beats(heartbeat))
    assert.strictEqual(storedRun(looper.logDir, idOf(logPath))?.state, "running")
  })
})
