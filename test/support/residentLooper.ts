/** A Looper with a run that lives all the time: whatever a request does, it does to that run, the logs or the messages. */
import { assert } from "@effect/vitest"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { type CodexStep, codexScript } from "../../src/testing/CodexStandIn.ts"
import { type CountingZulip, startCountingZulip } from "./countingZulip.ts"
import type { Answer } from "./httpClient.ts"
import { type LooperProcess, startLooper } from "./looperProcess.ts"
import { allPids, isAlive, procStat, until } from "./processes.ts"

/** Everything a request could change. */
export interface World {
  readonly messages: number
  readonly runLogs: number
  /** Looper's descendants. */
  readonly processes: number
  readonly residentLives: boolean
}

/** What `changes` gives where nothing happened. */
export const noChange: World = { messages: 0, runLogs: 0, processes: 0, residentLives: true }

export interface ResidentLooper extends AsyncDisposable {
  readonly looper: LooperProcess
  readonly zulip: CountingZulip
  readonly resident: { readonly pid: number; readonly heartbeat: string }
  /** What changed since the last look: the numbers' differences, and whether the resident run lives. */
  changes(): World
  /** Asserts that the answer has the documented form and text, that nothing changed, and that Looper still answers. */
  isRefused(answer: Answer, status: number, error?: RegExp): Promise<true>
}

/** What an answer says of the run it started. */
export const runOf = (
  answer: Answer
): { readonly pid: number; readonly log_path: string; readonly command: string } => {
  const run = answer.body?.codex_exec_result
  if (typeof run !== "object" || run === null) throw new Error(`no run: ${answer.text}`)
  return run as { pid: number; log_path: string; command: string }
}

export const startResidentLooper = async (): Promise<ResidentLooper> => {
  const zulip = await startCountingZulip()
  const looper = await startLooper({ env: zulip.env })
  const heartbeat = join(looper.folder, "heartbeat")
  const steps: ReadonlyArray<CodexStep> = [{ child: { kind: "group", heartbeat } }, { hang: true }]
  const resident = { pid: runOf(await looper.run(codexScript(steps))).pid, heartbeat }
  await until(() => existsSync(heartbeat), "the resident run is up")
  const world = (): World => ({
    messages: zulip.messages.length,
    runLogs: looper.runLogs().length,
    processes: descendants(looper.pid),
    residentLives: isAlive(resident.pid)
  })
  let seen = world()
  const changes = (): World => {
    const before = seen
    seen = world()
    return {
      messages: seen.messages - before.messages,
      runLogs: seen.runLogs - before.runLogs,
      processes: seen.processes - before.processes,
      residentLives: seen.residentLives
    }
  }
  return {
    looper,
    zulip,
    resident,
    changes,
    isRefused: async (answer, status, error = /\w/) => {
      assert.strictEqual(answer.status, status, answer.text)
      assertErrorForm(answer)
      assert.match(String(answer.body?.error), error)
      assert.deepStrictEqual(changes(), noChange)
      const health = await looper.request("GET", "/health")
      assert.deepStrictEqual([health.status, health.text], [200, '{"ok":true}\n'])
      return true
    },
    [Symbol.asyncDispose]: async () => {
      await looper[Symbol.asyncDispose]()
      await zulip[Symbol.asyncDispose]()
    }
  }
}

const assertErrorForm = ({ body, headers, text }: Answer): void => {
  assert.match(String(headers["content-type"]), /^application\/json\b/)
  assert.isTrue(text.endsWith("}\n"), text)
  assert.strictEqual(body?.ok, false)
  assert.match(String(body?.code), /^[a-z]+(_[a-z]+)*$/)
  assert.match(String(body?.request_id), /^[0-9a-f]{8}$/)
  assert.strictEqual(headers["x-request-id"], body?.request_id)
}

const descendants = (pid: number): number => {
  const parents = allPids().map((other) => [other, procStat(other)?.ppid] as const)
  const family = new Set([pid])
  for (let before = 0; before < family.size; ) {
    before = family.size
    for (const [other, parent] of parents) if (parent !== undefined && family.has(parent)) family.add(other)
  }
  return family.size - 1
}
