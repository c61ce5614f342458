/** The configuration of a real Looper: what stops its start with one line, what only warns, and `.env`. */
import { assert, describe, it } from "@effect/vitest"
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import { codexScript, installCodexStandIn } from "../../src/testing/CodexStandIn.ts"
import { sendRequest } from "../support/httpClient.ts"
import { checkout, startLooper } from "../support/looperProcess.ts"
import { sizeOf, until } from "../support/processes.ts"
import { runOf } from "../support/residentLooper.ts"

const folder = mkdtempSync(join(tmpdir(), "looper-configuration-"))
afterAll(() => rmSync(folder, { recursive: true }))

/** Starts Looper where it must not start. */
const start = (environment: Readonly<Record<string, string>>) => {
  const { promise, resolve } = Promise.withResolvers<{ code: unknown; stdout: string; stderr: string }>()
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    LOOPER_HOST: "127.0.0.1",
    LOOPER_PORT: "0",
    LOOPER_NOTIFIER: "log",
    LOOPER_SERVER_LOG_PATH: join(folder, "looper-server.log"),
    CODEX_EXEC_LOG_DIR: join(folder, "logs"),
    ...environment
  }
  execFile(
    process.execPath,
    [join(checkout, "src/main.ts"), "serve"],
    { env, timeout: 30_000 },
    (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr })
  )
  return promise
}

const secret = "sesame-0123456789"

const wrong: ReadonlyArray<readonly [environment: Readonly<Record<string, string>>, line: string]> = [
  [{ LOOPER_PORT: "65536" }, 'LOOPER_PORT is "65536": allowed is a whole number from 0 to 65535'],
  [{ CODEX_EXEC_KILL_SCOPE: "none\nat all" }, 'CODEX_EXEC_KILL_SCOPE is "none\\nat all": allowed is '],
  [{ CODEX_EXEC_EXTRA_ARGS: "-c 'open" }, 'CODEX_EXEC_EXTRA_ARGS is "-c \'open": allowed is shell-quoted words '],
  [{ LOOPER_API_TOKEN_FILE: "/no/such/file" }, 'LOOPER_API_TOKEN_FILE is "/no/such/file": allowed is a readable file '],
  [
    { LOOPER_API_TOKEN: secret, LOOPER_API_TOKEN_FILE: "/f" },
    'LOOPER_API_TOKEN_FILE is "/f": allowed is unset beside '
  ],
  [{ LOOPER_NOTIFIER: "webhook", LOOPER_WEBHOOK_URL: `ftp://h/${secret}` }, "LOOPER_WEBHOOK_URL: allowed is an http "],
  [
    { LOOPER_DEFAULT_PROMPT: "p", LOOPER_DEFAULT_PROMPT_FILE: "/p" },
    'LOOPER_DEFAULT_PROMPT_FILE is "/p": allowed is unset '
  ]
]

describe("a wrong value", () => {
  it.each(wrong)("stops the start with one line: %j", async (environment, line) => {
    const { code, stdout, stderr } = await start(environment)
    assert.deepStrictEqual([code, stdout], [1, ""])
    assert.match(stderr, /^looper: .*\n$/)
    assert.isTrue(stderr.startsWith(`looper: ${line}`), stderr)
    assert.notInclude(stderr, secret)
    assert.isFalse(existsSync(join(folder, "looper-server.log")))
    assert.isFalse(existsSync(join(folder, "logs")))
  })
})

describe("an address that cannot be bound", () => {
  it.each([
    ["192.0.2.1", /: the address is not on this machine$/],
    ["no-such-host.invalid", /: /]
  ])("stops the start with one line: %j", async (host, reason) => {
    const { code, stderr } = await start({ LOOPER_HOST: host })
    assert.strictEqual(code, 1)
    assert.match(stderr, /^looper: cannot listen on .*\(LOOPER_HOST, LOOPER_PORT\): .+\n$/)
    assert.match(stderr.trimEnd(), reason)
  })
})

describe("a default workspace that is missing", () => {
  it("is a warning; who names another one gets a run", async () => {
    const missing = join(folder, "to-be-made")
    await using looper = await startLooper({
      env: { LOOPER_DEFAULT_WORKSPACE: missing, LOOPER_AUTO_START_WHEN_IDLE: "1" }
    })
    const warning = / WARNING looper codex\.exec\.autopoll\.misconfigured .*\n/
    const line = await until(() => warning.exec(looper.serverLog())?.[0], "the warning")
    assert.include(line, missing)
    const refused = await looper.run("p")
    assert.deepStrictEqual([refused.status, refused.body?.code], [500, "workspace_not_directory"])
    const run = await looper.run({ zulip_message: "m", codex_prompt: "p", workspace: looper.workspace })
    assert.strictEqual(run.status, 200, run.text)
    mkdirSync(missing)
    const tick = async () => (await looper.request("POST", "/autopoll/tick")).body?.outcome
    await until(async () => (await tick()) === "started", "a tick starts a run there")
  })
})

/** A copy of the program in a folder of its own, which is its root. */
const installCopy = () => {
  const root = join(folder, "copy")
  mkdirSync(root)
  for (const name of ["src", "effects", "handlers", "package.json"]) {
    cpSync(join(checkout, name), join(root, name), { recursive: true })
  }
  symlinkSync(join(checkout, "node_modules"), join(root, "node_modules"))
  return root
}

describe("an .env file", () => {
  it("configures Looper from its root, files of secrets below it; the environment wins, and a run sees neither", async () => {
    const root = installCopy()
    mkdirSync(join(root, "work"))
    const seen = join(root, "seen")
    const lines = {
      LOOPER_HOST: "127.0.0.1",
      LOOPER_PORT: "99999",
      LOOPER_NOTIFIER: "log",
      // Its runs are not the only ones on this machine.
      CODEX_EXEC_KILL_SCOPE: "own",
      LOOPER_AUTO_START_WHEN_IDLE: "off",
      LOOPER_API_TOKEN_FILE: "token",
      LOOPER_DEFAULT_WORKSPACE: "work",
      LOOPER_DEFAULT_PROMPT: `'${codexScript([{ environmentTo: seen }])}'`,
      CODEX_EXEC_BINARY: installCodexStandIn(root),
      CODEX_EXEC_DELAY_SECONDS: "0",
      FROM_DOT_ENV: "1"
    }
    writeFileSync(
      join(root, ".env"),
      Object.entries(lines)
        .map(([name, value]) => `${name}=${value}\n`)
        .join("")
    )
    writeFileSync(join(root, "token"), `${secret}\n`)
    const child = spawn(process.execPath, [join(root, "src/main.ts"), "serve"], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, LOOPER_PORT: "0", FROM_ENVIRONMENT: "1" },
      stdio: ["ignore", "pipe", "inherit"]
    })
    const exited = once(child, "exit")
    let output = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text))
    try {
      const url = await until(() => /server\.listening url="?([^\s"]+)/.exec(output)?.[1], "it listens", 15_000)
      await until(() => /codex\.exec\.autopoll\.disabled/.test(output), "autopoll is off")
      const body = { zulip_message: "m" }
      assert.strictEqual((await sendRequest(url, "POST", "/run", { body })).status, 401)
      const headers = { authorization: `Bearer ${secret}` }
      const run = await sendRequest(url, "POST", "/run", { body, headers })
      assert.deepInclude(run.body, { ok: true, workspace: "work", codex_exec_binary_source: "env" }, run.text)
      assert.isTrue(runOf(run).log_path.startsWith(join(root, "logs/codex-exec-")))
      await until(() => sizeOf(seen) > 0, "the run has begun")
      const environment = await until(() => parse(readFileSync(seen, "utf8")), "the run's environment")
      assert.strictEqual(environment.FROM_ENVIRONMENT, "1")
      assert.doesNotHaveAnyKeys(environment, ["FROM_DOT_ENV", "LOOPER_API_TOKEN_FILE", "LOOPER_PORT"])
    } finally {
      child.kill("SIGTERM")
      assert.deepStrictEqual(await exited, [0, null])
    }
    assert.notInclude(output + readFileSync(join(root, "logs/looper-server.log"), "utf8"), secret)
  })
})

/** The object, once the text is whole. */
const parse = (text: string): Readonly<Record<string, string>> | undefined => {
  try {
    return JSON.parse(text) as Readonly<Record<string, string>>
  } catch {
    return undefined
  }
}
