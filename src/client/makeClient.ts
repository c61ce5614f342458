/** The client of Looper's own routes. */
import { Effect, Schedule, Stream } from "effect"
import { handlers } from "../../handlers/index.ts"
import type { RunDetailsAnswer } from "../domain/runAnswers.ts"
import { type ClientOf, clientOf, type ErrorOf } from "./clientOf.ts"
import { type FollowError, type FollowOptions, followLogWith, type LogEvent } from "./followLog.ts"
import { reconnectSchedule, whileTemporary } from "./reconnect.ts"
import { type ClientOptions, makeSend } from "./send.ts"

/** One run with its steps, as `getRun` answers it. */
export type RunDetails = (typeof RunDetailsAnswer.Type)["run"]

/** What is waited for, and for how long without Looper. */
export type WaitOptions = Pick<FollowOptions, "id" | "retry" | "silence">

/** A method for each of Looper's handlers, and what needs more than one request. */
export interface LooperClient extends ClientOf<typeof handlers> {
  /**
   * Follows the log of a run over broken connections and restarts of Looper: each byte once and in order.
   *
   * **Errors** A definite answer, such as `RunNotFound`; `LogLost` where the log goes away; what `retry` gave up at.
   */
  readonly followLog: (options: FollowOptions) => Stream.Stream<LogEvent, FollowError>
  /**
   * Waits until a run has ended, over broken connections and restarts of Looper.
   *
   * **Errors** As `getRun`; without another `retry` it waits for a Looper that is not there.
   */
  readonly waitForEnd: (options: WaitOptions) => Effect.Effect<RunDetails, ErrorOf<typeof handlers.getRun>>
}

/** How often a run is looked at whose log cannot be followed. */
const pollInterval = "5 seconds"

/**
 * A client of the Looper at `options.url`. It holds nothing open between calls.
 *
 * **Errors** None here: an address or a token that cannot be used fails each call with `RequestInvalid`.
 */
export const makeClient = (options: ClientOptions): LooperClient => {
  const methods = clientOf(handlers, options)
  const followLog = followLogWith(makeSend(options))
  const waitForEnd = Effect.fnUntraced(function* ({ id, retry = reconnectSchedule, ...rest }: WaitOptions) {
    const find = methods.getRun({ id }).pipe(
      Effect.retry(whileTemporary(retry)),
      Effect.map(({ run }) => run)
    )
    const run = yield* find
    if (run.ended_at !== null) return run
    // The end comes with the log at once; a log that cannot be followed does not keep the run from ending.
    yield* Stream.runDrain(followLog({ id, tail: 0, retry, ...rest })).pipe(
      Effect.catch((error) => (error._tag === "Unreachable" ? Effect.fail(error) : Effect.void))
    )
    return yield* Effect.repeat(find, {
      until: (now) => now.ended_at !== null,
      schedule: Schedule.spaced(pollInterval)
    })
  })
  return { ...methods, followLog, waitForEnd }
}
