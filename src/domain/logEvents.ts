/** A run's log as Server-Sent Events: how its bytes become events, and how a client makes bytes of them again. */
import { Effect, Schema } from "effect"
import { EndCause, RunState } from "./RunRecord.ts"
import { ShutdownFields, type ShutdownNotice, shutdownFields } from "./shutdownNotice.ts"

/** How many bytes at the end of `bytes` begin a code point that is cut there: 0 to 3. */
export const cutCodePointBytes = (bytes: Uint8Array): number => {
  for (let length = 1; length <= Math.min(3, bytes.length); length++) {
    const lead = bytes[bytes.length - length] ?? 0
    if ((lead & 0xc0) === 0x80) continue
    const [needed, second] = sequenceOf(lead)
    const next = length > 1 ? (bytes[bytes.length - length + 1] ?? 0) : second[0]
    return length < needed && next >= second[0] && next <= second[1] ? length : 0
  }
  return 0
}

/**
 * How many bytes a code point has by its first, and between which bytes its second one is.
 *
 * **Source** The Unicode Standard, table 3-7.
 */
const sequenceOf = (lead: number): readonly [needed: number, second: readonly [number, number]] => {
  if (lead < 0xc2 || lead > 0xf4) return [1, [0x80, 0xbf]]
  if (lead < 0xe0) return [2, [0x80, 0xbf]]
  if (lead < 0xf0) return [3, [lead === 0xe0 ? 0xa0 : 0x80, lead === 0xed ? 0x9f : 0xbf]]
  return [4, [lead === 0xf0 ? 0x90 : 0x80, lead === 0xf4 ? 0x8f : 0xbf]]
}

/** How a followed run ended, as its last event tells it. */
const EndData = Schema.Struct({
  state: RunState,
  /** `null` where codex never started. */
  return_code: Schema.NullOr(Schema.Union([Schema.Int, Schema.Literal("unknown")])),
  cause: Schema.NullOr(EndCause)
})
const GoneData = Schema.Struct({ reason: Schema.String })
const ChunkData = Schema.Union([
  Schema.Struct({ text: Schema.String }),
  Schema.Struct({ base64: Schema.Uint8ArrayFromBase64 })
])
const Offset = Schema.NumberFromString.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(0))

/** How a followed run ended. */
export type LogEnd = typeof EndData.Type

/** What keeps a silent connection alive: a comment, which no client sees. */
export const encodedHeartbeat: Uint8Array = Buffer.from(": \n\n")

/**
 * The bytes of a log that end at offset `end` as one event: text where they are UTF-8, otherwise base64.
 *
 * **Details** JSON escapes what ends a line of an event, and U+FEFF is kept, so that any bytes survive.
 */
export const encodeLogChunk = (bytes: Uint8Array, end: number): Uint8Array => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = buffer.toString()
  // What is not UTF-8 became U+FFFD, which has other bytes.
  const isText = !text.includes("\ufffd") || Buffer.from(text).equals(buffer)
  const data = isText ? { text } : { base64: buffer.toString("base64") }
  return Buffer.from(`id: ${end}\ndata: ${JSON.stringify(data)}\n\n`)
}

const encodeEndData = Schema.encodeSync(Schema.fromJsonString(EndData))

/** The last event of a run that has ended; `size` is that of its complete log. */
export const encodeLogEnd = (end: LogEnd, size: number): Uint8Array =>
  Buffer.from(`event: end\nid: ${size}\ndata: ${encodeEndData(end)}\n\n`)

/** The last event of a log that cannot be followed any more. */
export const encodeLogGone = (reason: string): Uint8Array =>
  Buffer.from(`event: gone\ndata: ${JSON.stringify({ reason })}\n\n`)

/** The last event of a connection that ends because Looper stops: the log goes on where it broke off. */
export const encodeLogShutdown = (notice: ShutdownNotice): Uint8Array =>
  Buffer.from(`event: shutdown\ndata: ${JSON.stringify(shutdownFields(notice))}\n\n`)

const LogEvent = Schema.Union([
  Schema.Struct({ event: Schema.Literal("shutdown"), data: Schema.fromJsonString(ShutdownFields) }),
  Schema.Struct({ event: Schema.Literal("message"), id: Offset, data: Schema.fromJsonString(ChunkData) }),
  Schema.Struct({ event: Schema.Literal("end"), id: Offset, data: Schema.fromJsonString(EndData) }),
  Schema.Struct({ event: Schema.Literal("gone"), data: Schema.fromJsonString(GoneData) })
])
const decodeParsed = Schema.decodeUnknownEffect(LogEvent)

/** What a client of a followed log learns from one event; `offset` is where it resumes. */
export type DecodedLogEvent =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array; readonly offset: number }
  | { readonly kind: "end"; readonly end: LogEnd; readonly offset: number }
  | { readonly kind: "gone"; readonly reason: string }
  /** Looper stops: the next one goes on where this one broke off. */
  | ({ readonly kind: "shutdown" } & ShutdownFields)

/**
 * Reads one event as a parser of Server-Sent Events gives it; one without a name is a `message`.
 *
 * **Errors** `SchemaError`: this is no event of a followed log.
 */
export const decodeLogEvent = (parsed: {
  readonly event?: string | undefined
  readonly id?: string | undefined
  readonly data: string
}): Effect.Effect<DecodedLogEvent, Schema.SchemaError> =>
  Effect.map(decodeParsed({ ...parsed, event: parsed.event ?? "message" }), (event): DecodedLogEvent => {
    if (event.event === "shutdown") return { kind: "shutdown", ...event.data }
    if (event.event === "gone") return { kind: "gone", reason: event.data.reason }
    if (event.event === "end") return { kind: "end", end: event.data, offset: event.id }
    const bytes = "text" in event.data ? new TextEncoder().encode(event.data.text) : event.data.base64
    return { kind: "bytes", bytes, offset: event.id }
  })
