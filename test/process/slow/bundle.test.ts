/** Looper as its users start it: the bundle of `looper.js`, and the source wherever that is not what was bundled. */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { afterAll, beforeAll } from "vitest"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { type BundledLooper, bundleLooper } from "../../support/bundledLooper.ts"
import { readRunLog } from "../../support/logs.ts"
import { startLooper } from "../../support/looperProcess.ts"
import { isAlive, killHard, until } from "../../support/processes.ts"

let looper: BundledLooper
beforeAll(() => {
  looper = bundleLooper()
})
afterAll(() => looper?.[Symbol.dispose]())

const packageJson: { readonly version: string } = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../../package.json"), "utf8")
)

const zulip = {
  ZULIP_SITE: "https://zulip.example",
  ZULIP_BOT_EMAIL: "bot@zulip.example",
  ZULIP_BOT_API_KEY: "k"
}

/** For `invoke`. */
const invoked = () => {
  const folder = join(looper.folder, "invoked")
  return {
    LOOPER_NOTIFIER: "log",
    CODEX_EXEC_KILL_SCOPE: "own",
    CODEX_EXEC_LOG_DIR: folder,
    LOOPER_SERVER_LOG_PATH: join(folder, "looper-server.log")
  }
}

/** Has the bundle, and nothing else, say so. */
const markBundle = () => {
  writeFileSync(mainFile(), `process.stderr.write("bundled\\n");${readFileSync(mainFile(), "utf8")}`)
}

const mainFile = () => join(looper.folder, "dist/bin/main.cjs")
const cached = () => readdirSync(join(looper.folder, "dist/cache")).toSorted()

const isBundleRun = async () => (await looper.say(["looper.js", "--version"])).stderr === "bundled\n"

describe("what looper.js starts", () => {
  it("is the bundle while the source is what was bundled", async () => {
    looper.build()
    markBundle()
    assert.deepStrictEqual(await looper.say(["looper.js", "--version"]), {
      code: 0,
      stdout: `looper ${packageJson.version}\n`,
      stderr: "bundled\n"
    })
  })

  it.each(["src/cli/commands.ts", "handlers/status.ts", "package-lock.json", "scripts/buildBin.ts"])(
    "is the source where %s is another one, also an older one, and the bundle again once it is built",
    async (name) => {
      looper.build()
      markBundle()
      const file = join(looper.folder, name)
      const { atime, mtime } = statSync(file)
      utimesSync(file, atime, new Date(mtime.getTime() - 60_000))
      assert.isFalse(await isBundleRun())
      looper.build()
      markBundle()
      assert.isTrue(await isBundleRun())
    }
  )

  it("is the source as it is edited, at once", async () => {
    looper.build()
    const file = join(looper.folder, "src/cli/commands.ts")
    const text = readFileSync(file, "utf8")
    writeFileSync(file, text.replace("Serve HTTP until", "Serve H T T P until"))
    const { stdout } = await looper.say(["looper.js", "--help"])
    writeFileSync(file, text)
    assert.include(stdout, "Serve H T T P until")
  })

  it("is the source where building the bundle was cut short", async () => {
    looper.build()
    markBundle()
    rmSync(join(looper.folder, "dist/bin/sources.json"))
    assert.isFalse(await isBundleRun())
  })

  it("is the bundle where there is no source", async () => {
    looper.build()
    markBundle()
    const [source, aside] = [join(looper.folder, "src"), join(looper.folder, "aside")]
    renameSync(source, aside)
    try {
      assert.isTrue(await isBundleRun())
    } finally {
      renameSync(aside, source)
    }
  })

  it("says nothing of a folder that takes no compile cache", async () => {
    looper.build()
    writeFileSync(join(looper.folder, "dist/cache"), "")
    const end = await looper.say(["looper.js", "--version"])
    assert.deepStrictEqual(end, { code: 0, stdout: `looper ${packageJson.version}\n`, stderr: "" })
    assert.isTrue(statSync(join(looper.folder, "dist/cache")).isFile())
  })

  it("keeps what V8 compiled for each command that succeeds, and no more than once", async () => {
    looper.build()
    await looper.say(["looper.js", "nonsense"])
    assert.isFalse(existsSync(join(looper.folder, "dist/cache")))
    const kept = () => cached().map((name) => statSync(join(looper.folder, "dist/cache", name)).ino)
    for (const words of [["--version"], ["serve", "--help"], ["nonsense", "--help"], ["runs", "-h"]]) {
      assert.strictEqual((await looper.say(["looper.js", ...words])).code, 0)
    }
    assert.deepStrictEqual(cached(), ["main"])
    const invoke = () => looper.say(["looper.js", "invoke", "health"], invoked())
    assert.strictEqual((await invoke()).code, 0)
    await looper.say(["send-zulip-dm.js", "--dry-run"], zulip)
    assert.deepStrictEqual(cached(), ["main", "main-invoke", "sendMessage"])
    const before = kept()
    assert.strictEqual((await looper.say(["looper.js", "--version"])).code, 0)
    assert.strictEqual((await invoke()).code, 0)
    assert.deepStrictEqual(kept(), before)
  })

  it("keeps what V8 compiled soon after the start: what only that called V8 forgets", async () => {
    looper.build()
    await using running = await startLooper({ installed: looper.folder })
    const file = join(looper.folder, "dist/cache/main-serve")
    await until(() => existsSync(file), "it is kept")
    assert.isTrue(isAlive(running.pid))
    const { ino } = statSync(file)
    await running.stop()
    assert.strictEqual(statSync(file).ino, ino)
  })

  it("is the bundle as it is, whatever V8 compiled of another one of the same length", async () => {
    looper.build()
    markBundle()
    assert.isTrue(await isBundleRun())
    writeFileSync(mainFile(), readFileSync(mainFile(), "utf8").replace("bundled", "another"))
    assert.strictEqual((await looper.say(["looper.js", "--version"])).stderr, "another\n")
  })

  it("does without what V8 compiled where that is damaged, and compiles it anew", async () => {
    looper.build()
    await looper.say(["looper.js", "--version"])
    const file = join(looper.folder, "dist/cache/main")
    const whole = readFileSync(file)
    const damaged = Buffer.from(whole).fill(0xff, whole.length / 2, whole.length / 2 + 4_096)
    for (const content of [damaged, whole.subarray(0, whole.length / 2), Buffer.alloc(0)]) {
      writeFileSync(file, content)
      const end = await looper.say(["looper.js", "--version"])
      assert.deepStrictEqual(end, { code: 0, stdout: `looper ${packageJson.version}\n`, stderr: "" })
      assert.isAbove(statSync(file).size, whole.length / 2)
    }
  })

  it("maps stack traces to the source where Node is told to", async () => {
    looper.build()
    const text = readFileSync(mainFile(), "utf8")
    const args = "process.argv.slice(2)"
    assert.include(text, args)
    writeFileSync(mainFile(), text.replace(args, '(()=>{throw new Error("mapped")})()'))
    const { stderr } = await looper.say(["looper.js", "--version"], { NODE_OPTIONS: "--enable-source-maps" })
    assert.match(stderr, /Error: mapped\n.*\/src\/main\.ts:\d/)
  })
})

/** What a page names: scripts, styles. */
const linked = (page: string) => Array.from(page.matchAll(/(?:src|href)="([^":]+)"/g), ([, path = ""]) => path)

describe("the bundle", () => {
  beforeAll(() => looper.build())

  it("serves the routes, the page and the documentation with their files", async () => {
    await using running = await startLooper({ installed: looper.folder })
    const get = async (path: string) => {
      const response = await fetch(running.url + path)
      return { status: response.status, text: await response.text() }
    }
    assert.deepStrictEqual(await get("/health"), { status: 200, text: '{"ok":true}\n' })
    assert.strictEqual(JSON.parse((await get("/status")).text).version, packageJson.version)
    assert.strictEqual(JSON.parse((await get("/openapi.json")).text).info.version, packageJson.version)
    for (const page of ["/", "/docs"]) {
      const { status, text } = await get(page)
      assert.strictEqual(status, 200)
      const files = linked(text).filter((path) => /\.(js|css)$/.test(path))
      assert.isNotEmpty(files)
      for (const file of files) {
        assert.strictEqual((await get(new URL(file, `http://looper${page}`).pathname)).status, 200, file)
      }
    }
  })

  it("answers the commands of a running Looper, and those that need none", async () => {
    await using running = await startLooper({ installed: looper.folder })
    const environment = { LOOPER_URL: running.url }
    const status = await looper.say(["looper.js", "status"], environment)
    assert.deepInclude(status, { code: 0, stderr: "" })
    assert.match(status.stdout, /^Idle: .*\n.*\nAutopoll: off\n$/)
    const runs = await looper.say(["looper.js", "runs", "--json"], environment)
    assert.deepInclude(JSON.parse(runs.stdout), { ok: true, runs: [] })
    const doctor = await looper.say(["looper.js", "doctor", "--json"], {
      LOOPER_NOTIFIER: "log",
      CODEX_EXEC_LOG_DIR: join(running.folder, "others"),
      LOOPER_DEFAULT_WORKSPACE: running.workspace,
      CODEX_EXEC_BINARY: running.codexPath
    })
    assert.isArray(JSON.parse(doctor.stdout).checks)
    const message = await looper.say(["send-zulip-dm.js", "--dry-run"], zulip)
    assert.match(message.stdout, /^DRY_RUN_OK /)
  })

  it("loads neither fetch nor TLS to start and to answer GET /health", async () => {
    const [preload, loaded] = [join(looper.folder, "preload.cjs"), join(looper.folder, "loaded")]
    const write = `require("node:fs").writeFileSync(${JSON.stringify(loaded)}, process.moduleLoadList.join("\\n"))`
    writeFileSync(preload, `process.on("exit", () => ${write})`)
    const running = await startLooper({ installed: looper.folder, env: { NODE_OPTIONS: `--require=${preload}` } })
    assert.strictEqual((await running.request("GET", "/health")).status, 200)
    await running.stop()
    const names = readFileSync(loaded, "utf8").split("\n")
    assert.include(names, "NativeModule http")
    assert.notInclude(names, "NativeModule tls")
    assert.notInclude(names, "NativeModule internal/deps/undici/undici")
  })

  it("runs a handler's function without a server", async () => {
    const end = await looper.say(["looper.js", "invoke", "health"], invoked())
    assert.deepStrictEqual(end, { code: 0, stdout: '{"ok":true}\n', stderr: "" })
  })

  it("adopts the run of one that was killed", async () => {
    await using first = await startLooper({ installed: looper.folder })
    const go = join(first.folder, "go")
    const steps = [{ print: "first\n" }, { waitForFile: go }, { print: "last\n" }, { exit: 9 }] as const
    const { status, text } = await first.run(codexScript(steps))
    assert.strictEqual(status, 200, text)
    killHard(first.pid)
    await first.exited
    await using second = await startLooper({ installed: looper.folder, reuse: first })
    await until(() => second.serverLog().includes(" codex.exec.adopted "), "the run is adopted")
    writeFileSync(go, "")
    const [log = ""] = second.runLogs()
    await until(() => existsSync(log) && readRunLog(log).code === "9", "the run has ended")
    assert.include(readFileSync(log, "utf8"), "\nfirst\nlast\n")
  })
})
