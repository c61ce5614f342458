/** `looper run` and `looper spawn`. */
import { resolve } from "node:path"
import { Effect, Option } from "effect"
import { type CommandFailed, exitCodes, failed } from "./exitCodes.ts"
import { argumentText, fileText } from "./inputText.ts"
import { planLines } from "./operations.ts"
import { print, printJson } from "./output.ts"
import { connect, orFail, type Remote } from "./remote.ts"
import { ofLooper, type Started, waited } from "./waited.ts"

interface LaunchOptions {
  readonly prompt: Option.Option<string>
  readonly promptFile: Option.Option<string>
  readonly workspace: Option.Option<string>
  readonly binary: Option.Option<string>
  readonly delay: Option.Option<string>
  readonly startupCheck: Option.Option<string>
  readonly wait: boolean
  readonly json: boolean
}

interface RunOptions extends LaunchOptions {
  readonly message: string
  readonly dryRun: boolean
  readonly idempotencyKey: Option.Option<string>
}

/** `looper run` */
export const launchRun = (options: RunOptions): Effect.Effect<void, CommandFailed> => {
  const call = Effect.fnUntraced(function* (looper: Remote) {
    const request = { zulip_message: options.message, ...(yield* requestOf(options)) }
    const key = Option.isSome(options.idempotencyKey) ? { idempotencyKey: options.idempotencyKey.value } : {}
    const dryRun = options.dryRun ? { dry_run: true } : {}
    return yield* orFail(options, looper.run({ ...request, ...dryRun }, key))
  })
  return options.dryRun
    ? Effect.gen(function* () {
        const answer = yield* call(yield* connect)
        if (options.json) return yield* printJson(answer)
        yield* "argv" in answer ? print(...planLines(answer), commandLine(answer)) : print("Nothing was done.")
      })
    : launched(options, call)
}

/** `looper spawn` */
export const launchSpawn = (options: LaunchOptions): Effect.Effect<void, CommandFailed> =>
  launched(
    options,
    Effect.fnUntraced(function* (looper: Remote) {
      return yield* orFail(options, looper.spawn(yield* requestOf(options)))
    })
  )

const commandLine = (plan: { readonly command: string; readonly argv: ReadonlyArray<string> }): string =>
  plan.argv.length === 0 ? "Would start: nothing, the prompt is empty" : `Would start: ${plan.command}`

const launched = <A extends object>(
  options: LaunchOptions,
  call: (looper: Remote) => Effect.Effect<A, CommandFailed>
): Effect.Effect<void, CommandFailed> => {
  if (options.wait) return ofLooper(Effect.flatMap(connect, (looper) => waited(looper, call(looper), options)))
  return Effect.gen(function* () {
    const answer = yield* call(yield* connect)
    yield* options.json ? printJson(answer) : print(...startedLines(answer))
  })
}

const startedLines = (answer: Started): ReadonlyArray<string> => {
  const run = answer.codex_exec_result
  if (run === undefined || run === null) return ["Sent; nothing was started, the prompt is empty."]
  const ending = run.startup_return_code === null ? "" : `, ended with code ${run.startup_return_code}`
  return [`Started: ${run.request_id}, pid ${run.pid}${ending}`, `Log: ${run.log_path}`]
}

const requestOf = Effect.fnUntraced(function* (options: LaunchOptions) {
  const { prompt, promptFile, workspace, binary, delay, startupCheck } = options
  if (Option.isSome(prompt) && Option.isSome(promptFile)) {
    return yield* failed(exitCodes.usage, "a prompt and --prompt-file cannot both be given")
  }
  const text = Option.isSome(promptFile)
    ? yield* fileText("--prompt-file", promptFile.value)
    : yield* argumentText(prompt)
  return {
    ...(text !== undefined && { codex_prompt: text }),
    ...(Option.isSome(workspace) && { workspace: workspace.value }),
    ...(Option.isSome(binary) && { codex_exec_binary: programOf(binary.value) }),
    ...(Option.isSome(delay) && { codex_exec_delay_seconds: delay.value }),
    ...(Option.isSome(startupCheck) && { codex_exec_startup_check_seconds: startupCheck.value })
  }
})

/** A path means what it means here, not in Looper's folder; a name is looked up by Looper. */
const programOf = (binary: string): string =>
  binary.includes("/") && !binary.startsWith("~") ? resolve(binary) : binary
