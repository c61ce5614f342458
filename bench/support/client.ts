/** One keep-alive connection to a server; an answer that is not 200 is an error. */
import { Agent, request as httpRequest } from "node:http"

export interface Answer {
  readonly text: string
  /** From before the request to behind the answer's last byte. */
  readonly millis: number
}

export interface Client extends Disposable {
  readonly get: (path: string) => Promise<Answer>
  /** A body is sent as JSON. */
  readonly post: (path: string, body?: unknown) => Promise<Answer>
}

/** Requests of one client go one after the other. */
export const clientOf = (url: string): Client => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const send = (method: string, path: string, body?: unknown): Promise<Answer> => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const headers =
      payload === undefined
        ? {}
        : { "content-type": "application/json", "content-length": String(Buffer.byteLength(payload)) }
    const begunAt = performance.now()
    const request = httpRequest(new URL(path, url), { method, agent, headers }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk
      })
      response.on("error", reject)
      response.on("end", () => {
        const millis = performance.now() - begunAt
        if (response.statusCode === 200) resolve({ text, millis })
        else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`))
      })
    })
    request.on("error", reject)
    request.end(payload)
    return promise
  }
  return {
    get: (path) => send("GET", path),
    post: (path, body) => send("POST", path, body),
    [Symbol.dispose]: () => agent.destroy()
  }
}
