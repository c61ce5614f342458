/** Whom a start stops. */
import type { Status } from "../api/answers.ts"
import { pidWords } from "./failureParts.ts"
import type { StartForm } from "./formState.ts"
import { victimOf } from "./startForm.ts"
import { shortPath } from "../words/paths.ts"
import { clockSince, duration, millisOf } from "../words/time.ts"

/** Whom a start would stop, and how old it is; `undefined` where nothing lives. */
export const victimWords = (
  status: Status,
  form: Pick<StartForm, "alsoAlive">,
  nowMillis: number
): string | undefined => {
  const { run, idle, defaults } = status
  const shown = new Set(idle?.blocking.map(({ pid }) => pid))
  const also = victimOf(status, form)?.others.filter((pid) => !shown.has(pid)) ?? []
  if (run !== null) {
    const wrote = millisOf(run.last_output_at)
    const output = wrote === undefined ? "has written nothing yet" : `wrote ${duration(nowMillis - wrote)} ago`
    const worked = duration(nowMillis - (millisOf(run.started_at) ?? nowMillis))
    const others = also.length === 0 ? "" : ` It also stops ${pidWords(also)}, not started by Looper.`
    return `This stops run ${run.request_id}, which has worked for ${worked} and ${output}.${others}`
  }
  const blocking = idle?.blocking ?? []
  if (blocking.length + also.length === 0) return undefined
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
  const all = [...each, ...also.map((pid) => `pid ${pid}`)].join("; ")
  return `This stops another codex exec, not started by Looper: ${all}.`
}
