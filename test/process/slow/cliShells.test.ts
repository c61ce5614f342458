import { execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { codexScript } from "../../../src/testing/CodexStandIn.ts"
import { commandEnvironment } from "../../support/commandLine.ts"
import { checkout, startLooper } from "../../support/looperProcess.ts"
import { until } from "../../support/processes.ts"

/** A folder on `PATH` with `looper`, as npm would link it. */
let bin: string

beforeAll(() => {
  bin = mkdtempSync(join(tmpdir(), "looper-bin-"))
  const line = `'${process.execPath}' '${join(checkout, "looper.js")}'`
  writeFileSync(join(bin, "looper"), `#!/bin/sh\nexec ${line} "$@"\n`)
  chmodSync(join(bin, "looper"), 0o755)
})

afterAll(() => rmSync(bin, { recursive: true }))

const shell = (name: string, script: string): string =>
  execFileSync(name, ["-c", script], {
    encoding: "utf8",
    env: { PATH: `${bin}${delimiter}${process.env.PATH}`, HOME: bin }
  })

const isMissing = (name: string): boolean => {
  const is = spawnSync(name, ["-c", "true"]).status !== 0
  if (is) console.log(`Completions for ${name} are not tested: it is not installed.`)
  return is
}

/** What bash offers behind a line. */
const complete = (line: string) => {
  const words = line.split(" ")
  return [
    `COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; COMP_LINE='${line}'; COMP_POINT=${line.length}`,
    `"$function" looper '${words.at(-1)}' '${words.at(-2)}'; echo "\${COMPREPLY[@]}"`
  ].join("; ")
}

describe("completions", () => {
  it("complete commands and flags in bash", () => {
    const load = 'eval "$(looper --completions bash)"; function=$(complete -p looper | sed "s/.*-F \\([^ ]*\\).*/\\1/")'
    const script = [load, complete("looper st"), complete("looper run --wo")].join("; ")
    assert.strictEqual(shell("bash", script), "status stop\n--workspace\n")
  })

  it.skipIf(isMissing("zsh"))("load in zsh", () => {
    const script = 'autoload -U compinit; compinit -u -D; eval "$(looper --completions zsh)"; echo "$_comps[looper]"'
    assert.match(shell("zsh", script), /^_looper\n$/)
  })

  it.skipIf(isMissing("fish"))("complete commands and flags in fish", () => {
    const script = 'looper --completions fish | source; complete -C "looper st"; complete -C "looper run --wo"'
    assert.match(shell("fish", script), /^status\t.*\nstop\t.*\n--workspace\t.*\n$/)
  })
})

/** The system's own Node, where it is older than Looper's. */
const olderNode = (process.env.PATH ?? "")
  .split(delimiter)
  .filter((folder) => !folder.includes("node_modules"))
  .map((folder) => join(folder, "node"))
  .find((node) => /^v2[0-3]\./.test(spawnSync(node, ["--version"], { encoding: "utf8" }).stdout ?? ""))
if (olderNode === undefined) console.log("An older Node is not tested: none of 20 to 23 is on PATH.")

const start = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv) =>
  spawn(olderNode ?? "", [join(checkout, "looper.js"), ...args], { env, stdio: ["ignore", "pipe", "pipe"] })

describe.skipIf(olderNode === undefined)("looper.js under an older Node", () => {
  it("ends as the Node of Looper ends, and passes signals on", async () => {
    await using looper = await startLooper()
    const env = commandEnvironment({ looper })
    assert.deepStrictEqual(await once(start(["status"], env), "close"), [0, null])
    assert.deepStrictEqual(await once(start(["status", "--nope"], env), "close"), [2, null])
    await looper.run(codexScript([{ print: "here\n" }, { hang: true }]))
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143]
    ] as const) {
      const child = start(["logs", "-f"], env)
      let text = ""
      child.stdout.on("data", (chunk: Buffer) => {
        text += chunk.toString()
      })
      const end = once(child, "close")
      await until(() => text.includes("here\n"), "the log is followed")
      child.kill(signal)
      assert.deepStrictEqual(await end, [code, null])
    }
  })
})
