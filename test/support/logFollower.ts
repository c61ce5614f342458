/** A client of `GET /runs/:id/log?follow=1` that keeps every event and the bytes they make. */
import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from "node:http"

export interface LogEvent {
  /** `message` where the stream names none. */
  readonly event: string
  readonly id: string | undefined
  readonly data: Readonly<Record<string, unknown>>
}

export interface LogFollower extends Disposable {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly events: ReadonlyArray<LogEvent>
  /** What is wrong with the stream: an `id` that is not the offset behind its piece. */
  readonly faults: ReadonlyArray<string>
  /** Comments that came. */
  comments(): number
  /** What the pieces make. */
  bytes(): Buffer
  /** The last `id`, or where it began. */
  lastId(): number
  /** The connection ended; gives the last event where that ends a stream. */
  readonly ended: Promise<LogEvent | undefined>
}

export interface FollowOptions {
  /** Sent as `Last-Event-ID`. */
  readonly after?: number
  /** Further words of the query. */
  readonly query?: string
  /** Where the first piece begins, where `after` does not tell. */
  readonly from?: number
  /** Takes the head of the answer and nothing behind it. */
  readonly neverReads?: boolean
}

/** Follows; resolves when the head of the answer has come. */
export const followLog = (url: string, id: string, options: FollowOptions = {}): Promise<LogFollower> => {
  const { after, query = "", neverReads = false } = options
  const { promise, resolve, reject } = Promise.withResolvers<LogFollower>()
  const headers = after === undefined ? {} : { "last-event-id": String(after) }
  const address = new URL(`/runs/${id}/log?follow=1${query}`, url)
  const request = httpRequest(address, { agent: false, headers }, (response) =>
    resolve(neverReads ? sleeper(response) : reader(response, options.from ?? after ?? 0))
  )
  request.on("error", reject)
  request.end()
  return promise
}

const sleeper = (response: IncomingMessage): LogFollower => {
  response.on("error", () => {})
  return {
    ...headOf(response),
    events: [],
    faults: [],
    comments: () => 0,
    bytes: () => Buffer.alloc(0),
    lastId: () => 0,
    ended: new Promise((resolve) => response.on("close", () => resolve(undefined)))
  }
}

const reader = (response: IncomingMessage, from: number): LogFollower => {
  const events: Array<LogEvent> = []
  const pieces: Array<Buffer> = []
  const faults: Array<string> = []
  let [rest, offset, comments] = ["", from, 0]
  const take = (block: string) => {
    const lines = block.split("\n")
    comments += lines.filter((line) => line.startsWith(":")).length
    const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
    const text = field("data")
    if (text === undefined) return
    const event: LogEvent = { event: field("event") ?? "message", id: field("id"), data: JSON.parse(text) }
    events.push(event)
    if (event.event === "message") {
      const piece = pieceOf(event)
      pieces.push(piece)
      offset += piece.length
    }
    if (event.id !== undefined && Number(event.id) !== offset) faults.push(`id ${event.id} at offset ${offset}`)
  }
  response.setEncoding("utf8").on("data", (chunk: string) => {
    const blocks = (rest + chunk).split("\n\n")
    rest = blocks.pop() ?? ""
    for (const block of blocks) take(block)
  })
  response.on("error", () => {})
  const isLast = (event: LogEvent | undefined) => event?.event === "end" || event?.event === "gone"
  return {
    ...headOf(response),
    events,
    faults,
    comments: () => comments,
    bytes: () => Buffer.concat(pieces),
    lastId: () => offset,
    ended: new Promise((resolve) => {
      response.on("close", () => resolve(isLast(events.at(-1)) ? events.at(-1) : undefined))
    })
  }
}

const headOf = (response: IncomingMessage) => ({
  status: response.statusCode ?? 0,
  headers: response.headers,
  [Symbol.dispose]: () => void response.destroy()
})

const pieceOf = ({ data }: LogEvent): Buffer =>
  typeof data.text === "string" ? Buffer.from(data.text) : Buffer.from(String(data.base64), "base64")
