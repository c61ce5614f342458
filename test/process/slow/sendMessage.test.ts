import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { ManagedRuntime } from "effect"
import { ZulipServer, type ZulipServerShape } from "../../../src/testing/ZulipServer.ts"
import { zulipReplies } from "../../../src/testing/zulipReplies.ts"
import { startCountingZulip } from "../../support/countingZulip.ts"
import { checkout, startLooper } from "../../support/looperProcess.ts"
import { until, withEnvironment } from "../../support/processes.ts"

/** The system's own Node, outside of node_modules; an older one than Looper's where there is one. */
const systemNode = (): string => {
  const nodes = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"))
  for (const folder of nodes) {
    const node = join(folder, "node")
    try {
      if (/^v(2[0-9])\./.test(execFileSync(node, ["--version"], { encoding: "utf8" }))) return node
    } catch {
      // no Node in that folder
    }
  }
  return process.execPath
}

const runtime = ManagedRuntime.make(ZulipServer.layer({ channels: ["coding"], botOwnerId: 8 }))
let server: ZulipServerShape
let home: string
let env: Readonly<Record<string, string>>

beforeAll(async () => {
  server = await runtime.runPromise(ZulipServer)
  home = mkdtempSync(join(tmpdir(), "looper-send-"))
  env = { ZULIP_SITE: server.url, ZULIP_BOT_EMAIL: server.email, ZULIP_BOT_API_KEY: server.apiKey }
})

afterAll(async () => {
  await runtime.dispose()
  rmSync(home, { recursive: true, force: true })
})

/** Starts the script as from a shell. */
const start = (args: ReadonlyArray<string>, over: Readonly<Record<string, string>>, entry = "") => {
  const environment = { PATH: process.env.PATH ?? "", HOME: home, ...over }
  const path = entry || join(checkout, "send-zulip-dm.js")
  return spawn(systemNode(), [path, ...args], { cwd: home, env: environment, stdio: ["ignore", "pipe", "pipe"] })
}

/** Runs it to its end. */
const script = async (args: ReadonlyArray<string>, over: Readonly<Record<string, string>> = env, entry = "") => {
  const child = start(args, over, entry)
  const [stdout, stderr, [code]] = await Promise.all([
    child.stdout.setEncoding("utf8").toArray(),
    child.stderr.setEncoding("utf8").toArray(),
    once(child, "close")
  ])
  return { code: code as number, stdout: stdout.join(""), stderr: stderr.join("") }
}

/** The contents of messages sent from now on. */
const sent = () => {
  const before = server.messages.length
  return () => server.messages.slice(before).map(({ content }) => content)
}

const ok = /^OK message_id=\d+ type=stream stream=coding topic=verified-cad\n$/

describe("send-zulip-dm.js", () => {
  it("sends its argument and prints what became of it", async () => {
    const contents = sent()
    const end = await script(["start: ä 😀\nsecond line"])
    assert.match(end.stdout, ok)
    assert.deepInclude(end, { code: 0, stderr: "" })
    assert.deepStrictEqual(contents(), ["start: ä 😀\nsecond line"])
  })

  it("joins several words, and takes no word for an option that is not exactly one", async () => {
    const contents = sent()
    assert.match((await script(["-", "--dry-runs", "now --check"])).stdout, ok)
    assert.match((await script(["--", "--dry-run"])).stdout, ok)
    assert.deepStrictEqual(contents(), ["- --dry-runs now --check", "--dry-run"])
  })

  it.each([[[]], [[""]], [[" ", "\n"]], [["--"]]])("prints its usage for %j and sends nothing", async (args) => {
    const contents = sent()
    const end = await script(args)
    assert.deepInclude(end, { code: 2, stdout: "" })
    assert.match(end.stderr, /^usage: node send-zulip-dm\.js /)
    assert.deepStrictEqual(contents(), [])
  })

  it("says in one line why it failed", async () => {
    server.reply(zulipReplies.error(401, "INVALID_API_KEY", "Invalid\nAPI key"))
    assert.deepStrictEqual(await script(["m"]), {
      code: 1,
      stdout: "",
      stderr:
        "Zulip request failed (401): Invalid\\nAPI key [INVALID_API_KEY]; ZULIP_BOT_EMAIL or ZULIP_BOT_API_KEY is wrong\n"
    })
    const wrong = await script(["m"], { ...env, LOOPER_PORT: "70000" })
    assert.deepInclude(wrong, { code: 1, stdout: "" })
    assert.match(wrong.stderr, /^LOOPER_PORT is "70000": .*\n$/)
    assert.deepInclude(await script(["m"], {}), { code: 1, stderr: "Missing ZULIP_SITE\n" })
  })

  it("reads the zuliprc of the home folder", async () => {
    const path = join(home, ".zuliprc")
    writeFileSync(path, `[api]\nemail=${server.email}\nkey=${server.apiKey}\nsite=${server.url}\n`, { mode: 0o600 })
    try {
      assert.match((await script(["m"], {})).stdout, ok)
      assert.strictEqual(
        (await script(["--dry-run"], {})).stdout,
        `DRY_RUN_OK source=zuliprc:${path} [api] site=set email=set key=set type=stream stream=coding topic=verified-cad\n`
      )
    } finally {
      rmSync(path)
    }
  })
})

describe("send-zulip-dm.js that is told to end", () => {
  it("ends with what it started", async () => {
    server.reply(zulipReplies.slowHeaders)
    const before = server.requests.length
    const child = start(["m"], { ...env, SEND_TEST: home })
    await runtime.runPromise(server.received(before + 1))
    child.kill("SIGTERM")
    const [code, signal] = await once(child, "exit")
    assert.isTrue(code === 143 || signal === "SIGTERM", `${code} ${signal}`)
    await until(() => withEnvironment("SEND_TEST", home).length === 0, "its processes are gone")
  })
})

describe("send-zulip-dm.js --dry-run", () => {
  it("looks at the settings and asks nobody", async () => {
    const before = server.requests.length
    const end = await script(["--dry-run"])
    const line = "source=env-only site=set email=set key=set type=stream stream=coding topic=verified-cad"
    assert.deepStrictEqual(end, { code: 0, stdout: `DRY_RUN_OK ${line}\n`, stderr: "" })
    const direct = await script(["a message", "--dry-run"], { ...env, ZULIP_MESSAGE_TYPE: "private" })
    assert.match(direct.stdout, /^DRY_RUN_OK .* type=private to=8-Tessa\n$/)
    assert.strictEqual(server.requests.length, before)
  })

  it("names everything that is missing", async () => {
    const end = await script(["--dry-run"], { ZULIP_BOT_EMAIL: "bot@x.org" })
    assert.deepStrictEqual(end, { code: 1, stdout: "", stderr: "Missing ZULIP_SITE, ZULIP_BOT_API_KEY\n" })
    const path = join(home, "none")
    assert.deepStrictEqual(await script(["--dry-run"], { ...env, ZULIP_BOT_API_KEY: "", ZULIPRC_PATH: path }), {
      code: 1,
      stdout: "",
      stderr: `Missing ZULIP_BOT_API_KEY; the zuliprc ${path} does not exist\n`
    })
  })
})

describe("send-zulip-dm.js --check", () => {
  it("asks the server, one line a check, and sends nothing", async () => {
    const contents = sent()
    const end = await script(["--check"])
    assert.deepInclude(end, { code: 0, stderr: "" })
    assert.match(end.stdout, /^ok settings: .*\nok server: .*\nok bot: .*\nok channel: .*\n$/)
    assert.deepStrictEqual(contents(), [])
  })

  it("fails with the check that failed", async () => {
    const end = await script(["--check"], { ...env, ZULIP_STREAM: "other" })
    assert.deepInclude(end, { code: 1, stderr: "" })
    assert.match(end.stdout, /\nfailed channel: .*Channel 'other' does not exist.*\n$/)
  })
})

describe("send-zulip-dm.js --send-test", () => {
  it("sends one message to the bot's owner and prints what became of it", async () => {
    const contents = sent()
    const end = await script(["--send-test"])
    assert.deepInclude(end, { code: 0, stderr: "" })
    assert.match(end.stdout, /^OK message_id=\d+ type=private to=8\n$/)
    assert.deepStrictEqual(
      contents().map((text) => text.slice(0, 6)),
      ["Looper"]
    )
    assert.deepStrictEqual(server.messages.at(-1)?.to, [8])
  })

  it("fails in one line", async () => {
    assert.deepStrictEqual(await script(["--send-test"], {}), { code: 1, stdout: "", stderr: "Missing ZULIP_SITE\n" })
  })
})

describe("send-zulip-dm.js in another folder", () => {
  it("reads the .env beside it", async () => {
    const folder = join(home, "looper")
    mkdirSync(folder)
    for (const name of ["src", "node_modules", "package.json"]) symlinkSync(join(checkout, name), join(folder, name))
    for (const name of ["send-zulip-dm.js", "nodeAgain.js"]) copyFileSync(join(checkout, name), join(folder, name))
    writeFileSync(
      join(folder, ".env"),
      `${Object.entries(env)
        .map((pair) => pair.join("="))
        .join("\n")}\nZULIP_TOPIC=t\n`
    )
    const end = await script(["m"], {}, join(folder, "send-zulip-dm.js"))
    assert.match(end.stdout, /^OK message_id=\d+ type=stream stream=coding topic=t\n$/)
  })

  it("says in one line that it needs Node 24 where there is none", async (context) => {
    if (Number.parseInt(execFileSync(systemNode(), ["--version"], { encoding: "utf8" }).slice(1), 10) >= 24) {
      context.skip("the system's Node is new enough")
    }
    const folder = join(home, "alone")
    mkdirSync(folder)
    writeFileSync(join(folder, "package.json"), '{"type":"module"}')
    for (const name of ["send-zulip-dm.js", "nodeAgain.js"]) copyFileSync(join(checkout, name), join(folder, name))
    const copy = join(folder, "send-zulip-dm.js")
    const end = await script(["m"], env, copy)
    assert.deepInclude(end, { code: 1, stdout: "" })
    assert.match(end.stderr, /^send-zulip-dm needs Node 24, this is 2\d\..*\n$/)
  })
})

describe("POST /run", () => {
  it("sends a message that reads like an option of the script", async () => {
    await using zulip = await startCountingZulip()
    await using looper = await startLooper({ env: zulip.env })
    for (const message of ["--dry-run", "--check", "--send-test"]) {
      const answer = await looper.run({ zulip_message: message, codex_prompt: "" })
      assert.strictEqual(answer.status, 200)
      assert.match(String((answer.body as { zulip_output: string }).zulip_output), /^OK message_id=/)
    }
    assert.deepStrictEqual(zulip.messages, ["--dry-run", "--check", "--send-test"])
  })
})
