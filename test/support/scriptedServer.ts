/** A loopback server whose every byte is the test's: what a client meets where no Looper listens, or one that is ending. */
import { once } from "node:events"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { jsonOf } from "./httpClient.ts"

/** A request as it came. */
export interface ReceivedRequest {
  readonly method: string
  /** With its query. */
  readonly target: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, unknown>> | undefined
}

/** Answers one request; the connection is the script's to end. */
export type Script = (socket: Socket, request: ReceivedRequest) => void

export interface ScriptedServer extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string
  /** In the order they came. */
  readonly requests: ReadonlyArray<ReceivedRequest>
  /** The next requests get these, one each; with none left a connection is reset. */
  script(...scripts: ReadonlyArray<Script>): void
  /** Open connections now. */
  connections(): number
}

export const startScriptedServer = async (): Promise<ScriptedServer> => {
  const requests: Array<ReceivedRequest> = []
  const waiting: Array<Script> = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    let received = Buffer.alloc(0)
    socket.on("error", () => {})
    socket.on("close", () => sockets.delete(socket))
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk])
      const request = requestIn(received)
      if (request === undefined) return
      received = Buffer.alloc(0)
      requests.push(request)
      const script = waiting.shift() ?? ((given: Socket) => given.resetAndDestroy())
      script(socket, request)
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    script: (...scripts) => void waiting.push(...scripts),
    connections: () => sockets.size,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, "close")
    }
  }
}

const requestIn = (bytes: Buffer): ReceivedRequest | undefined => {
  const end = bytes.indexOf("\r\n\r\n")
  if (end < 0) return undefined
  const [first = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n")
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()])
  )
  const body = bytes.subarray(end + 4)
  if (body.length < Number(headers["content-length"] ?? 0)) return undefined
  const [method = "", target = ""] = first.split(" ")
  return { method, target, headers, body: jsonOf(body.toString()) }
}

/** A whole answer, after which the connection ends. */
export const whole =
  (status: number, contentType: string, body: string, headers: ReadonlyArray<string> = []): Script =>
  (socket) =>
    socket.end(
      [
        `HTTP/1.1 ${status} Said`,
        ...(contentType === "" ? [] : [`Content-Type: ${contentType}`]),
        `Content-Length: ${Buffer.byteLength(body)}`,
        ...headers,
        "",
        body
      ].join("\r\n")
    )

/** A whole answer of JSON. */
export const json = (status: number, body: unknown, headers: ReadonlyArray<string> = []): Script =>
  whole(status, "application/json", JSON.stringify(body), headers)

const streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

/** A piece of a chunked body. */
export const piece = (bytes: string | Uint8Array): Buffer => {
  const content = Buffer.from(bytes)
  return Buffer.concat([Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from("\r\n")])
}

/** Server-Sent Events, and then the connection's end as Looper's shutdown makes it, its reset, or silence. */
export const events =
  (pieces: ReadonlyArray<string | Uint8Array>, then: "ends" | "resets" | "stays"): Script =>
  (socket) => {
    socket.write(streamHead)
    for (const bytes of pieces) socket.write(piece(bytes))
    if (then === "ends") socket.end("0\r\n\r\n")
    // What was written is sent before the connection is cut.
    if (then === "resets") socket.end()
  }
