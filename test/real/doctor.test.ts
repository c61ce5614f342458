/** What `doctor` says of codex' network, against what the real codex says at the head of a run. */
import { execFile, execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { beforeAll } from "vitest"
import { doctor } from "../../src/doctor/doctor.ts"
import { codexCommand } from "../../src/domain/CodexCommand.ts"
import { quoteCommand } from "../../src/domain/shellWords.ts"
import { ModelApi, writeCodexHome } from "../support/ModelApi.ts"
import { cacheFolder, realCodex } from "../support/realCodex.ts"

beforeAll(realCodex, 600_000)

const key = "sandbox_workspace_write.network_access"
const table = "sandbox_workspace_write"

interface Case {
  readonly words?: ReadonlyArray<string>
  /** In the user's file. */
  readonly isOn?: boolean
  readonly extra?: (workspace: string) => string
  readonly profile?: string
  readonly project?: string
  readonly expected: "ok" | "warning" | "failure"
}

const trust = (workspace: string) => `projects.${JSON.stringify(workspace)}.trust_level = "trusted"`

const cases: ReadonlyArray<Case> = [
  { expected: "warning" },
  { isOn: true, expected: "ok" },
  { isOn: true, words: ["-c", `${key}=false`], expected: "warning" },
  { words: [`-c${key} = true`], expected: "ok" },
  { words: [`-c=${key}=true`, `--config=${key}=false`], expected: "warning" },
  { words: ["-c", `${key}=true`, "-c", `${table}={exclude_slash_tmp=true}`], expected: "warning" },
  { isOn: true, words: ["-c", `${table}={exclude_slash_tmp=true}`], expected: "ok" },
  { words: ["-c", `"${table}".network_access=true`], expected: "warning" },
  { words: ["-c", `${key}="true"`], expected: "failure" },
  { words: ["-c", "nothing"], expected: "failure" },
  { words: ["-s", "read-only"], expected: "failure" },
  { words: ["-p", "fast"], profile: `${key} = true`, expected: "ok" },
  { words: ["-p", "none"], isOn: true, expected: "ok" },
  { words: ["-p", "fast", "-p", "fast"], expected: "failure" },
  { extra: () => 'profile = "old"', expected: "failure" },
  { extra: () => "[", expected: "failure" },
  { project: `${key} = true`, expected: "warning" },
  { project: `${key} = true`, extra: trust, expected: "ok" },
  { project: `${key} = true`, extra: trust, words: ["-c", `${key}=false`], expected: "warning" }
]

/** A workspace and a CODEX_HOME as the case wants them. */
const prepare = async (folder: string, baseUrl: string, given: Case) => {
  const [home, workspace] = [join(folder, "codex-home"), join(folder, "workspace")]
  execFileSync("git", ["init", "-q", workspace])
  await writeCodexHome(home, { baseUrl, networkAccess: given.isOn ?? false, extra: given.extra?.(workspace) ?? "" })
  if (given.profile !== undefined) writeFileSync(join(home, "fast.config.toml"), given.profile)
  if (given.project !== undefined) {
    mkdirSync(join(workspace, ".codex"))
    writeFileSync(join(workspace, ".codex/config.toml"), given.project)
  }
  return { home, workspace }
}

/** The outcome that the head of a run means, or that there is none. */
const headOf = async (argv: ReadonlyArray<string>, home: string): Promise<Case["expected"]> => {
  const [program = "", ...words] = argv
  const env = { ...process.env, CODEX_HOME: home }
  const text = await new Promise<string>((resolve) => {
    const child = execFile(program, words, { env, timeout: 30_000 }, (_error, _stdout, stderr) => resolve(stderr))
    child.stdin?.end()
  })
  const sandbox = /^sandbox: .*$/m.exec(text)?.[0]
  if (sandbox === undefined) return "failure"
  return sandbox.endsWith("(network access enabled)") ? "ok" : "warning"
}

describe("doctor's word on codex' network", { timeout: 60_000 }, () => {
  it.each(cases)("is that of codex: %j", async (given) => {
    const folder = mkdtempSync(join(cacheFolder(), "doctor-"))
    await using model = await ModelApi.start([{ when: /./, turns: [{ say: "Done." }] }])
    try {
      const { home, workspace } = await prepare(folder, model.baseUrl, given)
      const extraArguments = given.words ?? []
      const binary = await realCodex()
      const argv = codexCommand({ binary, workspace, extraArguments, prompt: "hi" })
      assert.strictEqual(await headOf(argv, home), given.expected)
      const environment = {
        PATH: process.env.PATH,
        CODEX_HOME: home,
        LOOPER_NOTIFIER: "log",
        CODEX_EXEC_BINARY: binary,
        CODEX_EXEC_KILL_SCOPE: "own",
        LOOPER_DEFAULT_WORKSPACE: workspace,
        CODEX_EXEC_EXTRA_ARGS: quoteCommand(extraArguments)
      }
      const { checks } = await Effect.runPromise(doctor({ root: folder, environment }))
      const found = (name: string) => checks.find((check) => check.name === name)
      assert.strictEqual(found("codex_network")?.outcome, given.expected, found("codex_network")?.found)
      assert.match(found("codex_binary")?.found ?? "", /^codex-cli 0\.169\.0, /)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
