/** What a Looper that stops tells everybody whom it sends away. */
import { Schema } from "effect"

/** What becomes of live runs when Looper stops. */
const OnShutdown = Schema.Literals(["stop", "leave"])

/** When this Looper is gone at the latest, and what becomes of its runs. */
export const ShutdownNotice = Schema.Struct({
  /** Milliseconds since the epoch. */
  deadlineAtMillis: Schema.Number,
  onShutdown: OnShutdown
})
/** When this Looper is gone at the latest, in milliseconds since the epoch, and what becomes of its runs. */
export type ShutdownNotice = typeof ShutdownNotice.Type

/** The same in an answer. */
export const ShutdownFields = Schema.Struct({
  deadline_at: Schema.String.annotateKey({ description: "When this Looper is gone at the latest" }),
  on_shutdown: OnShutdown.annotateKey({ description: "What becomes of a live run; `leave`: it goes on" })
})
/** A notice in an answer. */
export type ShutdownFields = typeof ShutdownFields.Type

/** A notice's fields of an answer. */
export const shutdownFields = ({ deadlineAtMillis, onShutdown }: ShutdownNotice): ShutdownFields => ({
  deadline_at: new Date(deadlineAtMillis).toISOString(),
  on_shutdown: onShutdown
})
