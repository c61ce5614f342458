/** One HTTP request on a connection of its own, with every header in the test's hand. */
import { type IncomingHttpHeaders, request as httpRequest } from "node:http"
import { connect } from "node:net"

export interface RequestOptions {
  /** Sent as JSON. */
  readonly body?: unknown
  /** Sent as it is, without a content type unless `headers` has one. */
  readonly raw?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  /** The address the connection comes from. */
  readonly from?: string
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The decoded JSON object, or undefined where the body is none. */
  readonly body: Readonly<Record<string, unknown>> | undefined
  readonly text: string
}

/** Sends and reads the whole answer; an answer that comes before the body is sent counts. */
export const sendRequest = (url: string, method: string, path: string, options: RequestOptions): Promise<Answer> => {
  const payload = options.body === undefined ? options.raw : JSON.stringify(options.body)
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const headers = {
    ...(options.body === undefined ? {} : { "content-type": "application/json" }),
    ...(payload === undefined ? {} : { "content-length": String(Buffer.byteLength(payload)) }),
    ...options.headers
  }
  const { hostname, port } = new URL(url)
  const from = options.from === undefined ? {} : { localAddress: options.from }
  const target = { host: hostname.replace(/^\[|\]$/g, ""), port, method, path, headers, agent: false, ...from }
  const request = httpRequest(target, (response) => {
    const chunks: Array<Buffer> = []
    response.on("data", (chunk: Buffer) => chunks.push(chunk))
    response.on("error", reject)
    response.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8")
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: jsonOf(text), text })
      request.destroy()
    })
  })
  let answered = false
  request.on("response", () => (answered = true))
  request.on("error", (error) => void (answered || reject(error)))
  request.end(payload)
  return promise
}

/** Sends bytes as they are on a connection of its own and reads the answer until the server closes. */
export const sendRaw = (url: string, bytes: string): Promise<Answer> => {
  const { hostname, port } = new URL(url)
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const chunks: Array<Buffer> = []
  const socket = connect(Number(port), hostname, () => socket.write(bytes, "latin1"))
  socket.on("data", (chunk) => chunks.push(chunk))
  socket.on("error", (error) => void (chunks.length > 0 || reject(error)))
  socket.on("close", () => resolve(answerOf(Buffer.concat(chunks).toString("utf8"))))
  return promise
}

/** Reads the first answer of a connection; status 0 where there is none. */
const answerOf = (received: string): Answer => {
  const cut = received.indexOf("\r\n\r\n")
  const [statusLine = "", ...lines] = received.slice(0, cut).split("\r\n")
  const headers = lines.map((line) => {
    const colon = line.indexOf(":")
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  const text = received.slice(cut + 4)
  const status = Number(statusLine.split(" ")[1] ?? 0)
  return { status, headers: Object.fromEntries(headers), body: jsonOf(text), text }
}

/** The decoded JSON object, or undefined where the text is none. */
export const jsonOf = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}
