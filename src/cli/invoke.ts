/** Runs one handler's function in this process: input decoded, answer and errors as over HTTP. */
import { Effect, Schema, Stream } from "effect"
import { codeOf } from "../domain/errors.ts"
import { requestProblem } from "../domain/requestProblem.ts"
import type { RequestId } from "../domain/RequestId.ts"
import { type AnyErrorAnswer, type Content, type Handler, type Handlers, isContent } from "../runtime/Handler.ts"
import { type CommandFailed, ended, exitCodeOfStatus, exitCodes, failed } from "./exitCodes.ts"
import { type OutputClosed, printJson, write } from "./output.ts"

const wrong = (sentence: string) => failed(exitCodes.usage, sentence)

/** The handler of this name. */
export const handlerOf = <R>(handlers: Handlers<R>, name: string): Effect.Effect<Handler<R>, CommandFailed> => {
  const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined
  if (handler !== undefined) return Effect.succeed(handler)
  return Effect.fail(
    wrong(`no handler is called ${JSON.stringify(name)}; there are ${Object.keys(handlers).join(", ")}`)
  )
}

/** A handler's input from JSON text; none is an empty object, and `null` counts as absent. */
export const inputOf = <R>(
  handler: Handler<R>,
  text: string | undefined
): Effect.Effect<{ readonly input: unknown; readonly unknownFields: ReadonlyArray<string> }, CommandFailed> =>
  Effect.gen(function* () {
    const json = yield* Effect.try({
      try: (): unknown => JSON.parse(text ?? "{}"),
      catch: () => wrong("the input is not JSON")
    })
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      return yield* wrong("the input must be a JSON object")
    }
    const present = Object.entries(json).filter(([, value]) => value !== null)
    const input = yield* Schema.decodeUnknownEffect(handler.request)(Object.fromEntries(present)).pipe(
      Effect.mapError(({ issue }) => wrong(requestProblem(issue).message))
    )
    return { input, unknownFields: Object.keys(json).filter((name) => !Object.hasOwn(handler.request.fields, name)) }
  })

/** Runs the body and writes what it answers; an error ends with the exit code of its status. */
export const invoke = <R>(
  handler: Handler<R>,
  options: {
    readonly input: unknown
    readonly requestId: RequestId
    readonly json: boolean
    /** Takes secrets out of a sentence. */
    readonly redact: (text: string) => string
  }
): Effect.Effect<void, CommandFailed | OutputClosed, R> => {
  const { success } = handler
  const body = handler.body(options.input, { requestId: options.requestId })
  return body.pipe(
    Effect.catch((error) => answerError(handler.errors[error._tag], error, options)),
    Effect.flatMap((answer) =>
      isContent(success)
        ? writeContent((answer as Content).body)
        : Effect.flatMap(Effect.orDie(Schema.encodeEffect(success)(answer)), printJson)
    ),
    Effect.annotateLogs({ request_id: options.requestId })
  )
}

const answerError = Effect.fnUntraced(function* (
  known: AnyErrorAnswer | undefined,
  error: { readonly _tag: string; readonly message: string },
  options: { readonly requestId: RequestId; readonly json: boolean; readonly redact: (text: string) => string }
) {
  if (known === undefined) return yield* Effect.die(error)
  const exitCode = exitCodeOfStatus(known.status)
  const sentence = options.redact(error.message)
  if (!options.json) return yield* failed(exitCode, sentence)
  const fields = known.fields === undefined ? {} : Object(known.fields.of(error))
  yield* printJson({ ok: false, error: sentence, code: codeOf(error._tag), request_id: options.requestId, ...fields })
  return yield* ended(exitCode)
})

const writeContent = (body: Content["body"]): Effect.Effect<void, CommandFailed | OutputClosed> =>
  Stream.isStream(body)
    ? Stream.runForEach(
        Stream.mapError(body, ({ message }) => failed(exitCodes.failed, message)),
        write
      )
    : write(body)
