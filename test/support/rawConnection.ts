/** A connection whose every byte is the test's, for requests that no HTTP client would send. */
import { connect, type Socket } from "node:net"
import { type Answer, jsonOf } from "./httpClient.ts"

const deadlineMillis = 60_000

export interface RawConnection extends Disposable {
  readonly socket: Socket
  /** Sends bytes; text as Latin-1. */
  write(bytes: string | Uint8Array): void
  /** The next answer, in the order they come; fails where the connection ends before it is whole. */
  next(options?: { readonly isHead?: boolean }): Promise<Answer>
  /** The server closed the connection; gives what came and was not asked for. */
  readonly closed: Promise<string>
}

export const openRaw = async (url: string): Promise<RawConnection> => {
  const { hostname, port } = new URL(url)
  const { promise: connected, resolve, reject } = Promise.withResolvers<void>()
  const socket = connect(Number(port), hostname, resolve)
  let received = Buffer.alloc(0)
  let isClosed = false
  let wake = Promise.withResolvers<void>()
  const { promise: closed, resolve: close } = Promise.withResolvers<string>()
  const changed = () => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk])
    changed()
  })
  socket.on("error", reject)
  socket.on("close", () => {
    isClosed = true
    close(received.toString("latin1"))
    changed()
  })
  await connected
  return {
    socket,
    write: (bytes) => void socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes),
    next: async ({ isHead = false } = {}) => {
      const late = setTimeout(() => socket.destroy(), deadlineMillis)
      try {
        for (;;) {
          const taken = takeAnswer(received, isHead)
          if (taken !== undefined) {
            received = received.subarray(taken.bytes)
            return taken.answer
          }
          if (isClosed) throw new Error(`closed after ${JSON.stringify(received.toString("latin1").slice(0, 500))}`)
          await wake.promise
        }
      } finally {
        clearTimeout(late)
      }
    },
    closed,
    [Symbol.dispose]: () => void socket.destroy()
  }
}

/** Sends one request and reads one answer on a connection of its own. */
export const exchange = async (url: string, bytes: string | Uint8Array): Promise<Answer> => {
  using connection = await openRaw(url)
  connection.write(bytes)
  return await connection.next()
}

/** The first answer in some bytes once it is whole; 100 Continue is skipped. */
const takeAnswer = (
  bytes: Buffer,
  isHead: boolean
): { readonly answer: Answer; readonly bytes: number } | undefined => {
  const end = bytes.indexOf("\r\n\r\n")
  if (end < 0) return undefined
  const [statusLine = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n")
  const status = Number(statusLine.split(" ")[1])
  if (status === 100) {
    const after = takeAnswer(bytes.subarray(end + 4), isHead)
    return after && { answer: after.answer, bytes: after.bytes + end + 4 }
  }
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()])
  )
  const body = isHead
    ? { bytes: Buffer.alloc(0), end: end + 4 }
    : headers["transfer-encoding"] === "chunked"
      ? takeChunks(bytes, end + 4)
      : takeCounted(bytes, end + 4, Number(headers["content-length"] ?? 0))
  if (body === undefined) return undefined
  const text = body.bytes.toString("utf8")
  return { answer: { status, headers, body: jsonOf(text), text }, bytes: body.end }
}

const takeCounted = (bytes: Buffer, start: number, length: number) =>
  bytes.length < start + length ? undefined : { bytes: bytes.subarray(start, start + length), end: start + length }

const takeChunks = (bytes: Buffer, start: number) => {
  const chunks: Array<Buffer> = []
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at)
    if (lineEnd < 0) return undefined
    const length = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16)
    const chunkEnd = lineEnd + 2 + length
    if (bytes.length < chunkEnd + 2) return undefined
    if (length === 0) return { bytes: Buffer.concat(chunks), end: chunkEnd + 2 }
    chunks.push(bytes.subarray(lineEnd + 2, chunkEnd))
    at = chunkEnd + 2
  }
}
