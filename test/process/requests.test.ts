/** Bad fields: each gets a clear answer and has no effect at all. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import type { Answer } from "../support/httpClient.ts"
import { beats, isAlive, until } from "../support/processes.ts"
import { noChange, type ResidentLooper, runOf, startResidentLooper } from "../support/residentLooper.ts"

let house: ResidentLooper
beforeAll(async () => {
  house = await startResidentLooper()
})
afterAll(() => house?.[Symbol.asyncDispose]())

const isRefused = (answer: Answer, status: number, error?: RegExp) => house.isRefused(answer, status, error)
const post = (path: string, body: unknown) => house.looper.request("POST", path, { body })
const postText = (path: string, raw: string) =>
  house.looper.request("POST", path, { raw, headers: { "content-type": "application/json" } })

const notText = [1, 0, true, false, [], ["x"], {}, { a: "x" }]
const notNumber = [
  true,
  false,
  [],
  [1],
  {},
  "",
  "  ",
  "NaN",
  "Infinity",
  "-Infinity",
  "inf",
  "0x10",
  "1_000",
  "1,5",
  "1s"
]
const shown = (value: unknown) => {
  const text = JSON.stringify(value)
  return text.length > 40 ? `${text.slice(0, 30)}… (${text.length})` : text
}

/** A field of `/run`, `/spawn` or `/notify` and a value of it that is refused. */
type BadField = readonly [field: string, value: unknown, error?: RegExp]

const named = (field: string) => new RegExp(`'${field}'`)
const badMessages: ReadonlyArray<BadField> = [
  [undefined, /^missing 'zulip_message'$/] as const,
  [null, /^missing 'zulip_message'$/] as const,
  ...["", " \n\t", ...notText, "a\0b", "\ud800", "a\udc00b"].map((value) => [value] as const)
].map(([value, error]) => ["zulip_message", value, error ?? named("zulip_message")])
/** Each field with each value. */
const pairs = (
  fields: ReadonlyArray<string>,
  values: ReadonlyArray<unknown>,
  error: (field: string) => RegExp
): ReadonlyArray<BadField> => fields.flatMap((field) => values.map((value): BadField => [field, value, error(field)]))

const badPrompts = pairs(
  ["codex_prompt", "prompt"],
  [...notText, "a\0b", "\ud800", "x\udfff", "-", " - ", "x".repeat(131_072), `${"é".repeat(65_535)}xx`],
  named
)
const badTexts = [
  ...pairs(["workspace", "codex_exec_binary", "zulip_script_path"], [...notText, "/tmp\0/x"], named),
  ...pairs(["codex_exec_binary", "zulip_script_path"], ["", " \t"], named)
]
const delayFields = [
  "codex_exec_delay_seconds",
  "startup_delay_seconds",
  "sidebar_delay_seconds",
  "new_task_delay_seconds",
  "prompt_send_delay_seconds"
]
const mostSeconds = (field: string) => (field === "codex_exec_startup_check_seconds" ? 3_600 : 86_400)
const secondsFields = [...delayFields, "codex_exec_startup_check_seconds"]
const badSeconds: ReadonlyArray<BadField> = [
  ...pairs(secondsFields, notNumber, (field) => new RegExp(`^'${field}' must be a number$`)),
  ...pairs(secondsFields, [-1, -0.001, "-1", " -1e-3 ", -1e308], (field) => new RegExp(`^'${field}' must be >= 0$`)),
  ...pairs(secondsFields, ["1e400", "1e308", 1e308], named),
  ...secondsFields.flatMap((field) => {
    const most = mostSeconds(field)
    return pairs([field], [most + 1, most + 0.001, String(most + 1)], named)
  })
]

const title = ([field, value]: BadField) => `refuses ${field} ${value === undefined ? "absent" : shown(value)}`
const cases = (fields: ReadonlyArray<BadField>) =>
  fields.map((bad) => ({ name: title(bad), field: bad[0], value: bad[1], error: bad[2] ?? named(bad[0]) }))

const good = { zulip_message: "m", codex_prompt: "p" }
/** Right in every field, and refused before any effect. */
const harmless = { ...good, workspace: "/nowhere/at/all" }

describe("fields of POST /run", () => {
  it.each(cases([...badMessages, ...badPrompts, ...badTexts, ...badSeconds]))(
    "$name",
    async ({ field, value, error }) => {
      assert.isTrue(await isRefused(await post("/run", { ...harmless, [field]: value }), 400, error))
    }
  )

  it.each([
    ["codex_exec_delay_seconds", "1e400"],
    ["codex_exec_delay_seconds", "-1e400"],
    ["codex_exec_startup_check_seconds", "1e400"],
    ["codex_exec_startup_check_seconds", `1${"0".repeat(400)}`]
  ])("refuses %s written as %s", async (field, written) => {
    assert.isTrue(
      await isRefused(await postText("/run", `{"zulip_message":"m","codex_prompt":"p","${field}":${written}}`), 400)
    )
  })

  it("refuses partial delays whose sum is too large", async () => {
    const body = { ...harmless, startup_delay_seconds: 50_000, new_task_delay_seconds: 50_000 }
    assert.isTrue(await isRefused(await post("/run", body), 400, /must be <= 86,?400|_seconds/))
  })

  it.each([
    [{ prompt: 5 }],
    [{ prompt: "x".repeat(131_072) }],
    [{ codex_exec_delay_seconds: 0, startup_delay_seconds: -1 }],
    [{ codex_prompt: "", codex_exec_delay_seconds: "x" }],
    [{ codex_prompt: "", workspace: 7 }]
  ])("validates a field that is not used: %j", async (fields) => {
    assert.isTrue(await isRefused(await post("/run", { ...harmless, ...fields }), 400))
  })

  it("refuses a workspace that is no directory, naming it", async () => {
    const answer = await post("/run", { ...good, workspace: "/nowhere/at/all" })
    assert.isTrue(await isRefused(answer, 500, /^workspace is not a directory: \/nowhere\/at\/all$/))
    assert.strictEqual(answer.body?.step, "preflight")
  })

  it.each(["/etc/passwd", `/${"x".repeat(300)}`, "/x".repeat(5_000), "/tmp/\n/x", "~nobody-at-all"])(
    "refuses the workspace %s",
    async (workspace) => {
      const answer = await post("/run", { ...good, workspace })
      assert.isTrue(await isRefused(answer, 500, /^workspace is not a directory: /))
      assert.strictEqual(answer.body?.step, "preflight")
    }
  )

  it("refuses a workspace that is not valid Unicode", async () => {
    const answer = await post("/run", { ...good, workspace: "/tmp/\ud800" })
    assert.isTrue(await isRefused(answer, answer.status === 400 ? 400 : 500, /workspace/))
  })

  it.each(["no-such-codex-anywhere", "/no/such/codex", "./no/such/codex", `/${"x".repeat(300)}`, "/x".repeat(5_000)])(
    "refuses the binary %s without falling through",
    async (binary) => {
      const answer = await post("/run", { ...good, codex_exec_binary: binary })
      assert.isTrue(await isRefused(answer, 500, /^required tool is missing from PATH: /))
      assert.include(String(answer.body?.error), binary)
      assert.strictEqual(answer.body?.step, "preflight")
    }
  )

  it.each(["", "  ", null])("takes the default workspace for %j", async (workspace) => {
    const answer = await post("/run", { zulip_message: "m", codex_prompt: "", workspace })
    assert.strictEqual(answer.body?.workspace, house.looper.workspace)
    assert.deepStrictEqual(house.changes(), { ...noChange, messages: 1 })
  })

  it("refuses a binary that is no program", async () => {
    assert.isTrue(await isRefused(await post("/run", { ...good, codex_exec_binary: "/etc/passwd" }), 500))
    assert.isTrue(await isRefused(await post("/run", { ...good, codex_exec_binary: "/etc" }), 500))
  })

  it.each([...[0, 0.5, 86_400, "0", " 0 ", "+0", "0.25", "0e5", "8.64E4", "-0", null].entries()])(
    "accepts delay %#: %j",
    async (_, value) => {
      for (const field of delayFields) {
        const answer = await post("/run", { ...harmless, [field]: value })
        assert.isTrue(await isRefused(answer, 500, /^workspace is not a directory/))
      }
    }
  )

  it.each([...[0, 3_600, "3600", " 0.5 ", "3.6e3", null].entries()])(
    "accepts startup check %#: %j",
    async (_, value) => {
      const answer = await post("/run", { ...harmless, codex_exec_startup_check_seconds: value })
      assert.isTrue(await isRefused(answer, 500, /^workspace is not a directory/))
    }
  )

  it.each([
    ["131,071 bytes", "x".repeat(131_071)],
    ["131,071 bytes in letters of two", `${"é".repeat(65_535)}x`],
    ["131,071 bytes within spaces", `  ${"x".repeat(131_071)}\n`],
    ["a pair of surrogates", "\u{1f600}"],
    ["a word that codex would parse", "--help"],
    ["a subcommand of codex", "resume"]
  ])("accepts a prompt of %s", async (_, prompt) => {
    const fromPrompt = await post("/run", { ...harmless, codex_prompt: null, prompt })
    assert.isTrue(await isRefused(fromPrompt, 500, /^workspace is not a directory/))
    assert.isTrue(
      await isRefused(await post("/run", { ...harmless, codex_prompt: prompt }), 500, /^workspace is not a directory/)
    )
  })

  it.each([
    { codex_prompt: "" },
    { codex_prompt: " \n " },
    { codex_prompt: null, prompt: "" },
    { codex_prompt: "", prompt: "x" }
  ])("sends only the message for an empty prompt: %j", async (prompts) => {
    const answer = await post("/run", { ...harmless, ...prompts })
    assert.strictEqual(answer.status, 200, answer.text)
    assert.include(answer.body, { ok: true, codex_exec_started: false, codex_exec_result: null })
    assert.deepStrictEqual(house.changes(), { ...noChange, messages: 1 })
  })
})

describe("fields of the other routes", () => {
  it.each(cases(badMessages))("/notify $name", async ({ field, value, error }) => {
    assert.isTrue(await isRefused(await post("/notify", { [field]: value }), 400, error))
  })

  it.each(cases([...badPrompts, ...badTexts, ...badSeconds].filter(([field]) => field !== "zulip_script_path")))(
    "/spawn $name",
    async ({ field, value, error }) => {
      assert.isTrue(await isRefused(await post("/spawn", { codex_prompt: "p", [field]: value }), 400, error))
    }
  )

  it.each(["", " \n"])("/spawn refuses the empty prompt %j", async (codex_prompt) => {
    assert.isTrue(await isRefused(await post("/spawn", { codex_prompt }), 400, /codex_prompt/))
  })

  it("/spawn refuses while a run is alive, naming its pid, and takes a message for an unknown field", async () => {
    const answer = await post("/spawn", { codex_prompt: "p", zulip_message: 5 })
    assert.isTrue(await isRefused(answer, 409, /^busy: a codex exec is running$/))
    assert.strictEqual(answer.body?.code, "run_alive")
    assert.deepStrictEqual(answer.body?.pids, [house.resident.pid])
  })

  it("/notify takes the fields of /run for unknown ones", async () => {
    const answer = await post("/notify", { zulip_message: "only", codex_prompt: 5, workspace: [] })
    assert.strictEqual(answer.status, 200, answer.text)
    assert.deepStrictEqual(house.changes(), { ...noChange, messages: 1 })
  })
})

describe("after all that", () => {
  it("a good request still announces, replaces and launches", async () => {
    assert.isTrue(await beats(house.resident.heartbeat))
    const argv = join(house.looper.folder, "argv")
    const script = codexScript([{ argvTo: argv }, { hang: true }])
    const prompt = script.replace("[", `[${" ".repeat(131_071 - script.length)}`)
    const answer = await post("/run", {
      zulip_message: "good",
      codex_prompt: prompt,
      codex_exec_delay_seconds: " 0.01 "
    })
    assert.strictEqual(answer.status, 200, answer.text)
    assert.isTrue(answer.text.endsWith("}\n"))
    assert.include(answer.body, { ok: true, codex_exec_started: true, request_id: answer.headers["x-request-id"] })
    assert.deepStrictEqual(answer.body?.killed_codex_exec_pids, [house.resident.pid])
    assert.deepStrictEqual(answer.body?.remaining_codex_exec_pids, [])
    assert.isFalse(isAlive(house.resident.pid))
    assert.strictEqual(house.zulip.messages.at(-1), "good")
    assert.include(house.changes(), { messages: 1, runLogs: 1 })
    await until(() => existsSync(argv), "the run is up")
    assert.strictEqual(Buffer.byteLength(JSON.parse(readFileSync(argv, "utf8")).at(-1)), 131_071)
    assert.isTrue(isAlive(runOf(answer).pid))
  })

  it("no request has been an internal error", () => {
    assert.notInclude(house.looper.serverLog(), "internal error")
    assert.notInclude(house.looper.output(), "internal_error")
  })
})
