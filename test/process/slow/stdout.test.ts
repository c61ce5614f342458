/** A stdout that is closed, full or never read: nothing stops, nothing is delayed. */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { mirroredIn } from "../../support/logs.ts"
import { type LooperProcess, startLooper } from "../../support/looperProcess.ts"
import { until } from "../../support/processes.ts"
import { watchHealth } from "../../support/steadyHealth.ts"

/** Several times what a pipe and Looper's own buffer take. */
const logMuch = async (looper: LooperProcess) => {
  const path = `/${"x".repeat(4_000)}`
  for (let n = 0; n < 40; n++) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => looper.request("GET", path)))
    assert.isTrue(answers.every(({ status }) => status === 404))
  }
}

/** Logs much, runs, and ends; all of it in time and in the server log. */
const isUnhindered = async (looper: LooperProcess): Promise<true> => {
  const health = watchHealth(looper)
  await logMuch(looper)
  const answer = await looper.run(codexScript([{ flood: { bytes: 1_000_000 } }]))
  assert.strictEqual(answer.status, 200, answer.text)
  await until(() => / codex\.exec\.ended /.test(looper.serverLog()), "the end is recorded")
  const { bad } = await health.stop()
  assert.deepStrictEqual(bad, [])
  assert.isAbove(looper.serverLog().length, 7_000_000)
  assert.strictEqual(mirroredIn(looper.serverLog()).length, 10_000)
  const begin = performance.now()
  looper.signal("SIGTERM")
  assert.deepStrictEqual(await looper.exited, { code: 0, signal: null })
  assert.isBelow(performance.now() - begin, 5_000)
  return true
}

/** A pipe of the kernel, as a shell makes it, held open and never read; Node's own pipes are sockets. */
const openPipe = () => {
  const folder = mkdtempSync(join(tmpdir(), "looper-pipe-"))
  const path = join(folder, "pipe")
  execFileSync("mkfifo", [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, constants.O_WRONLY)
  rmSync(folder, { recursive: true })
  return { reader, writer }
}

describe("stdout", () => {
  it("that is closed from the start hinders nothing", async () => {
    const stdout = openSync("/dev/null", "w")
    const wrapper = ["sh", "-c", 'exec "$@" >&-', "sh"]
    await using looper = await startLooper({ stdout, wrapper })
    closeSync(stdout)
    assert.isTrue(await isUnhindered(looper))
  })

  it("that is a full device hinders nothing", async () => {
    const stdout = openSync("/dev/full", "w")
    await using looper = await startLooper({ stdout })
    closeSync(stdout)
    assert.isTrue(await isUnhindered(looper))
  })

  it("that is a pipe nobody reads hinders nothing", async () => {
    const { reader, writer } = openPipe()
    await using looper = await startLooper({ stdout: writer })
    closeSync(writer)
    assert.isTrue(await isUnhindered(looper))
    closeSync(reader)
  })

  it("that is a pipe whose reader leaves hinders nothing", async () => {
    const { reader, writer } = openPipe()
    await using looper = await startLooper({ stdout: writer })
    closeSync(writer)
    closeSync(reader)
    assert.isTrue(await isUnhindered(looper))
    assert.notMatch(readFileSync(looper.serverLogPath, "utf8"), /EPIPE/)
  })
})
