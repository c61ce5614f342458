/** A followed log's events, as they come over one connection. */
import { makeEventReader, type ServerEvent } from "./ServerEvents.ts"

/** What an event of a followed log says. */
export type FollowedEvent =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array; readonly end: number }
  | { readonly kind: "end"; readonly end: number | undefined }
  | { readonly kind: "gone"; readonly reason: string }
  | { readonly kind: "shutdown"; readonly deadlineMillis: number | undefined; readonly leavesRun: boolean }
  /** Of a newer Looper; nothing to do. */
  | { readonly kind: "unknown" }

const encoder = new TextEncoder()

const fieldsOf = (data: string): Readonly<Record<string, unknown>> => {
  const value: unknown = JSON.parse(data)
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
}

const base64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (character) => character.charCodeAt(0))

/** Reads one event; throws where it is none of Looper's. */
export const followedEvent = ({ event, id, data }: ServerEvent): FollowedEvent => {
  const fields = fieldsOf(data)
  const end = id === undefined || !/^\d+$/.test(id) ? undefined : Number(id)
  switch (event) {
    case undefined:
    case "":
    case "message": {
      if (end === undefined) throw new Error("an event of the log has no place in it")
      const bytes = typeof fields.text === "string" ? encoder.encode(fields.text) : base64(String(fields.base64))
      return { kind: "bytes", bytes, end }
    }
    case "end":
      return { kind: "end", end }
    case "gone":
      return { kind: "gone", reason: String(fields.reason) }
    case "shutdown": {
      const deadline = Date.parse(String(fields.deadline_at))
      const deadlineMillis = Number.isNaN(deadline) ? undefined : deadline
      return { kind: "shutdown", deadlineMillis, leavesRun: fields.on_shutdown === "leave" }
    }
    default:
      return { kind: "unknown" }
  }
}

/** A connection that is silent for so long is dead: three heartbeats of Looper, in milliseconds. */
const silenceMillis = 45_000

/**
 * Calls `onEvent` for each event until the connection ends, or is silent for too long; `onEvent` answers `false` to
 * end it.
 */
export const readEvents = async (
  body: ReadableStream<Uint8Array>,
  onEvent: (event: FollowedEvent) => boolean
): Promise<void> => {
  let goesOn = true
  const take = makeEventReader((event) => {
    if (goesOn) goesOn = onEvent(followedEvent(event))
  })
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    while (goesOn) {
      timer = setTimeout(() => void reader.cancel(), silenceMillis)
      const { done, value } = await reader.read()
      clearTimeout(timer)
      if (done) return
      take(decoder.decode(value, { stream: true }))
    }
  } finally {
    clearTimeout(timer)
    reader.cancel().catch(() => undefined)
  }
}
