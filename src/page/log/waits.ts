/** When a connection that broke is tried again. */

const waitsMillis = [500, 1_000, 2_000, 4_000, 8_000, 15_000]

/** How long to wait before try `attempt` (from 0), in milliseconds: up to a fifth less, so that tabs do not march in step. */
export const waitMillis = (attempt: number, random: number = Math.random()): number =>
  Math.round((waitsMillis[Math.min(attempt, waitsMillis.length - 1)] ?? 0) * (1 - random / 5))
