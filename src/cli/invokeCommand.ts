/** `looper invoke`: Looper's services for one call, under the log folder's lock. */
import { Effect, type Option } from "effect"
import { type HandlerServices, handlers } from "../../handlers/index.ts"
import { layerParts, layerWith } from "../layers.ts"
import { redactor } from "../logging.ts"
import { platformProblem } from "../platformProblem.ts"
import type { Handlers } from "../runtime/Handler.ts"
import { LooperConfig } from "../services/config/LooperConfig.ts"
import { RequestIds } from "../services/RequestIds.ts"
import { ServerLog } from "../services/serverLog/ServerLog.ts"
import { source } from "./environment.ts"
import { CommandFailed, exitCodes, failed } from "./exitCodes.ts"
import { argumentText } from "./inputText.ts"
import { handlerOf, inputOf, invoke } from "./invoke.ts"
import { note, OutputClosed } from "./output.ts"

interface InvokeOptions {
  readonly name: string
  readonly input: Option.Option<string>
  readonly json: boolean
}

/** `looper invoke` */
export const invokeNow = (options: InvokeOptions) => invokeOf(handlers, options, source)

/**
 * Runs a handler of a record over Looper's services; whatever runs, or is started, is left to the next Looper.
 *
 * **Errors** `CommandFailed`: 2 for a wrong input or configuration, 3 where a Looper holds the log folder, else as the
 * handler's own error says.
 */
export const invokeOf = (
  handlers: Handlers<HandlerServices>,
  options: InvokeOptions,
  source: Parameters<typeof LooperConfig.layer>[0]
): Effect.Effect<void, CommandFailed | OutputClosed> =>
  Effect.gen(function* () {
    const problem = platformProblem()
    if (problem !== undefined) return yield* failed(exitCodes.failed, problem)
    const handler = yield* handlerOf(handlers, options.name)
    const { input, unknownFields } = yield* inputOf(handler, yield* argumentText(options.input))
    if (unknownFields.length > 0) yield* note(`looper: ignored, unknown: ${unknownFields.join(", ")}\n`)
    const call = Effect.gen(function* () {
      const redact = redactor(yield* LooperConfig)
      const requestId = (yield* RequestIds).draw()
      return yield* invoke(handler, { input, requestId, json: options.json, redact })
    })
    // From the first moment: a start that is interrupted must not stop what it adopted.
    const leaving = { ...source, environment: { ...source.environment, LOOPER_ON_SHUTDOWN: "leave" } }
    const layer = layerWith(LooperConfig.layer(leaving), {
      ...layerParts,
      serverLog: ServerLog.layerWith({ isCopiedToStdout: false })
    })
    yield* call.pipe(
      Effect.provide(layer),
      Effect.mapError((error) =>
        error instanceof CommandFailed || error instanceof OutputClosed ? error : startFailed(error)
      )
    )
  })

const startCodes: Readonly<Record<string, number>> = { FolderLocked: exitCodes.busy, ConfigInvalid: exitCodes.usage }

const startFailed = ({ _tag, message }: { readonly _tag: string; readonly message: string }): CommandFailed =>
  failed(startCodes[_tag] ?? exitCodes.failed, message)
