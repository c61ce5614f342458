/** What a run's record says of its end beside the code: what it said itself, or the limit that ended it. */
import { Cause, Effect, Schema } from "effect"
import { limitReason, outputReason } from "../../domain/endReason.ts"
import { endState, LimitName, type RunEnding } from "../../domain/RunRecord.ts"
import { redactor } from "../../logging.ts"
import { LooperConfig } from "../config/LooperConfig.ts"
import { quietTail } from "./quietTail.ts"
import { type RunLog, RunLogs } from "./RunLogs.ts"

/** A disk that takes longer is not waited for. */
const boundMillis = 1_000

const isLimit = Schema.is(LimitName)

/**
 * The reason of a run that failed by itself or that a limit ended; `undefined` for every other end.
 *
 * **Details** Never fails, and takes a second at most: the end of a run must not wait for it.
 */
export const readReason = Effect.fnUntraced(function* (
  { log }: { readonly log: RunLog },
  end: RunEnding
): Effect.fn.Return<string | undefined, never, LooperConfig | RunLogs> {
  const config = yield* LooperConfig
  if (isLimit(end.stoppedBy)) {
    const { maxSeconds, maxSilentSeconds, maxLogBytes } = config
    const values = { max_seconds: maxSeconds, max_silent_seconds: maxSilentSeconds, max_log_bytes: maxLogBytes }
    const value = values[end.stoppedBy]
    // An earlier Looper may have had another configuration.
    return value > 0 ? limitReason(end.stoppedBy, value) : undefined
  }
  if (endState(end).state !== "failed") return undefined
  return yield* quietTail({ runLogs: yield* RunLogs, log, redact: redactor(config) }).pipe(
    Effect.map(({ text }) => outputReason(text)),
    Effect.timeoutOrElse({ duration: boundMillis, orElse: () => Effect.undefined }),
    Effect.catchDefect((defect) => Effect.as(Effect.logError("codex.exec.keep.fail", Cause.die(defect)), undefined))
  )
})
