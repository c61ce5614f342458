/** A set-up in which `doctor` has nothing to say, to be spoilt by tests; outside of what an agent may write. */
import { execFileSync } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { doctor } from "../../src/doctor/doctor.ts"
import type { DoctorResult } from "../../src/doctor/DoctorReport.ts"
import { installCodexStandIn } from "../../src/testing/CodexStandIn.ts"

/** Variables over the house's; undefined unsets one. */
export type Variables = Readonly<Record<string, string | undefined>>

export interface DoctorHouse {
  /** Everybody may pass through it. */
  readonly root: string
  readonly environment: Variables
  /** A path below the root. */
  readonly at: (...names: ReadonlyArray<string>) => string
  /** One check's result, with these variables. */
  readonly look: (name: string, over?: Variables) => Effect.Effect<DoctorResult>
}

/** A folder with workspace, codex, its home with a login and network, and a log folder; removed with the scope. */
export const makeDoctorHouse = Effect.acquireRelease(
  Effect.sync((): DoctorHouse => {
    const root = mkdtempSync("/var/tmp/looper-doctor-")
    const at = (...names: ReadonlyArray<string>) => join(root, ...names)
    chmodSync(root, 0o755)
    for (const name of ["bin", "home", "home/.codex", "logs", "temporary"]) mkdirSync(at(name), { mode: 0o700 })
    chmodSync(at("home"), 0o755)
    execFileSync("git", ["init", "-q", at("workspace")])
    writeFileSync(at("home/.codex/auth.json"), "{}", { mode: 0o600 })
    writeFileSync(at("home/.codex/config.toml"), "sandbox_workspace_write.network_access = true\n")
    const environment = {
      PATH: process.env.PATH,
      HOME: at("home"),
      TMPDIR: at("temporary"),
      LOOPER_HOST: "127.0.0.1",
      LOOPER_PORT: "0",
      LOOPER_NOTIFIER: "log",
      LOOPER_DEFAULT_WORKSPACE: at("workspace"),
      CODEX_EXEC_BINARY: installCodexStandIn(at("bin")),
      CODEX_EXEC_KILL_SCOPE: "own"
    }
    const look = (name: string, over: Variables = {}) =>
      Effect.map(doctor({ root, environment: { ...environment, ...over } }), ({ checks }) => {
        const found = checks.find((check) => check.name === name)
        if (found === undefined) throw new Error(`no check is called ${name}`)
        return found
      })
    return { root, environment, at, look }
  }),
  ({ root }) => Effect.sync(() => rmSync(root, { recursive: true, force: true }))
)

/** A check's result as `outcome: found`, and its remedy behind an arrow. */
export const lineOf = ({ outcome, found, remedy }: DoctorResult): string =>
  `${outcome}: ${found}${remedy === undefined ? "" : ` → ${remedy}`}`
