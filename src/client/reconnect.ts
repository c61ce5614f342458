/** When to ask again, and which failures another try may mend. */
import { Duration, Effect, Schedule } from "effect"

/** A failure of any call. */
export interface Failure {
  readonly _tag: string
  readonly status?: number | undefined
}

const firstDelay = "500 millis"
const longestDelay = Duration.seconds(15)

/** Waits 0.5, 1, 2, 4, 8, then always 15 seconds, each a fifth more or less; never gives up. */
export const reconnectSchedule: Schedule.Schedule<unknown> = Schedule.exponential(firstDelay).pipe(
  Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, longestDelay))),
  Schedule.jittered
)

/** No connection, or a Looper, or a proxy before it, that has trouble now: a restart looks like this. */
export const isTemporary = ({ _tag, status = 0 }: Failure): boolean =>
  _tag === "Unreachable" || status >= 500 || status === 408 || status === 429

/** Goes on as the schedule does, but only after what another try may mend. */
export const whileTemporary = (schedule: Schedule.Schedule<unknown, unknown>) =>
  Schedule.while(schedule, ({ input }) => isTemporary(input as Failure))
