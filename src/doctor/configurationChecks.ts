/** The configuration itself, and the Node that runs it. */
import { readFileSync } from "node:fs"
import * as path from "node:path"
import { parseEnv } from "node:util"
import { configTable } from "../services/config/configTable.ts"
import type { ConfigSource } from "../services/config/LooperConfig.ts"
import type { ConfigInvalid } from "../services/config/configValue.ts"
import { type ConfigKey, failure, type Finding, ok, warning } from "./Check.ts"

/** What a run gets, and what clients and tests read: set, but not configured. */
const otherNames = /^LOOPER_(?:RUN_ID|RUN_TICKET|URL|TEST_.*)$/

const ownNames = /^(?:LOOPER|CODEX_EXEC)_/

/** The keys of the table by the variables that set them. */
export const keysOf = (root: string): ReadonlyMap<string, ConfigKey> => {
  const table = Object.entries(configTable(root)) as ReadonlyArray<[ConfigKey, { readonly names: Iterable<string> }]>
  return new Map(table.flatMap(([key, { names }]) => Array.from(names, (name) => [name, key] as const)))
}

/** Names in the environment and in `.env`, those that are empty not. */
const setNames = ({ root, environment }: ConfigSource): ReadonlyArray<string> => {
  const all = { ...readEnvFile(path.join(root, ".env")), ...environment }
  return Object.keys(all).filter((name) => all[name])
}

const readEnvFile = (file: string): Readonly<Record<string, string | undefined>> => {
  try {
    return parseEnv(readFileSync(file, "utf8"))
  } catch {
    return {}
  }
}

/** Every variable that is not valid, each by name; what has a name of Looper's and is none is a warning. */
export const judgeConfiguration = (source: ConfigSource, problems: ReadonlyArray<ConfigInvalid>): Finding => {
  if (problems.length > 0) {
    const variables = problems.map(({ variable }) => variable).join(", ")
    return failure(problems.map(({ message }) => message).join("; "), `correct ${variables}`)
  }
  const names = setNames(source)
  const keys = keysOf(source.root)
  const known = names.filter((name) => keys.has(name))
  const unknown = names.filter((name) => ownNames.test(name) && !keys.has(name) && !otherNames.test(name))
  if (unknown.length === 0) return ok(`${known.length} variables are set, all valid`)
  return warning(`${unknown.join(", ")}: no variable of Looper's, it has no effect`, "correct the name, or unset it")
}

const leastMajor = 24

/** No warning: a Node is new enough or it is not. */
export const judgeNode = (version: string): Finding =>
  Number.parseInt(version, 10) >= leastMajor
    ? ok(`Node ${version}, at least ${leastMajor} is needed`)
    : failure(`Node ${version}, at least ${leastMajor} is needed`, "start Looper by npm, which installs the right one")
