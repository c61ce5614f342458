/** The configuration itself, and the Node that runs it. */
import { readFileSync } from "node:fs"
import * as path from "node:path"
import { parseEnv } from "node:util"
import { absolutePath, configTable } from "../services/config/configTable.ts"
import type { ConfigSource } from "../services/config/LooperConfig.ts"
import type { ConfigInvalid } from "../services/config/configValue.ts"
import { type ConfigKey, failure, type Finding, ok, warning } from "./Check.ts"
import { isOpenToOthers } from "./paths.ts"

/** What a run gets, and what clients and tests read: set, but not configured. */
const otherNames = /^LOOPER_(?:RUN_ID|RUN_TICKET|URL|TEST_.*)$/

const ownNames = /^(?:LOOPER|CODEX_EXEC)_/

/** The keys of the table by the variables that set them. */
export const keysOf = (root: string): ReadonlyMap<string, ConfigKey> => {
  const table = Object.entries(configTable(root)) as ReadonlyArray<[ConfigKey, { readonly names: Iterable<string> }]>
  return new Map(table.flatMap(([key, { names }]) => Array.from(names, (name) => [name, key] as const)))
}

/** The variables that are set, those of `.env` under those of the environment; what is empty is not. */
const setVariables = ({ root, environment }: ConfigSource): ReadonlyMap<string, string> => {
  const all = Object.entries({ ...readEnvFile(envFile(root)), ...environment })
  return new Map(all.flatMap(([name, value]) => (value ? [[name, value] as const] : [])))
}

const envFile = (root: string): string => path.join(root, ".env")

const readEnvFile = (file: string): Readonly<Record<string, string | undefined>> => {
  try {
    return parseEnv(readFileSync(file, "utf8"))
  } catch {
    return {}
  }
}

const secretNames = /^(?:LOOPER_API_TOKEN|LOOPER_WEBHOOK_URL|ZULIP_BOT_API_KEY|ZULIP_API_KEY)$/
const secretFileNames = /^(?:LOOPER_API_TOKEN|LOOPER_WEBHOOK_URL|ZULIP_BOT_API_KEY|ZULIP_API_KEY)_FILE$/

/** Files with secrets that every user of this machine may read. */
const openSecrets = ({ root }: ConfigSource, variables: ReadonlyMap<string, string>): ReadonlyArray<string> => {
  const isInEnv = Object.entries(readEnvFile(envFile(root))).some(([name, value]) => secretNames.test(name) && value)
  const named = [...variables].flatMap(([name, value]) =>
    secretFileNames.test(name) ? [absolutePath(root, value)] : []
  )
  return [...(isInEnv ? [envFile(root)] : []), ...named].filter(isOpenToOthers)
}

/** Every variable that is not valid, by name; unknown names of Looper's kind and open secrets are warnings. */
export const judgeConfiguration = (source: ConfigSource, problems: ReadonlyArray<ConfigInvalid>): Finding => {
  if (problems.length > 0) {
    const variables = problems.map(({ variable }) => variable).join(", ")
    return failure(problems.map(({ message }) => message).join("; "), `correct ${variables}`)
  }
  const keys = keysOf(source.root)
  const variables = setVariables(source)
  const names = [...variables.keys()]
  const open = openSecrets(source, variables)
  if (open.length > 0) {
    return warning(`${open.join(", ")} with a secret can be read by other users`, `run chmod 600 ${open.join(" ")}`)
  }
  const unknown = names.filter((name) => ownNames.test(name) && !keys.has(name) && !otherNames.test(name))
  if (unknown.length > 0) {
    return warning(`${unknown.join(", ")}: no variable of Looper's, it has no effect`, "correct the name, or unset it")
  }
  const count = names.filter((name) => keys.has(name)).length
  return ok(`${count} ${count === 1 ? "variable is" : "variables are"} set, all valid`)
}

const leastMajor = 24

/** No warning: a Node is new enough or it is not. */
export const judgeNode = (version: string): Finding =>
  Number.parseInt(version, 10) >= leastMajor
    ? ok(`Node ${version}, at least ${leastMajor} is needed`)
    : failure(`Node ${version}, at least ${leastMajor} is needed`, "start Looper by npm, which installs the right one")
