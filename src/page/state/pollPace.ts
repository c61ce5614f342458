/** How often Looper is asked, in milliseconds. */
import type { PageState } from "./PageState.ts"

/** Until the next question. */
export const pollMillis = (
  { connection, status, stop }: Pick<PageState, "connection" | "status" | "stop">,
  isHidden: boolean,
  isHurried: boolean
): number => {
  if (isHidden) return 30_000
  if (connection.kind === "forbidden") return 15_000
  const isMoving = (status !== undefined && status.holder !== null) || stop.kind === "stopping"
  return isMoving || isHurried ? 500 : 2_000
}

/** Until the next try after so many that got no answer. */
export const retryMillis = (failures: number): number => [1_000, 2_000, 4_000, 8_000][failures - 1] ?? 15_000
