/** Compares Looper's log with the book of what was sent: each request that reached the app has its pair, nothing else has. */
import { createReadStream } from "node:fs"
import { createInterface } from "node:readline"
import type { Book } from "./hostileAttack.ts"
import { smuggledTag } from "./hostileAttack.ts"

const record =
  /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING|ERROR|CRITICAL) looper ([a-z_]+(?:\.[a-z_]+)+)((?: [a-z_]+=(?:[^\s"]+|"(?:[^"\\]|\\.)*"|[[{].*))*)$/
/** What requests make Looper say; an operation that was not asked for says something else. */
const harmless =
  /^(http\.(start|end|fields\.unknown)|notify\.(log|step)|run\.(start|step|fail|success)|codex\.exec\.(foreign|autopoll\.(paused|resumed|disabled)|spawned|ended)|process\.kill\.\w+|server\.\w+)$/

export interface LogFindings {
  /** Lines that are no records, records of unknown events, of errors, of smuggled requests. */
  readonly strange: ReadonlyArray<string>
  /** Ids whose starts or ends are not those of their answers. */
  readonly unpaired: ReadonlyArray<string>
  /** Ids of requests that sent a message, of runs that were started. */
  readonly messages: ReadonlyArray<string>
  readonly spawned: ReadonlyArray<string>
  readonly requests: number
}

/** `mirrored` says which lines are output of runs. */
export const readLog = async (path: string, book: Book, mirrored: (line: string) => boolean): Promise<LogFindings> => {
  const strange: Array<string> = []
  const messages: Array<string> = []
  const spawned: Array<string> = []
  const starts = new Map<string, Array<string>>()
  const ends = new Map<string, Array<number>>()
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const [, level = "", event = "", fields = ""] = record.exec(line) ?? []
    if (event === "" ? !mirrored(line) : !harmless.test(event) || level === "ERROR" || level === "CRITICAL")
      strange.push(line)
    const id = / request_id=(\S+)/.exec(fields)?.[1] ?? ""
    if (event === "http.start") {
      const tag = / user_agent=(\S+)/.exec(fields)?.[1] ?? ""
      if (tag.includes(smuggledTag) || fields.includes("path=/smuggled")) strange.push(line)
      push(starts, id, tag)
    }
    if (event === "http.end") push(ends, id, Number(/ status=(\d+)/.exec(fields)?.[1]))
    if (event === "notify.log") messages.push(id)
    if (event === "codex.exec.spawned") spawned.push(id)
  }
  const unpaired: Array<string> = []
  for (const [id, tags] of starts) {
    const ended = ends.get(id) ?? []
    const answered = book.byApp.get(id) ?? []
    // What was cut has its pair too, though nobody got the answer; what was changed beyond knowing may have lost its tag.
    const unanswered = tags.length - answered.length
    const mayBeCut = tags.filter((tag) => book.cut.has(tag) || !/^hostile\/(\d+)\/\1$/.test(tag)).length
    const isPaired = ended.length === tags.length && answered.every((status) => ended.includes(status))
    if (!isPaired || unanswered < 0 || unanswered > mayBeCut)
      unpaired.push(`${id} starts ${tags} ends ${ended} answers ${answered}`)
  }
  for (const id of book.byApp.keys()) if (!starts.has(id)) unpaired.push(`${id} was answered and stands nowhere`)
  for (const id of ends.keys()) if (!starts.has(id)) unpaired.push(`${id} ends and never started`)
  return { strange, unpaired, messages, spawned, requests: starts.size }
}

const push = <A>(map: Map<string, Array<A>>, key: string, value: A) => {
  const values = map.get(key)
  if (values === undefined) map.set(key, [value])
  else values.push(value)
}
