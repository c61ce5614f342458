/** When this Looper started. */
import { Clock, Context, Effect, Layer } from "effect"

/** The moment at which Looper's services were built, in milliseconds since the epoch. */
export class StartTime extends Context.Service<StartTime, { readonly millis: number }>()("looper/services/StartTime") {
  static readonly layer = Layer.effect(
    StartTime,
    Effect.map(Clock.currentTimeMillis, (millis) => StartTime.of({ millis }))
  )
}
