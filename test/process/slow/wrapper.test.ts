/** `scripts/run-codex-task.sh`: what it asks of Looper, what it prints, and its exit codes, in two shells. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import type { ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll } from "vitest"
import { allPids, argvOf } from "../../support/processes.ts"
import { callWrapper, installWrapper, shells, startReceiver } from "../../support/wrapperScript.ts"

const folder = realpathSync(mkdtempSync(join(tmpdir(), "looper-wrapper-")))
/** A name that has all that JSON and shells may stumble over. */
const workspace = join(folder, 'w "x" \\n $(y) é\n')
const path = installWrapper(workspace)

let receiver: Awaited<ReturnType<typeof startReceiver>>
beforeAll(async () => {
  receiver = await startReceiver()
})
afterAll(async () => {
  await receiver.close()
  rmSync(folder, { recursive: true })
})
const ok = (response: ServerResponse): void => void response.end('{"ok":true}\n')
afterEach(() => {
  receiver.received.length = 0
  receiver.answer = ok
})

const telling = Arbitrary.schema(
  Schema.Literals([
    "\n",
    "\n\n",
    "\r",
    "\t",
    "\u0001",
    "\u0007",
    "\u001b[1m",
    "\u001f",
    "\u007f",
    "\u0085",
    "\u2028",
    '"',
    "'",
    "\\",
    "\\n",
    "\\u0041",
    "%s",
    "%",
    "%%d",
    "$(id)",
    "`id`",
    "$HOME",
    "&",
    "*",
    "~",
    "@/etc/passwd",
    "-",
    "{",
    "é",
    "€",
    "😀",
    "x",
    " "
  ])
)
const text = Arbitrary.map(Arbitrary.array(telling, { minLength: 1, maxLength: 12 }), (parts) => parts.join(""))

const bodies = () => receiver.received.map(({ text }) => JSON.parse(text))

describe.each(shells)("the wrapper in %s", (shell) => {
  const call = (words: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
    callWrapper({ shell, path, words, env: { LOOPER_URL: receiver.url, ...env } })

  it("asks for a run in the workspace that it lies in, with a message of its own and Looper's prompt", async () => {
    assert.deepStrictEqual(await call([]), { code: 0, stdout: '{"ok":true}\n', stderr: "" })
    const [{ method, path: route, headers } = {}, ...more] = receiver.received
    assert.deepStrictEqual([method, route, more.length], ["POST", "/run", 0])
    assert.strictEqual(headers?.["content-type"], "application/json")
    assert.isUndefined(headers?.authorization)
    assert.deepStrictEqual(bodies(), [{ zulip_message: "Codex task triggered from run-codex-task.sh", workspace }])
  })

  it.live.prop(
    "sends every text as it was given",
    [text, text],
    ([message, prompt]) =>
      Effect.promise(async () => {
        receiver.received.length = 0
        assert.strictEqual((await call(["--", message, prompt])).code, 0)
        assert.deepStrictEqual(bodies(), [{ zulip_message: message, workspace, codex_prompt: prompt }])
      }),
    { arbitrary: { runs: 40 } }
  )

  it("sends each control character, and a prompt as long as an argument can be", async () => {
    const controls = String.fromCharCode(...Array.from({ length: 31 }, (_, at) => at + 1), 127)
    const longest = '"\\é\u0001'.repeat(26_214)
    assert.strictEqual((await call([controls, longest])).code, 0)
    assert.deepStrictEqual(bodies(), [{ zulip_message: controls, workspace, codex_prompt: longest }])
  })

  it("sends an empty prompt, and the delays that are set", async () => {
    const env = {
      PROMPT_SEND_DELAY_SECONDS: "0.5",
      VSCODE_STARTUP_DELAY_SECONDS: "1",
      VSCODE_NEW_TASK_DELAY_SECONDS: ""
    }
    assert.strictEqual((await call(["m", ""], { ...env, VSCODE_SIDEBAR_DELAY_SECONDS: "2" })).code, 0)
    assert.deepStrictEqual(bodies(), [
      {
        zulip_message: "m",
        workspace,
        codex_prompt: "",
        startup_delay_seconds: "1",
        sidebar_delay_seconds: "2",
        prompt_send_delay_seconds: "0.5"
      }
    ])
  })

  it("takes Looper's address with or without the route, and neither a proxy nor curl's own settings", async () => {
    const home = join(folder, `home-${shell}`)
    mkdirSync(home)
    writeFileSync(join(home, ".curlrc"), "include\nuser-agent = mine\n")
    const env = { HOME: home, http_proxy: "http://127.0.0.1:9", ALL_PROXY: "http://127.0.0.1:9" }
    for (const end of ["", "/", "/run", "/run/"]) {
      const { code, stdout } = await call(["m"], { ...env, LOOPER_URL: `${receiver.url}${end}` })
      assert.deepStrictEqual([code, stdout], [0, '{"ok":true}\n'], end)
    }
    assert.deepStrictEqual(
      receiver.received.map(({ path: route }) => route),
      ["/run", "/run", "/run", "/run"]
    )
  })

  it("shows the token, or the ticket rather than it, to Looper and to no process list", async () => {
    const token = 'correct-horse"\\-battery %s'
    const seen: Array<string> = []
    receiver.answer = (response) => {
      seen.push(...allPids().flatMap(argvOf))
      ok(response)
    }
    await call(["m"], { LOOPER_API_TOKEN: token })
    await call(["m"], { LOOPER_API_TOKEN: token, LOOPER_RUN_TICKET: "0a.ticket" })
    assert.deepStrictEqual(
      receiver.received.map(({ headers }) => headers.authorization),
      [`Bearer ${token}`, "Bearer 0a.ticket"]
    )
    assert.isTrue(
      seen.some((word) => word.endsWith("/run")),
      "curl was seen"
    )
    assert.isFalse(seen.some((word) => word.includes("correct-horse") || word.includes("0a.ticket")))
  })

  const refusals: ReadonlyArray<readonly [status: number, code: number, body: string, line: string]> = [
    [
      409,
      3,
      '{"ok":false,"error":"busy: another run is in progress","code":"run_busy"}',
      "busy: another run is in progress"
    ],
    [409, 1, '{"ok":false,"error":"stopped by request","code":"cancelled"}', "stopped by request"],
    [401, 5, '{"ok":false,"error":"unauthorized","code":"unauthorized"}', "unauthorized"],
    [403, 5, '{"ok":false,"error":"no","code":"forbidden"}', "no"],
    [400, 1, String.raw`{"ok":false,"error":"a \"b\" \\ c","code":"x"}`, String.raw`a \"b\" \\ c`],
    [500, 1, '{"ok":false,"error":"workspace is not a directory: /x","code":"x"}', "workspace is not a directory: /x"],
    [503, 1, '{"ok":false,"error":"shutting down","code":"x"}', "shutting down"],
    [502, 1, "<html>\nno\n</html>", "no sentence"]
  ]
  it.each(refusals)(
    "prints an answer of %i and its sentence, and ends with %i: %s",
    async (status, code, body, line) => {
      receiver.answer = (response) => void response.writeHead(status).end(`${body}\n`)
      assert.deepStrictEqual(await call(["m"]), {
        code,
        stdout: `${body}\n`,
        stderr: `run-codex-task.sh: HTTP ${status}: ${line}\n`
      })
      assert.lengthOf(receiver.received, 1)
    }
  )

  it("ends with 4 where the connection is lost, and does not ask again: a run may have begun", async () => {
    receiver.answer = (response) => void response.socket?.destroy()
    const { code, stdout, stderr } = await call(["m"])
    assert.deepStrictEqual([code, stdout, receiver.received.length], [4, "", 1])
    assert.match(stderr, /^run-codex-task\.sh: the connection to http:.* was lost; whether .*\n$/)
  })

  /** A PATH on which `sleep` notes what it is told and curl finds nobody so many times. */
  const withoutListener = (name: string, times: number): Readonly<Record<string, string>> => {
    const bin = join(folder, `${name}-${shell}`)
    mkdirSync(bin)
    const put = (tool: string, text: string) => writeFileSync(join(bin, tool), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
    put("sleep", `echo "$*" >>${bin}/slept`)
    put(
      "curl",
      `echo >>${bin}/tries; [ "$(wc -l <${bin}/tries)" -gt ${times} ] || { echo "curl: (7) nobody"; exit 7; }
PATH=\${PATH#*:} exec curl "$@"`
    )
    return { PATH: `${bin}:${process.env.PATH}`, BIN: bin }
  }

  it("asks a second time where nobody listens, because nothing was sent", async () => {
    const env = withoutListener("once", 1)
    assert.deepStrictEqual(await call(["m"], env), { code: 0, stdout: '{"ok":true}\n', stderr: "" })
    assert.lengthOf(receiver.received, 1)
    assert.strictEqual(readFileSync(join(env.BIN ?? "", "slept"), "utf8"), "2\n")
  })

  it("ends with 4 where nobody listens then either", async () => {
    const { code, stdout, stderr } = await call(["m"], withoutListener("twice", 2))
    assert.deepStrictEqual([code, stdout, receiver.received.length], [4, "", 0])
    assert.strictEqual(stderr, `run-codex-task.sh: Looper cannot be reached at ${receiver.url}: (7) nobody\n`)
  })

  const wrong: ReadonlyArray<
    readonly [words: ReadonlyArray<string>, env: Readonly<Record<string, string>>, line: RegExp]
  > = [
    [["a", "b", "c"], {}, /^run-codex-task\.sh: expected at most a message and a prompt, got 3 arguments; .*\n$/],
    [["--message", "a"], {}, /^run-codex-task\.sh: unknown option --message; .*\n$/],
    [["m"], { LOOPER_URL: "127.0.0.1:3456" }, /^run-codex-task\.sh: LOOPER_URL must begin .*: 127\.0\.0\.1:3456\n$/],
    [["m"], { LOOPER_API_TOKEN: "a\nX-Evil: b" }, /^run-codex-task\.sh: LOOPER_API_TOKEN must be one line .*\n$/]
  ]
  it.each(wrong)("ends with 2 for %j in %j, and asks nothing", async (words, env, line) => {
    const { code, stdout, stderr } = await call(words, env)
    assert.deepStrictEqual([code, stdout, receiver.received.length], [2, "", 0])
    assert.match(stderr, line)
  })

  it("says what it needs where curl is missing", async () => {
    const { code, stderr } = await callWrapper({
      shell: `/bin/${shell}`,
      path,
      words: ["m"],
      env: { PATH: "/nowhere" }
    })
    assert.deepStrictEqual([code, stderr], [1, "run-codex-task.sh: curl is missing from PATH\n"])
  })

  it.each(["-h", "--help"])("explains itself with %s", async (option) => {
    const { code, stdout, stderr } = await call([option])
    assert.deepStrictEqual([code, stderr, receiver.received.length], [0, "", 0])
    assert.match(stdout, /^usage: run-codex-task\.sh /)
    const names = ["LOOPER_URL", "LOOPER_RUN_TICKET", "LOOPER_API_TOKEN", "PROMPT_SEND_DELAY_SECONDS"]
    for (const name of names) assert.include(stdout, name)
  })
})
