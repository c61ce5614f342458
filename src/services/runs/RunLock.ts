/** The single-run lock: one permit, never queued, held by a sequence that belongs to this layer, not to its caller. */
import { Cause, Clock, Context, DateTime, Effect, Exit, Fiber, Layer, Scope, Semaphore } from "effect"
import {
  Cancelled,
  type LockHolder,
  type LockOperation,
  RunBusy,
  ShuttingDown,
  type Step
} from "../../domain/errors.ts"
import type { RequestId } from "../../domain/RequestId.ts"
import { RunRecords } from "../records/RunRecords.ts"
import { Shutdown } from "../Shutdown.ts"

/** What else happens as soon as a sequence holds the lock; where it dies, nothing of the sequence happens. */
export const LockTaken = Context.Reference<Effect.Effect<void>>("looper/services/runs/RunLock/LockTaken", {
  defaultValue: () => Effect.void
})

/** The lock of one Looper; no lock file, because the folder's lock keeps a second Looper out. */
export class RunLock extends Context.Service<
  RunLock,
  {
    /**
     * Runs `sequence` under the lock, in this layer's scope, and waits for it.
     *
     * **Details** Interrupting the caller changes nothing: the sequence goes on and releases the lock at its end,
     * whatever that end is. The sequence is uninterruptible but for what it marks as interruptible, and
     * then only closing this layer's scope, or {@link cancel}, interrupts it.
     *
     * **Errors**
     * - `RunBusy`: another sequence holds the lock; nothing was done.
     * - `ShuttingDown`: it never began, or a wait of it was cut.
     * - `Cancelled`: {@link cancel} cut a wait of it.
     */
    readonly tryRun: <A, E, R>(options: {
      readonly requestId: RequestId
      readonly operation: LockOperation
      readonly step: Step
      readonly waits?: LockHolder["waits"]
      readonly sequence: Effect.Effect<A, E, R>
    }) => Effect.Effect<A, E | Cancelled | RunBusy | ShuttingDown, R>
    /**
     * Cuts the wait that the sequence of this id is in, or the next one that it comes to, and waits for its end.
     *
     * **Details** False where no such sequence is in progress, or it came to its end without a further wait.
     */
    readonly cancel: (requestId: string) => Effect.Effect<boolean>
    /** Is the sequence in progress being cancelled? */
    readonly isCancelling: () => boolean
    /** Says, and records, which step the holder is about to begin. */
    readonly enter: (step: Step) => Effect.Effect<void>
    /** Records what the holder's step came to, where there is more to tell than that the next one begins. */
    readonly leave: (told: { readonly detail: string | undefined; readonly result?: string }) => Effect.Effect<void>
    readonly holder: () => LockHolder | undefined
  }
>()("looper/services/runs/RunLock") {
  /** Its end begins the shutdown, cuts the waits of the sequence under way and waits for that one's end. */
  static readonly layerNoDeps = Layer.effect(
    RunLock,
    Effect.gen(function* () {
      const shutdown = yield* Shutdown
      const records = yield* RunRecords
      const semaphore = yield* Semaphore.make(1)
      const scope = yield* Scope.make()
      let holder: LockHolder | undefined
      let held: HeldSequence | undefined
      let isCancelling = false
      yield* Effect.addFinalizer(() => Effect.andThen(shutdown.begin, Scope.close(scope, Exit.void)))

      const enter = (step: Step) =>
        Effect.suspend(() => {
          if (holder === undefined) return Effect.void
          holder = { ...holder, step }
          return records.enter(holder.requestId, step)
        }).pipe(Effect.andThen(Effect.logInfo("run.step").pipe(Effect.annotateLogs({ action: step }))))
      const leave = ({ detail, result = "ok" }: { readonly detail: string | undefined; readonly result?: string }) =>
        Effect.suspend(() => (holder === undefined ? Effect.void : records.leave(holder.requestId, result, detail)))
      /** A sequence may have cut itself, while nobody is stopping. */
      const shuttingDown = Effect.map(
        Clock.currentTimeMillis,
        (now) => new ShuttingDown(shutdown.notice() ?? { deadlineAtMillis: now, onShutdown: "stop" })
      )
      const tryRun = Effect.fnUntraced(function* <A, E, R>(options: {
        readonly requestId: RequestId
        readonly operation: LockOperation
        readonly step: Step
        readonly waits?: LockHolder["waits"]
        readonly sequence: Effect.Effect<A, E, R>
      }): Effect.fn.Return<A, E | Cancelled | RunBusy | ShuttingDown, R> {
        if (shutdown.times() !== undefined) return yield* yield* shuttingDown
        const { requestId, operation, step, waits } = options
        const own: LockHolder = { requestId, operation, step, since: yield* DateTime.now, ...(waits && { waits }) }
        // The one that holds the permit now, should it not be to be had.
        const other = holder ?? own
        const taken = yield* LockTaken
        let cancelledIn: Step | undefined
        const end: { exit?: Exit.Exit<A, E> } = {}
        const sequence = Effect.withFiber<A, E, R>((fiber) => {
          holder = own
          held = { fiber, isCut: false }
          isCancelling = false
          const ended = (exit: Exit.Exit<A, E>) => {
            end.exit = exit
            if (held !== undefined) held.isCut = isCut(exit)
            if (isCancelling) cancelledIn = holder?.step
            holder = undefined
            held = undefined
          }
          // The scope knows of this fiber from the next turn on: its end waits for what was begun by then.
          const begun = Effect.andThen(Effect.andThen(taken, Effect.yieldNow), options.sequence)
          return Effect.onExit(begun, (exit) => Effect.sync(() => ended(exit)))
        })
        const locked = semaphore
          .withPermitsIfAvailable(1)(sequence)
          .pipe(Effect.uninterruptible, Effect.annotateLogs({ request_id: requestId }))
        const fiberExit = yield* Fiber.await(yield* Effect.forkIn(locked, scope, { startImmediately: true }))
        // An interruption that came after the last wait is the fiber's exit, and no word on what the sequence came to.
        const exit = end.exit ?? fiberExit
        if (!isCut(exit)) return yield* end.exit ?? new RunBusy({ holder: other })
        return yield* cancelledIn === undefined ? yield* shuttingDown : new Cancelled({ step: cancelledIn })
      })
      const cancel = (requestId: string) =>
        Effect.suspend(() => {
          if (held === undefined || holder?.requestId !== requestId) return Effect.succeed(false)
          isCancelling = true
          const sequence = held
          return Effect.map(Fiber.interrupt(sequence.fiber), () => sequence.isCut)
        })
      return RunLock.of({
        tryRun,
        cancel,
        isCancelling: () => holder !== undefined && isCancelling,
        enter,
        leave,
        holder: () => holder
      })
    })
  )
}

/** A sequence that holds the lock. */
interface HeldSequence {
  readonly fiber: Fiber.Fiber<unknown, unknown>
  /** It has ended in a wait that was cut. */
  isCut: boolean
}

const isCut = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
