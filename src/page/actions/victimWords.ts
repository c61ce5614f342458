/** Whom a start stops. */
import type { Status } from "../api/answers.ts"
import { shortPath } from "../words/paths.ts"
import { clockSince, duration, millisOf } from "../words/time.ts"

/** Whom a start would stop, and how old it is; `undefined` where nothing lives. */
export const victimWords = ({ run, idle, defaults }: Status, nowMillis: number): string | undefined => {
  if (run !== null) {
    const wrote = millisOf(run.last_output_at)
    const output = wrote === undefined ? "has written nothing yet" : `wrote ${duration(nowMillis - wrote)} ago`
    const worked = duration(nowMillis - (millisOf(run.started_at) ?? nowMillis))
    return `This stops run ${run.request_id}, which has worked for ${worked} and ${output}.`
  }
  const blocking = idle?.blocking ?? []
  if (blocking.length === 0) return undefined
  const each = blocking.map(({ pid, cwd, started_at }) => {
    const since = millisOf(started_at)
    return [
      `pid ${pid}`,
      cwd !== null && cwd !== defaults.workspace && `in ${shortPath(cwd, defaults.workspace)}`,
      since !== undefined && `since ${clockSince(since, nowMillis)}`
    ]
      .filter((part) => part !== false)
      .join(" ")
  })
  return `This stops another codex exec, not started by Looper: ${each.join("; ")}.`
}
