/** codex itself: its version, its login, its network, its folder. */
import { readFileSync, statSync } from "node:fs"
import * as path from "node:path"
import { Effect, Result } from "effect"
import { CodexBinary } from "../services/CodexBinary.ts"
import { LooperConfig, type LooperConfigShape } from "../services/config/LooperConfig.ts"
import { foreignText } from "../services/delivery/foreignText.ts"
import { type Check, failure, type Finding, ok, warning } from "./Check.ts"
import { codexHome, defaultWorkspace, readCodexSettings, runsEnvironment } from "./codexFiles.ts"
import { codexOptions } from "./codexOptions.ts"
import { sandboxNetwork } from "./codexSettings.ts"
import { agentPlace, isOpenToOthers, modeOf } from "./paths.ts"
import { runProgram } from "./runProgram.ts"

/** What looks at the configuration alone. */
const look = (find: (config: LooperConfigShape) => Finding) => Effect.map(LooperConfig, find)

const sources = {
  request: "the request",
  env: "CODEX_EXEC_BINARY",
  local: "a build below the root",
  path: "PATH"
} as const

const install = "install codex (npm install -g @openai/codex), or name it in CODEX_EXEC_BINARY"

/** Resolves codex as a run does and asks it for its version, with a bound. */
export const codexBinaryCheck: Check<LooperConfig | CodexBinary> = {
  name: "codex_binary",
  reads: ["codexBinary"],
  look: Effect.gen(function* () {
    const config = yield* LooperConfig
    const resolved = yield* Effect.result((yield* CodexBinary).resolve(undefined))
    if (Result.isFailure(resolved)) return failure(resolved.failure.message, install)
    const { path: file, source } = resolved.success
    const from = `${file} (from ${sources[source]})`
    const end = yield* runProgram({
      command: [file, "--version"],
      environment: runsEnvironment(config),
      directory: config.root
    })
    if (end._tag === "NotStarted") return failure(`${from} cannot be started: ${end.reason}`, install)
    const said = foreignText((end.stdout.trim() || end.stderr.trim()).split("\n", 1)[0] ?? "", [])
    if (end.code !== 0) {
      return failure(`${from} --version ended with ${end.code ?? "a signal"}: ${said || "it says nothing"}`, install)
    }
    if (/^codex\S*\s+\d/i.test(said)) return ok(`${said}, ${from}`)
    return warning(`${from} calls itself '${said}', which is no codex`, "name codex in CODEX_EXEC_BINARY")
  })
}

/** Whether it is valid only a run shows. No failure: a provider without a login is possible. */
export const codexLoginCheck: Check<LooperConfig> = {
  name: "codex_login",
  reads: ["extraArguments", "defaultWorkspace"],
  look: look((config) => {
    const file = path.join(codexHome(config).path, "auth.json")
    if (modeOf(file) !== undefined) {
      if (!isJson(file)) return warning(`${file} is not readable JSON: codex will not be let in`, "run codex login")
      if (!isOpenToOthers(file)) return ok(`${file} is there; whether it is still valid only a run shows`)
      return warning(`${file} can be read by other users`, `run chmod 600 ${file}`)
    }
    const environment = runsEnvironment(config)
    const variable = ["CODEX_API_KEY", "OPENAI_API_KEY"].find((name) => environment[name])
    if (variable !== undefined) return ok(`${variable} is set; whether it is valid only a run shows`)
    const settings = readCodexSettings(config)
    const provider = Result.isSuccess(settings) ? settings.success.model_provider : undefined
    if (typeof provider === "string" && provider !== "openai") {
      return ok(`the model provider is '${foreignText(provider, [])}', which may need no login`)
    }
    return warning(`${file} does not exist and no key is set: runs will be refused by the model`, "run codex login")
  })
}

const isJson = (file: string): boolean => {
  try {
    return typeof JSON.parse(readFileSync(file, "utf8")) === "object"
  } catch {
    return false
  }
}

const allow = "sandbox_workspace_write.network_access=true"

/** codex' own sandbox: without network a run cannot ask Looper for the next one. */
export const codexNetworkCheck: Check<LooperConfig> = {
  name: "codex_network",
  reads: ["extraArguments", "defaultWorkspace"],
  look: look((config) => {
    const { flags } = codexOptions(config.extraArguments)
    const settings = readCodexSettings(config)
    const network = Result.flatMap(settings, sandboxNetwork)
    if (Result.isFailure(network)) {
      return failure(`codex would refuse to start: ${foreignText(network.failure, [])}`, "correct it as it says")
    }
    const bypass = ["--dangerously-bypass-approvals-and-sandbox", "--yolo"].find((flag) => flags.has(flag))
    if (bypass !== undefined) {
      return warning(
        `runs have no sandbox at all (${bypass}), network included`,
        `take it out of CODEX_EXEC_EXTRA_ARGS; -c ${allow} opens the network alone`
      )
    }
    const { isOn, unknownKeys } = network.success
    if (isOn) return ok("runs have network access: they can ask Looper for the next run, and reach everything else")
    const [unknown] = unknownKeys
    const why = unknown === undefined ? "" : `; codex ignores sandbox_workspace_write.${foreignText(unknown, [])}`
    return warning(
      `runs have no network access: they cannot ask Looper for the next run${why}`,
      `if they have to, add -c ${allow} to CODEX_EXEC_EXTRA_ARGS, which opens the whole network`
    )
  })
}

/** Its files hold the login, and in shell snapshots the environment of runs; settings there rule the next run. */
export const codexHomeCheck: Check<LooperConfig> = {
  name: "codex_home",
  reads: ["defaultWorkspace"],
  look: look((config) => {
    const { path: home, isNamed } = codexHome(config)
    const elsewhere = "move it and set CODEX_HOME to a private folder elsewhere"
    const place = agentPlace(home, { workspace: defaultWorkspace(config), temporary: runsEnvironment(config).TMPDIR })
    if (place !== undefined)
      return failure(`${home} lies in ${place}: the agent can change its own settings`, elsewhere)
    const stat = statSync(home, { throwIfNoEntry: false })
    if (stat === undefined && !isNamed) return ok(`${home} does not exist yet, codex will make it`)
    if (!stat?.isDirectory()) {
      return failure(
        `CODEX_HOME ${home} is no folder: codex will not start`,
        `run mkdir -m 700 ${home}, then codex login`
      )
    }
    if (!isOpenToOthers(home)) return ok(`${home} is private and out of the agent's reach`)
    return warning(`${home} can be read by other users: codex leaves keys of runs in it`, `run chmod 700 ${home}`)
  })
}
