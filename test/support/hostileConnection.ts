/** A connection that takes every answer apart by the letter: what is not as documented is an error. */
import { connect, type Socket } from "node:net"
import type { Expected } from "./hostileRequests.ts"

export interface StrictAnswer {
  readonly status: number
  readonly id: string
  readonly code: string | undefined
  readonly text: string
  readonly closes: boolean
}

/** An answer, or what closed the connection before there was one. */
export type Received = StrictAnswer | undefined

export interface HostileConnection {
  readonly socket: Socket
  isClosed(): boolean
  /** The next answer; undefined where the connection ends before its first byte. */
  next(isHead: boolean): Promise<Received>
  /** The connection has ended. */
  readonly closed: Promise<void>
  /** What came and was not taken. */
  rest(): Buffer
}

/** An answer is not as documented. */
export class BadAnswer extends Error {}

export const openHostile = async (port: number): Promise<HostileConnection> => {
  const socket = connect(port, "127.0.0.1")
  socket.setNoDelay(true)
  let received = Buffer.alloc(0)
  let wake = Promise.withResolvers<void>()
  let isClosed = false
  const changed = () => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  socket.on("data", (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    changed()
  })
  // A reset is an end like any other.
  socket.on("error", () => undefined)
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => {
      isClosed = true
      resolve()
      changed()
    })
  })
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve)
    void closed.then(() => reject(new Error(`nobody listens on ${port}`)))
  })
  return {
    socket,
    isClosed: () => isClosed,
    closed,
    rest: () => received,
    next: async (isHead) => {
      for (;;) {
        const taken = takeAnswer(received, isHead)
        if (taken !== undefined) {
          received = received.subarray(taken.end)
          return taken.answer
        }
        if (isClosed) {
          if (received.length === 0) return undefined
          throw new BadAnswer(`an answer that ends early: ${quote(received)}`)
        }
        await wake.promise
      }
    }
  }
}

/** Bytes as a string literal that gives them back, cut where they are many. */
export const quote = (bytes: Buffer): string => {
  const text = JSON.stringify(bytes.toString("latin1").slice(0, 700))
  return bytes.length > 700 ? `${text} (${bytes.length} bytes)` : text
}

const continues = "HTTP/1.1 100 Continue\r\n\r\n"
const headerLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t\x20-\x7e]*)$/

const takeAnswer = (
  all: Buffer,
  isHead: boolean
): { readonly answer: StrictAnswer; readonly end: number } | undefined => {
  let start = 0
  while (all.toString("latin1", start, start + continues.length) === continues) start += continues.length
  const headEnd = all.indexOf("\r\n\r\n", start)
  if (headEnd < 0) {
    if (all.length > start && !"HTTP/1.1 ".startsWith(all.toString("latin1", start, start + 9).slice(0, 9))) {
      throw new BadAnswer(`no answer of HTTP: ${quote(all)}`)
    }
    return undefined
  }
  const [statusLine = "", ...lines] = all.toString("latin1", start, headEnd).split("\r\n")
  const status = Number(/^HTTP\/1\.1 ([2-5]\d\d) [\x20-\x7e]+$/.exec(statusLine)?.[1])
  if (Number.isNaN(status)) throw new BadAnswer(`status line ${JSON.stringify(statusLine)}`)
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name = "", value = ""] = headerLine.exec(line) ?? []
    if (name === "") throw new BadAnswer(`header ${JSON.stringify(line)}`)
    if (headers.has(name.toLowerCase())) throw new BadAnswer(`two headers ${name}`)
    headers.set(name.toLowerCase(), value)
  }
  const isChunked = headers.get("transfer-encoding") === "chunked"
  const length = headers.get("content-length")
  const bodyStart = headEnd + 4
  if (isHead) return { answer: answerOf(status, headers, ""), end: bodyStart }
  if (isChunked === (length !== undefined)) throw new BadAnswer(`neither a length nor chunks, or both: ${quote(all)}`)
  if (isChunked) {
    const body = takeChunks(all, bodyStart)
    return body && { answer: answerOf(status, headers, body.text), end: body.end }
  }
  const end = bodyStart + Number(length)
  if (!/^\d+$/.test(length ?? "")) throw new BadAnswer(`length ${length}`)
  return all.length < end ? undefined : { answer: answerOf(status, headers, all.toString("utf8", bodyStart, end)), end }
}

const takeChunks = (all: Buffer, start: number): { readonly text: string; readonly end: number } | undefined => {
  const chunks: Array<Buffer> = []
  for (let at = start; ; ) {
    const lineEnd = all.indexOf("\r\n", at)
    if (lineEnd < 0) return undefined
    const size = all.toString("latin1", at, lineEnd)
    if (!/^[0-9a-f]+$/.test(size)) throw new BadAnswer(`chunk size ${JSON.stringify(size)}`)
    const end = lineEnd + 2 + Number.parseInt(size, 16)
    if (all.length < end + 2) return undefined
    if (all.toString("latin1", end, end + 2) !== "\r\n") throw new BadAnswer("a chunk without its end")
    if (end === lineEnd + 2) return { text: Buffer.concat(chunks).toString("utf8"), end: end + 2 }
    chunks.push(all.subarray(lineEnd + 2, end))
    at = end + 2
  }
}

/** Every code that an answer to a request without a valid start may have. */
const codesOf: Readonly<Record<number, ReadonlyArray<string>>> = {
  400: ["malformed_request", "invalid_request"],
  403: ["host_not_allowed", "origin_not_allowed", "remote_not_allowed"],
  404: ["not_found"],
  405: ["method_not_allowed"],
  408: ["request_timeout"],
  413: ["body_too_large"],
  415: ["unsupported_media_type"],
  417: ["expectation_failed"],
  431: ["headers_too_large"]
}

/** The documented form, of an error or not. */
const answerOf = (status: number, headers: ReadonlyMap<string, string>, text: string): StrictAnswer => {
  const fail = (what: string) =>
    new BadAnswer(`${what}: ${status} ${JSON.stringify([...headers])} ${JSON.stringify(text)}`)
  const id = headers.get("x-request-id") ?? ""
  if (!/^[0-9a-f]{8}$/.test(id)) throw fail("no X-Request-Id")
  if (headers.get("content-type") !== "application/json") throw fail("no JSON")
  if (status === 405 && !/^[A-Z]+(, [A-Z]+)*$/.test(headers.get("allow") ?? "")) throw fail("no Allow")
  if (status !== 200 && codesOf[status] === undefined) throw fail("no documented status")
  const closes = headers.get("connection") === "close"
  if (text === "") return { status, id, code: undefined, text, closes }
  const body = objectOf(text)
  if (body === undefined || !text.endsWith("}\n")) throw fail("no JSON object on a line of its own")
  if (status === 200) {
    if (body.ok !== true) throw fail("no ok")
    return { status, id, code: undefined, text, closes }
  }
  const { ok, error, code, request_id } = body
  const isError = ok === false && typeof error === "string" && error !== "" && request_id === id
  if (!isError || !codesOf[status]?.includes(String(code))) throw fail("no documented error")
  return { status, id, code: String(code), text, closes }
}

const objectOf = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}

/** What is wrong with an answer to this request. */
export const problemOf = (received: Received, expected: Expected): string | undefined => {
  if (received === undefined) return "no answer"
  const { status, code, text } = received
  const hasStatus = expected.status.includes(status) && (expected.isHead === true || code === expected.code)
  if (!hasStatus) return `answered ${status} ${code ?? text}`
  return expected.text !== undefined && !expected.isHead && text !== expected.text ? `answered ${text}` : undefined
}
