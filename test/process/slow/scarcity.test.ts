/** Looper on a full disk, and without descriptors for a moment: runs are neither lost nor stopped for that. */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { isRecord } from "../../support/logs.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { inMountNamespace } from "../../support/mountNamespace.ts"
import { isAlive, killHard, sizeOf, until } from "../../support/processes.ts"
import { runOf } from "../../support/residentLooper.ts"
import { storedRun } from "../../support/runRecords.ts"

const idOf = (logPath: string) => /-([0-9a-f]{8})\.log$/.exec(logPath)?.[1] ?? ""

const mirrored = (looper: LooperProcess) =>
  looper
    .serverLog()
    .split("\n")
    .slice(0, -1)
    .filter((line) => !isRecord(line))

/** A run that prints two lines, waits for the file `go`, prints a third and exits with 9; it beats meanwhile. */
const startRun = async (looper: LooperProcess) => {
  const go = join(looper.folder, "go")
  const heartbeat = join(looper.folder, "heartbeat")
  const steps = [
    { print: "first\nsecond\n" },
    { child: { kind: "group", heartbeat } },
    { waitForFile: go },
    { print: "last\n" },
    { exit: 9 }
  ] as const
  const { pid, log_path: logPath } = runOf(await looper.run(codexScript(steps)))
  await until(() => mirrored(looper).length === 2 && existsSync(heartbeat), "the run is up")
  return { pid, go, heartbeat, requestId: idOf(logPath) }
}

const limitDescriptors = (pid: number, count: number) =>
  execFileSync("prlimit", ["--pid", String(pid), `--nofile=${count}:`])

/** Takes every further descriptor from a process until the run has beaten some times. */
const withoutDescriptors = async (pid: number, heartbeat: string, during: () => void = () => undefined) => {
  limitDescriptors(pid, 5)
  during()
  const size = sizeOf(heartbeat)
  await until(() => sizeOf(heartbeat) > size + 25, "some looks have failed")
  limitDescriptors(pid, 1_024)
}

const hasEndedAlone = async (looper: LooperProcess, requestId: string) => {
  await until(() => storedRun(looper.logDir, requestId)?.state === "failed", "its end is recorded")
  assert.deepInclude(storedRun(looper.logDir, requestId), { cause: "exited", return_code: 9 })
  assert.deepStrictEqual(mirrored(looper), ["first", "second", "last"])
  await until(() => !readdirSync(looper.logDir).some((name) => /\.(state|mirror)$/.test(name)), "its files are gone")
}

describe("a Looper without descriptors for a moment", () => {
  it("does not lose the run it adopted", async () => {
    await using first = await startLooper()
    const run = await startRun(first)
    killHard(first.pid)
    await first.exited
    await using second = await startLooper({ reuse: first })
    await withoutDescriptors(second.pid, run.heartbeat)
    assert.isTrue(isAlive(run.pid))
    writeFileSync(run.go, "")
    await hasEndedAlone(second, run.requestId)
    assert.strictEqual((await second.request("GET", "/health")).status, 200)
  })

  it("does not lose the end of a run of its own", async () => {
    await using looper = await startLooper({ env: { CODEX_EXEC_MAX_SECONDS: "600" } })
    const run = await startRun(looper)
    await withoutDescriptors(looper.pid, run.heartbeat, () => writeFileSync(run.go, ""))
    await hasEndedAlone(looper, run.requestId)
    assert.isFalse(isAlive(run.pid))
  })

  it("keeps a limit later that it could not keep then", async () => {
    await using looper = await startLooper({ env: { CODEX_EXEC_MAX_SECONDS: "2" } })
    const run = await startRun(looper)
    limitDescriptors(looper.pid, 5)
    await until(() => looper.serverLog().includes(" codex.exec.limit.fail "), "the limit cannot be kept")
    assert.isTrue(isAlive(run.pid))
    limitDescriptors(looper.pid, 1_024)
    await until(() => storedRun(looper.logDir, run.requestId)?.cause === "max_seconds", "it is kept")
    assert.isFalse(isAlive(run.pid))
  })
})

it("a log folder that is full does not prevent a start", async () => {
  const fill =
    'mount -t tmpfs -o size=1m looper-test "$CODEX_EXEC_LOG_DIR"; cat /dev/zero > "$CODEX_EXEC_LOG_DIR/filler"'
  const wrapper = [...inMountNamespace, "sh", "-c", `{ ${fill}; } 2>/dev/null; exec "$@"`, "sh"]
  await using looper = await startLooper({ wrapper })
  assert.strictEqual((await looper.request("GET", "/health")).status, 200)
  const answer = await looper.run("p")
  assert.deepInclude(answer.body, { code: "disk_space_low", step: "preflight" })
})

it("a log folder that was deleted is made again by the next run", async () => {
  await using looper = await startLooper()
  await startRun(looper)
  rmSync(looper.logDir, { recursive: true })
  const answer = await looper.run(codexScript([{ hang: true }]))
  assert.strictEqual(answer.status, 200, answer.text)
  const { pid, log_path: logPath } = runOf(answer)
  assert.isTrue(existsSync(logPath))
  assert.isTrue(isAlive(pid))
  await until(() => storedRun(looper.logDir, idOf(logPath))?.state === "running", "it is recorded")
})
