/** The day of the design's mock, in Berlin. */

/** Milliseconds since the epoch of a time of 22 November 2026, `13:53:20` or `13:53:20.4`. */
export const at = (clock: string): number => Date.parse(`2026-11-22T${clock}+01:00`)

/** The same as the API writes it. */
export const isoAt = (clock: string): string => new Date(at(clock)).toISOString()

/** When most of the mock's states are seen. */
export const now = at("13:53:20")
