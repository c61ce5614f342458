/** The running Looper, as commands call it. */
import { Effect } from "effect"
import { type CallError, type OperationFailure, RequestInvalid } from "../client/clientErrors.ts"
import { type LooperClient, makeClient } from "../client/index.ts"
import { codeOf } from "../domain/errors.ts"
import { type Connection, readConnection } from "./connection.ts"
import { source } from "./environment.ts"
import { type CommandFailed, ended, exitCodeOfStatus, exitCodes, failed } from "./exitCodes.ts"
import { print, printJson } from "./output.ts"

/** How a call fails. */
export type RemoteError = CallError | OperationFailure

/** The Looper that environment and `.env` name; nothing is sent yet. */
export const connect: Effect.Effect<LooperClient, CommandFailed> = Effect.map(
  Effect.suspend(() => readConnection(source)),
  (connection: Connection) => makeClient(connection)
)

/** Calls Looper and prints its answer: as JSON, or as lines for people. */
export const answered = <A, E>(
  options: { readonly json: boolean },
  call: (remote: LooperClient) => Effect.Effect<A, E>,
  lines: (answer: A) => ReadonlyArray<string>
): Effect.Effect<A, CommandFailed> =>
  Effect.gen(function* () {
    const answer = yield* Effect.flatMap(connect, (remote) => orFail(options, call(remote)))
    yield* options.json ? printJson(answer) : print(...lines(answer))
    return answer
  })

/** A call whose failure ends the command; with `--json` an error's answer is printed, too. */
export const orFail = <A, E>(
  options: { readonly json: boolean },
  call: Effect.Effect<A, E>
): Effect.Effect<A, CommandFailed> =>
  call.pipe(
    Effect.catch((given) => {
      const error = given as unknown as RemoteError
      const failure = commandFailed(error)
      const body = errorBody(error)
      if (!options.json || body === undefined) return Effect.fail(failure)
      return Effect.andThen(printJson(body), Effect.fail(ended(failure.exitCode)))
    })
  )

/** The answer that an error was read from; none where nothing of Looper's came. */
export const errorBody = (error: RemoteError): Readonly<Record<string, unknown>> | undefined => {
  if (!("requestId" in error)) return undefined
  const code = "code" in error ? error.code : codeOf(error._tag)
  const fields = "fields" in error ? Object(error.fields) : {}
  return { ok: false, error: error.message, code, request_id: error.requestId, ...fields }
}

/** The exit code and the sentence of a call's failure. */
export const commandFailed = (error: RemoteError): CommandFailed => {
  if (error instanceof RequestInvalid) return failed(exitCodes.usage, withFlag(error))
  if (error._tag === "Unreachable") return failed(exitCodes.unreachable, `${error.message}; ${howToStart}`)
  if (error._tag === "NotLooper") return failed(exitCodes.failed, `${error.message}; see LOOPER_URL`)
  const { status, message } = error as Extract<RemoteError, { readonly requestId: string }>
  const exitCode = exitCodeOfStatus(status)
  return failed(exitCode, status === 401 ? `${message}: ${howToBeLetIn}` : message)
}

/** Where a field is said by a flag that has another name. */
const flags: Readonly<Record<string, string>> = {
  codex_prompt: "the prompt",
  codex_exec_binary: "--binary",
  codex_exec_delay_seconds: "--delay",
  codex_exec_startup_check_seconds: "--startup-check",
  zulip_message: "the message",
  idempotencyKey: "--idempotency-key",
  workspace: "--workspace",
  state: "--state",
  limit: "--limit",
  cursor: "--cursor",
  tail: "--lines",
  token: "LOOPER_API_TOKEN"
}

const withFlag = ({ field = "", message }: RequestInvalid): string =>
  message.replace(`'${field}'`, flags[field] ?? `'${field}'`)

const howToStart = "start one with 'looper serve', or set LOOPER_URL"
const howToBeLetIn = "LOOPER_API_TOKEN is missing here or is not the one of that Looper"
