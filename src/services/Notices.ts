/** Notices beside a run's own message: told at once, sent one after the other, in nobody's way. */
import { Cause, Context, Effect, Exit, Fiber, Layer, Queue } from "effect"
import { NotifyFailed } from "../domain/errors.ts"
import {
  type EndedNotice,
  endedText,
  kindOfEnd,
  type NoticeKind,
  type SkipNotice,
  type StartedNotice,
  skipText,
  startedText,
  tickFailedText,
  type UnstartedNotice,
  unstartedText
} from "../domain/noticeText.ts"
import { plainText } from "../domain/quietText.ts"
import type { SkipReason } from "../domain/RunResult.ts"
import { redactor } from "../logging.ts"
import { LooperConfig } from "./config/LooperConfig.ts"
import { countMessage, Metrics } from "./metrics/Metrics.ts"
import { Notifier } from "./notifiers/Notifier.ts"
import { quietTail } from "./runs/quietTail.ts"
import { type RunLog, RunLogs } from "./runs/RunLogs.ts"
import { monotonicMillis, Shutdown } from "./Shutdown.ts"

/** So many wait at most; the oldest goes. */
const maxWaiting = 20
/** One notice is given up after this, all tries included. */
const deadlineMillis = 90_000
/** Between two tries, each with the notifier's own ones in it; doubled by each that may have arrived. */
const againMillis = 10_000
/** At a shutdown the last ones may take this long. */
const lastMillis = 2_000

/** A run that ended, its log not read yet. */
export interface EndedRun extends Omit<EndedNotice, "logPath" | "tail"> {
  readonly log: RunLog
}

interface Waiting {
  readonly kind: NoticeKind
  readonly requestId: string | undefined
  readonly text: Effect.Effect<string>
}

/** What Looper tells where `LOOPER_NOTIFY_ON` asks for it; no method waits, none fails. */
export class Notices extends Context.Service<
  Notices,
  {
    /** A tick started a run. */
    readonly started: (run: StartedNotice) => Effect.Effect<void>
    /** A run ended: told unless somebody asked for its end. */
    readonly ended: (run: EndedRun) => Effect.Effect<void>
    /** A tick could not start its run. */
    readonly tickFailed: (tick: UnstartedNotice) => Effect.Effect<void>
    /** A run that somebody asked for failed before codex was started. */
    readonly unstarted: (run: UnstartedNotice) => Effect.Effect<void>
    /** A tick started nothing: told where the reason is another one than the last time; a busy lock is none. */
    readonly skipped: (skip: SkipNotice) => Effect.Effect<void>
  }
>()("looper/services/Notices") {
  /**
   * Sends over the configured notifier.
   *
   * **Details** A message that was not, or not provably, delivered is tried again within its 90 seconds, and says so
   * where it may have been; one that fails is a warning in the log. The layer's end waits 2 seconds at most, and never
   * longer than the shutdown's drain.
   */
  static readonly layerNoDeps = Layer.effect(
    Notices,
    Effect.gen(function* () {
      const config = yield* LooperConfig
      const notifier = yield* Notifier
      const runLogs = yield* RunLogs
      const shutdown = yield* Shutdown
      const metrics = yield* Metrics
      const redact = redactor(config)
      // Before a mention in it is broken and before it is cut, neither of which would leave it to be found.
      const clean = (text: string) => redact(plainText(text))
      const language = config.notifier === "zulip" ? "text" : ""
      const queue = yield* Queue.unbounded<Waiting, Cause.Done>()
      let underWay: Waiting | undefined
      let lastSkip: SkipReason | undefined

      const drop = (notice: Waiting, reason: string): Effect.Effect<void> =>
        Effect.suspend(() => {
          metrics.count("notifications", { outcome: "failed" })
          return Effect.logWarning("run.notice.dropped").pipe(Effect.annotateLogs({ ...fieldsOf(notice), reason }))
        })

      const tell = (notice: Waiting) =>
        Effect.suspend(() => {
          if (!config.notifyOn.has(notice.kind)) return Effect.void
          const oldest = Queue.sizeUnsafe(queue) < maxWaiting ? undefined : Queue.takeUnsafe(queue)
          Queue.offerUnsafe(queue, notice)
          return oldest !== undefined && Exit.isSuccess(oldest) ? drop(oldest.value, "too many wait") : Effect.void
        })

      const textOf = ({ log, ...run }: EndedRun) =>
        Effect.map(quietTail({ runLogs, log, redact }), ({ text }) =>
          endedText({ ...run, logPath: clean(log.path), tail: text }, language)
        )

      const tellUnstarted = (run: UnstartedNotice, textOf: (run: UnstartedNotice) => string) =>
        tell({
          kind: "failure",
          requestId: run.requestId,
          text: Effect.succeed(textOf({ ...run, error: clean(run.error) }))
        })

      const deliver = (text: string, endsMillis: number, doubts = 0): Effect.Effect<string, NotifyFailed> =>
        notifier.send(doubts === 0 ? text : `${text}\n(may be repeated)`).pipe(
          Effect.catch((error) =>
            Effect.flatMap(monotonicMillis, (now) => {
              const { retryAfterSeconds, mayBeDelivered = false } = error
              if (retryAfterSeconds === undefined && !mayBeDelivered) return Effect.fail(error)
              const waitMillis = Math.max(againMillis * 2 ** doubts, (retryAfterSeconds ?? 0) * 1_000)
              if (now + waitMillis >= endsMillis) return Effect.fail(error)
              const again = Effect.suspend(() => deliver(text, endsMillis, mayBeDelivered ? doubts + 1 : doubts))
              return Effect.andThen(Effect.sleep(waitMillis), again)
            })
          )
        )

      const send = Effect.fnUntraced(
        function* (notice: Waiting) {
          underWay = notice
          const startedAt = yield* monotonicMillis
          yield* notice.text.pipe(
            Effect.flatMap((text) => deliver(text, startedAt + deadlineMillis)),
            Effect.timeoutOrElse({ duration: deadlineMillis, orElse: () => Effect.fail(tooLate) }),
            Effect.onExit((exit) =>
              Effect.map(monotonicMillis, (now) => {
                // What the shutdown drops is counted there.
                if (underWay !== notice) return
                countMessage(metrics, { isDelivered: Exit.isSuccess(exit), tookMillis: now - startedAt })
              })
            )
          )
        },
        (sent, notice) =>
          sent.pipe(
            Effect.catch(({ reason }) => Effect.logWarning("run.notice.fail").pipe(Effect.annotateLogs({ reason }))),
            Effect.catchDefect((defect) => Effect.logWarning("run.notice.fail", Cause.die(defect))),
            Effect.annotateLogs(fieldsOf(notice)),
            Effect.tap(Effect.sync(() => (underWay = undefined)))
          )
      )

      const worker = yield* Queue.take(queue).pipe(
        Effect.flatMap(send),
        Effect.forever,
        Effect.ignore,
        Effect.interruptible,
        Effect.forkDetach
      )

      yield* Effect.addFinalizer(() =>
        Effect.gen(function* () {
          Queue.endUnsafe(queue)
          const { drainEndsMillis } = yield* shutdown.begin
          const millis = Math.min(lastMillis, Math.max(0, drainEndsMillis - (yield* monotonicMillis)))
          yield* Effect.timeoutOption(Effect.interruptible(Fiber.await(worker)), millis)
          const left = [...(underWay === undefined ? [] : [underWay]), ...remaining(queue)]
          underWay = undefined
          worker.interruptUnsafe()
          for (const notice of left) yield* drop(notice, "Looper is stopping")
        })
      )

      return Notices.of({
        started: (run) =>
          Effect.suspend(() => {
            // After each run its log is recent: one that autopoll started makes no news of that.
            if (lastSkip !== "recent_log_activity") lastSkip = undefined
            return tell({
              kind: "autopoll",
              requestId: run.requestId,
              text: Effect.succeed(startedText({ ...run, workspace: clean(run.workspace) }))
            })
          }),
        ended: (run) => {
          const kind = kindOfEnd(run.end)
          return kind === undefined ? Effect.void : tell({ kind, requestId: run.requestId, text: textOf(run) })
        },
        tickFailed: (tick) => tellUnstarted(tick, tickFailedText),
        unstarted: (run) => tellUnstarted(run, unstartedText),
        skipped: (skip) =>
          Effect.suspend(() => {
            if (skip.reason === "run_lock_busy" || skip.reason === lastSkip) return Effect.void
            lastSkip = skip.reason
            return tell({
              kind: "skip",
              requestId: undefined,
              text: Effect.succeed(skipText({ ...skip, text: clean(skip.text) }))
            })
          })
      })
    })
  )
}

const tooLate = new NotifyFailed({ reason: `no end within ${deadlineMillis / 1_000} s, it may be delivered` })

const fieldsOf = ({ kind, requestId }: Waiting) => ({
  notice: kind,
  ...(requestId !== undefined && { request_id: requestId })
})

/** What nobody takes any more. */
const remaining = (queue: Queue.Queue<Waiting, Cause.Done>): ReadonlyArray<Waiting> => {
  const left: Array<Waiting> = []
  for (;;) {
    const next = Queue.takeUnsafe(queue)
    if (next === undefined || Exit.isFailure(next)) return left
    left.push(next.value)
  }
}
