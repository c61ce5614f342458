/** `dry_run`: what would happen is answered, and nothing does. */
import { assert, describe, it } from "@effect/vitest"
import { mkdirSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { startGatedZulip } from "../support/gatedZulip.ts"
import type { Answer } from "../support/httpClient.ts"
import { type LooperProcess, startLooper } from "../support/looperProcess.ts"
import { beats, isAlive, until } from "../support/processes.ts"
import { noChange, type ResidentLooper, runOf, startResidentLooper } from "../support/residentLooper.ts"

let resident: ResidentLooper
let looper: LooperProcess
beforeAll(async () => {
  resident = await startResidentLooper()
  looper = resident.looper
})
afterAll(() => resident?.[Symbol.asyncDispose]())

const dryRun = (over: Readonly<Record<string, unknown>> = {}) =>
  looper.run({ zulip_message: "m", codex_prompt: "p", dry_run: true, ...over })
const dryKill = () => looper.request("POST", "/kill", { body: { dry_run: true } })

const argvIn = ({ body }: Answer) => (body?.argv ?? []) as ReadonlyArray<string>

/** Asserts that not even a file of the log folder has changed, and the resident beats on. */
const assertNothingHappened = async (files: ReadonlyArray<string>) => {
  assert.deepStrictEqual(resident.changes(), noChange)
  assert.deepStrictEqual(readdirSync(looper.logDir), files)
  await beats(resident.resident.heartbeat)
}
const filesNow = () => readdirSync(looper.logDir)

describe("POST /run with dry_run", () => {
  it("answers what would be started and stopped, and does nothing", async () => {
    const files = filesNow()
    const offset = looper.serverLog().length
    const answer = await dryRun({ codex_exec_delay_seconds: 600, zulip_script_path: "/no/such/script.js" })
    assert.strictEqual(answer.status, 200, answer.text)
    const options = ["--ask-for-approval", "never", "exec", "--sandbox", "workspace-write", "-C"]
    const argv = [looper.codexPath, ...options, looper.workspace, "p"]
    const { tree_pids: tree, ...others } = answer.body ?? {}
    assert.deepStrictEqual(others, {
      ok: true,
      dry_run: true,
      codex_exec_pids: [resident.resident.pid],
      foreign_codex_exec_pids: [],
      workspace: looper.workspace,
      codex_exec_binary: looper.codexPath,
      codex_exec_binary_source: "env",
      argv,
      command: argv.join(" ")
    })
    const pids = tree as ReadonlyArray<number>
    assert.lengthOf(pids, 2)
    assert.include(pids, resident.resident.pid)
    assert.deepStrictEqual(
      pids,
      pids.toSorted((a, b) => a - b)
    )
    assert.isTrue(pids.every(isAlive))
    await assertNothingHappened(files)
    const records = looper.serverLog().slice(offset)
    assert.notMatch(records, / (?:run|process\.kill|zulip\.send|cmd|codex\.exec\.spawned)\b/)
  })

  it("shows the command as a shell would take it, in the workspace that is named", async () => {
    const workspace = join(looper.folder, "my workspace")
    mkdirSync(workspace)
    const answer = await dryRun({ codex_prompt: " it's\n", workspace })
    assert.deepInclude(answer.body, { workspace })
    assert.deepStrictEqual(argvIn(answer).slice(-2), [workspace, "it's"])
    assert.include(String(answer.body?.command), `'${workspace}' `)
    assert.deepStrictEqual(resident.changes(), noChange)
  })

  it("would start and stop nothing with an empty prompt, whatever else is wrong", async () => {
    const answer = await dryRun({ codex_prompt: " ", workspace: "/nowhere", codex_exec_binary: "no-such-codex" })
    assert.deepStrictEqual(
      [answer.status, answer.body],
      [
        200,
        {
          ok: true,
          dry_run: true,
          codex_exec_pids: [],
          tree_pids: [],
          foreign_codex_exec_pids: [],
          workspace: "/nowhere",
          codex_exec_binary: null,
          codex_exec_binary_source: null,
          argv: [],
          command: ""
        }
      ]
    )
    assert.deepStrictEqual(resident.changes(), noChange)
  })

  it.each([
    { over: { workspace: "/nowhere" }, code: "workspace_not_directory" },
    { over: { codex_exec_binary: "no-such-codex" }, code: "tool_missing" }
  ])("is refused where the preflight fails: $code", async ({ over, code }) => {
    const answer = await dryRun(over)
    assert.isTrue(await resident.isRefused(answer, 500))
    assert.deepInclude(answer.body, { code, step: "preflight" })
  })

  it.each(["yes", "true", 1, 0, [], {}])("is refused where dry_run is %j", async (value) => {
    assert.isTrue(await resident.isRefused(await dryRun({ dry_run: value }), 400, /^'dry_run' must be true or false$/))
    const kill = await looper.request("POST", "/kill", { body: { dry_run: value } })
    assert.isTrue(await resident.isRefused(kill, 400, /^'dry_run' must be true or false$/))
  })

  it("still needs a message, and fields that are right", async () => {
    assert.isTrue(await resident.isRefused(await dryRun({ zulip_message: " " }), 400, /^missing 'zulip_message'$/))
    assert.isTrue(
      await resident.isRefused(await dryRun({ codex_exec_delay_seconds: -1 }), 400, /'codex_exec_delay_seconds'/)
    )
  })
})

describe("POST /kill with dry_run", () => {
  it("names the targets and their trees, and signals nobody", async () => {
    const files = filesNow()
    const answer = await dryKill()
    assert.strictEqual(answer.status, 200, answer.text)
    const { tree_pids: tree, ...others } = answer.body ?? {}
    assert.deepStrictEqual(others, {
      ok: true,
      dry_run: true,
      codex_exec_pids: [resident.resident.pid],
      foreign_codex_exec_pids: []
    })
    assert.deepStrictEqual(tree, (await dryRun()).body?.tree_pids)
    await assertNothingHappened(files)
  })
})

describe("dry_run while a sequence holds the lock", () => {
  it("answers, and the sequence goes on", async () => {
    await using zulip = await startGatedZulip()
    await using busy = await startLooper({ env: zulip.env })
    zulip.shut()
    const sequence = busy.run(codexScript([{ hang: true }]))
    await until(() => zulip.messages.length === 1, "the sequence sends its message")
    const body = { zulip_message: "m", codex_prompt: "p" }
    for (const off of [undefined, null, false]) {
      assert.strictEqual((await busy.run({ ...body, dry_run: off })).status, 409)
    }
    const [run, kill] = [
      await busy.run({ ...body, dry_run: true }),
      await busy.request("POST", "/kill", { body: { dry_run: true } })
    ]
    assert.deepStrictEqual([run.status, kill.status], [200, 200], run.text)
    assert.deepStrictEqual(run.body?.codex_exec_pids, [])
    assert.lengthOf(busy.runLogs(), 1)
    zulip.open()
    const { pid } = runOf(await sequence)
    assert.isTrue(isAlive(pid))
    assert.lengthOf(zulip.messages, 1)
    const { codex_exec_pids: targets } = (await busy.request("POST", "/kill", { body: { dry_run: true } })).body ?? {}
    assert.deepStrictEqual(targets, [pid])
    const off = await busy.request("POST", "/kill", { body: { dry_run: false } })
    assert.deepStrictEqual(off.body?.killed_codex_exec_pids, [pid])
    assert.notInclude(readFileSync(busy.serverLogPath, "utf8"), "http.fields.unknown")
  })
})
