import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { isBuiltin } from "node:module"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { afterAll, beforeAll } from "vitest"
import { type CodexStep, codexScript, installCodexStandIn } from "../../src/testing/CodexStandIn.ts"
import { startLooperForTests } from "../../src/testing/startLooperForTests.ts"
import { until } from "../support/processes.ts"
import { blocks } from "../support/readme.ts"
import { environment, type InstalledLooper, installLooper, packageJson } from "./installedLooper.ts"

let looper: InstalledLooper
let settings: Readonly<Record<string, string>>
const [readmeProgram = ""] = blocks("ts")
const [clientProgram = ""] = blocks("ts client")

beforeAll(async () => {
  looper = await installLooper()
  const [workspace, bin] = [join(looper.folder, "workspace"), join(looper.folder, "bin")]
  for (const path of [workspace, bin]) mkdirSync(path)
  settings = {
    LOOPER_NOTIFIER: "log",
    LOOPER_DEFAULT_WORKSPACE: workspace,
    CODEX_EXEC_BINARY: installCodexStandIn(bin),
    CODEX_EXEC_KILL_SCOPE: "own",
    CODEX_EXEC_DELAY_SECONDS: "0",
    CODEX_EXEC_STARTUP_CHECK_SECONDS: "0"
  }
  mkdirSync(join(looper.project, "readme"))
  writeFileSync(join(looper.project, "readme/main.ts"), readmeProgram)
  writeFileSync(join(looper.project, "readme/client.ts"), clientProgram)
})
afterAll(() => looper?.[Symbol.asyncDispose]())

const node = (...words: ReadonlyArray<string>) =>
  looper.execute(process.execPath, { arguments: words, environment: settings })
const tool = (script: string, ...words: ReadonlyArray<string>) => node(join("node_modules", script), ...words)

const compose = async (steps: ReadonlyArray<CodexStep>) =>
  (await node("compose/main.ts", codexScript(steps))).replace(/: \/\S+\.log$/m, ": <log>")

/** Starts a built Looper in a folder whose `.env` configures it, and waits for the server log below `root`. */
const serve = async (options: { readonly main: string; readonly cwd: string; readonly root: string }) => {
  const variables = { ...settings, LOOPER_HOST: "127.0.0.1", LOOPER_PORT: "0", LOOPER_AUTO_START_WHEN_IDLE: "0" }
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(join(options.root, ".env"), lines.join(""))
  const child: ChildProcess = spawn(process.execPath, [options.main, "serve"], {
    cwd: options.cwd,
    env: environment(),
    stdio: ["ignore", "ignore", "inherit"]
  })
  const exited = once(child, "exit")
  try {
    const serverLog = join(options.root, "logs/looper-server.log")
    const text = () => (existsSync(serverLog) ? readFileSync(serverLog, "utf8") : "")
    const url = await until(() => /server\.listening url=(\S+)/.exec(text())?.[1], `${serverLog} says where it listens`)
    const pages = await Promise.all(["/", "/docs"].map(async (path) => (await fetch(url + path)).text()))
    const files = Array.from(pages.join("").matchAll(/"((?:docs|page)\/[^"]+)"/g), ([, path = ""]) => `/${path}`)
    const { info } = (await (await fetch(`${url}/openapi.json`)).json()) as {
      readonly info: { readonly version: string }
    }
    return {
      health: await (await fetch(`${url}/health`)).text(),
      version: info.version,
      // A style and a script of each page at the least.
      hasPages: ["page", "docs"].every((page) =>
        ["css", "js"].every((end) => files.some((path) => path.startsWith(`/${page}/`) && path.endsWith(end)))
      ),
      statuses: [...new Set(await Promise.all(files.map(async (path) => (await fetch(url + path)).status)))]
    }
  } finally {
    child.kill("SIGTERM")
    assert.deepStrictEqual(await exited, [0, null])
  }
}

/** The packages that the built files of a folder import. */
const importedBy = (folder: string): ReadonlyArray<string | undefined> => {
  const dist = join(looper.installed, "dist", folder)
  const files = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((path) => /\.c?js$/.test(path))
  const text = files.map((path) => readFileSync(join(dist, path), "utf8")).join("\n")
  const pattern = /(?:\bfrom|^import) ?"([^."][^"]*)";|\brequire\d*(?:\.resolve)?\(["`]([^."`][^"`]*)["`]\)/gm
  const names = Array.from(text.matchAll(pattern), ([, name, file]) => name ?? file ?? "")
  const imported = names.filter((name) => !isBuiltin(name)).map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0])
  return [...new Set(imported)].toSorted()
}

/** Health, version, and that the pages are there with all that they name. */
const served = { health: '{"ok":true}\n', version: packageJson.version, hasPages: true, statuses: [200] }

describe("the package", () => {
  it("has what a user needs and nothing else", () => {
    const page = ["dist/bin", "dist/src/docsPage"].flatMap((folder) =>
      ["page.html", "page.css", "page.js"].map((name) => `${folder}/${name}`)
    )
    const built = [
      "dist/src/index.js",
      "dist/src/client/index.js",
      "dist/bin/main.cjs",
      "dist/bin/main.cjs.map",
      "dist/bin/sendMessage.cjs",
      "dist/src/testing/codexStandIn.cjs",
      ...page
    ]
    const entries = ["looper.js", "nodeAgain.js", "send-zulip-dm.js", "scripts/run-codex-task.sh"]
    for (const path of [...built, ...entries, "README.md", "LICENSE"]) assert.include(looper.files, path)
    const known =
      /^(dist\/.+\.(js|d\.ts|cjs)|dist\/bin\/[\w-]+\.cjs\.map|dist\/(bin|src\/docsPage)\/page\.(html|css)|dist\/page\/[\w-]+\.(html|css|js|svg|woff2)(\.gz)?|docs\/.+\.(md|yml|json|png)|deploy\/.+|[A-Z]+(\.md)?|package\.json|(looper|nodeAgain|send-zulip-dm)\.js|scripts\/run-codex-task\.sh)$/
    assert.deepStrictEqual(
      looper.files.filter((path) => !known.test(path)),
      []
    )
  })

  it("imports nothing but Node and its dependencies", () => {
    assert.deepStrictEqual(importedBy("src"), Object.keys(packageJson.dependencies).toSorted())
    assert.deepStrictEqual(importedBy("bin"), ["@fastify/swagger-ui"])
  })

  it("has types that hold in a strict project, with the libraries' own checked too", async () => {
    assert.strictEqual(await tool("typescript/bin/tsc", "-p", "."), "")
    // Types of effect 4.1 name CryptoKey, which only the DOM's library has.
    const checkLibraries = ["--skipLibCheck", "false", "--lib", "ES2024,ESNext.Disposable,DOM"]
    assert.strictEqual(await tool("typescript/bin/tsc", "-p", ".", ...checkLibraries), "")
    const bundler = ["--module", "ESNext", "--moduleResolution", "bundler"]
    assert.strictEqual(await tool("typescript/bin/tsc", "-p", ".", ...checkLibraries, ...bundler), "")
  })

  it("runs the README's program", async () => {
    assert.include(readmeProgram, 'from "looper"')
    assert.match(await node("readme/main.ts"), /run\.success .*pid=\d+/)
  })

  it("runs the README's program that calls a running Looper", async () => {
    await using running = await startLooperForTests({ environment: { LOOPER_API_TOKEN: "package" } })
    const environment = { LOOPER_URL: running.url, LOOPER_API_TOKEN: "package" }
    const stdout = await looper.execute(process.execPath, { arguments: ["readme/client.ts"], environment })
    assert.match(stdout, /# codex_exec_return_code=0\n[0-9a-f]{8}: succeeded\n$/)
  })

  it("has the script that sends one message", async () => {
    const zulip = { ZULIP_SITE: "https://zulip.example", ZULIP_BOT_EMAIL: "bot@zulip.example", ZULIP_BOT_API_KEY: "k" }
    const words = ["node_modules/looper/send-zulip-dm.js", "--dry-run"]
    const stdout = await looper.execute(process.execPath, { arguments: words, environment: zulip })
    assert.match(stdout, /^DRY_RUN_OK .*site=set email=set key=set /)
  })

  it("serves in the working directory, with the .env there", async () => {
    const cwd = join(looper.folder, "served")
    mkdirSync(cwd)
    const main = join(looper.installed, "looper.js")
    assert.deepStrictEqual(await serve({ main, cwd, root: cwd }), served)
  })

  it("serves in its own folder where it is a built checkout", async () => {
    const root = join(looper.folder, "built")
    cpSync(looper.installed, root, { recursive: true })
    symlinkSync(join(looper.project, "node_modules"), join(root, "node_modules"))
    const main = join(root, "looper.js")
    assert.deepStrictEqual(await serve({ main, cwd: looper.project, root }), served)
  })
})

describe("the examples", () => {
  it("compose the operations with a notifier of their own", async () => {
    const begun = "message: The next step begins.\nstarted: <log>\n"
    assert.strictEqual(await compose([{ hang: true }]), `${begun}stopped: 1\n`)
    assert.strictEqual(await compose([{ sleep: 0.2 }, { exit: 7 }]), `${begun}ended by itself: 7\n`)
  })

  it("drive Looper from vitest", async () => {
    await tool("vitest/vitest.mjs", "run", "--reporter=json", "--outputFile=report.json")
    const report = JSON.parse(readFileSync(join(looper.project, "report.json"), "utf8"))
    assert.deepInclude(report, { numPassedTests: 3, numTotalTests: 3, success: true })
  })

  it("drive Looper from a shell script", async () => {
    const stdout = await looper.execute("bash", { arguments: ["shell/drive.sh"] })
    assert.match(stdout, /^runs: pid \d+\nstopped: 1\n# codex_exec_return_code=143\n$/)
  })
})
