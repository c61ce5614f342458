/** `looper run` and `looper spawn`. */
import { resolve } from "node:path"
import { Effect, Option } from "effect"
import type { LooperClient } from "../client/index.ts"
import { type CommandFailed, exitCodes, failed } from "./exitCodes.ts"
import { argumentText, fileText } from "./inputText.ts"
import { planLines } from "./operations.ts"
import { print, printJson } from "./output.ts"
import { connect, orFail } from "./remote.ts"
import { type Started, waited } from "./waited.ts"

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
  const call = Effect.fnUntraced(function* (looper: LooperClient) {
    const request = { zulip_message: options.message, ...(yield* requestOf(options)), dry_run: options.dryRun }
    const key = Option.isSome(options.idempotencyKey) ? { idempotencyKey: options.idempotencyKey.value } : {}
    return yield* orFail(options, looper.run(request, key))
  })
  return options.dryRun ? planned(options, call) : launched(options, call)
}

/** `looper spawn` */
export const launchSpawn = (options: LaunchOptions): Effect.Effect<void, CommandFailed> =>
  launched(
    options,
    Effect.fnUntraced(function* (looper: LooperClient) {
      return yield* orFail(options, looper.spawn(yield* requestOf(options)))
    })
  )

type Answering = LooperClient["run"] extends (...given: never) => Effect.Effect<infer Answer, unknown> ? Answer : never

const planned = Effect.fnUntraced(function* (
  options: LaunchOptions,
  call: (looper: LooperClient) => Effect.Effect<Answering, CommandFailed>
) {
  const answer = yield* call(yield* connect)
  if (options.json) return yield* printJson(answer)
  if (!("argv" in answer)) return
  const start = answer.argv.length === 0 ? "nothing, the prompt is empty" : answer.command
  yield* print(...planLines(answer), `Would start: ${start}`)
})

const launched = <A extends Started>(
  options: LaunchOptions,
  call: (looper: LooperClient) => Effect.Effect<A, CommandFailed>
): Effect.Effect<void, CommandFailed> => {
  if (options.wait) return waited(call, options)
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
