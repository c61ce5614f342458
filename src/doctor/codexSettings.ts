/** codex' configuration as a run gets it: its files, and over them what the command line says. */
import { Result } from "effect"
import { parse } from "smol-toml"
import type { CodexOptions } from "./codexOptions.ts"

/** A TOML table. */
export type Table = Readonly<Record<string, unknown>>

/** A file that was read; `text` is undefined where there is none. */
export interface SettingsFile {
  readonly path: string
  readonly text: string | undefined
}

/** The files that codex reads, those that count least first. */
export interface SettingsFiles {
  /** `$CODEX_HOME/config.toml`. */
  readonly user: SettingsFile
  /** `$CODEX_HOME/<profile>.config.toml` of `-p <profile>`. */
  readonly profile: SettingsFile | undefined
  /** `<workspace>/.codex/config.toml`, which counts where the user's file trusts the workspace. */
  readonly project: SettingsFile
}

/** A table, as its files and the command line make it. */
export type Settings = Result.Result<Table, string>

/** Is it a table of TOML? */
export const isTable = (value: unknown): value is Table => {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Parses TOML; the error says where, and nothing of the text: that may hold keys. */
const parseToml = (text: string): Result.Result<Table, string> => {
  try {
    return Result.succeed(parse(text, { integersAsBigInt: "asNeeded" }))
  } catch (error) {
    const { line, column } = error as { line?: number; column?: number }
    return Result.fail(line === undefined ? "is not TOML" : `is not TOML in line ${line}, column ${column}`)
  }
}

const parseFile = ({ path, text = "" }: SettingsFile): Settings =>
  Result.mapError(parseToml(text), (problem) => `${path} ${problem}`)

/** Tables are merged, everything else is replaced. */
const merge = (base: Table, over: Table): Table => {
  const merged = new Map(Object.entries(base))
  for (const [key, value] of Object.entries(over)) {
    const below = merged.get(key)
    merged.set(key, isTable(below) && isTable(value) ? merge(below, value) : value)
  }
  return Object.fromEntries(merged)
}

/** Sets what a dotted key names, replacing what is there. */
const set = (table: Table, [key = "", ...rest]: ReadonlyArray<string>, value: unknown): Table => {
  const below = Object.hasOwn(table, key) ? table[key] : undefined
  const inner = rest.length === 0 ? value : set(isTable(below) ? below : {}, rest, value)
  return { ...table, [key]: inner }
}

/** A value that is not TOML is a text. */
const overrideValue = (text: string): unknown =>
  Result.match(parseToml(`value = ${text}`), { onSuccess: ({ value }) => value, onFailure: () => text })

/**
 * The table that `-c` overrides make, each one setting what its dotted key names.
 *
 * **Details** Quotes around a part of the key are part of its name. Verified with codex 0.169.0.
 */
export const overridesTable = (overrides: ReadonlyArray<string>): Settings => {
  let table: Table = {}
  for (const override of overrides) {
    const end = override.indexOf("=")
    if (end < 0) return Result.fail("an override of CODEX_EXEC_EXTRA_ARGS (-c) has no '='")
    table = set(table, override.slice(0, end).trim().split("."), overrideValue(override.slice(end + 1).trim()))
  }
  return Result.succeed(table)
}

const isTrusted = (user: Table, workspaces: ReadonlyArray<string>): boolean =>
  workspaces.some((workspace) => {
    const projects = isTable(user.projects) ? user.projects : {}
    const project = Object.hasOwn(projects, workspace) ? projects[workspace] : undefined
    return isTable(project) && project.trust_level === "trusted"
  })

/**
 * The settings of a run, or in words what codex would refuse.
 *
 * **Details** `-c` over the workspace's own file over the profile's over the user's. `workspaces` are the names under
 * which the workspace may be trusted. Settings of the machine (`/etc/codex`, managed ones) are not read.
 */
export const codexSettings = (options: {
  readonly asked: CodexOptions
  readonly files: SettingsFiles
  readonly workspaces: ReadonlyArray<string>
}): Settings => {
  const { asked, files, workspaces } = options
  const [repeated] = asked.repeated
  if (repeated !== undefined) return Result.fail(`CODEX_EXEC_EXTRA_ARGS makes ${repeated} stand twice`)
  const isUserIgnored = asked.flags.has("--ignore-user-config")
  return Result.gen(function* () {
    const overrides = yield* overridesTable(asked.overrides)
    const user = isUserIgnored ? {} : yield* parseFile(files.user)
    const legacy = [user, overrides].some((table) => "profile" in table) || (asked.profile && "profiles" in user)
    if (legacy) {
      return yield* Result.fail(`${files.user.path} has \`profile\` or \`[profiles.…]\`, which codex no longer takes`)
    }
    const profile = files.profile === undefined || isUserIgnored ? {} : yield* parseFile(files.profile)
    const both = merge(user, profile)
    const project = isTrusted(both, workspaces) ? yield* parseFile(files.project) : {}
    return merge(merge(both, project), overrides)
  })
}

const knownKeys = new Set(["network_access", "writable_roots", "exclude_tmpdir_env_var", "exclude_slash_tmp"])

/** What the sandbox's settings say of the network, or in words what codex would refuse. */
export const sandboxNetwork = (
  settings: Table
): Result.Result<{ readonly isOn: boolean; readonly unknownKeys: ReadonlyArray<string> }, string> => {
  const sandbox = settings.sandbox_workspace_write ?? {}
  if (!isTable(sandbox)) return Result.fail("sandbox_workspace_write must be a table")
  const { network_access: isOn = false } = sandbox
  if (typeof isOn !== "boolean") {
    return Result.fail("sandbox_workspace_write.network_access must be true or false, without quotes")
  }
  return Result.succeed({ isOn, unknownKeys: Object.keys(sandbox).filter((key) => !knownKeys.has(key)) })
}
