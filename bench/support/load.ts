/** Requests over many connections at once, each sending the next as soon as its answer is complete. */
import { connect, type Socket } from "node:net"

/** Sends so many requests in all; fails where an answer is not 200 or not the one before it. */
export const load = async (
  url: string,
  options: { readonly path: string; readonly connections: number; readonly requests: number }
): Promise<void> => {
  const { host, hostname, port } = new URL(url)
  const head = `GET ${options.path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
  let toSend = options.requests
  let body: string | undefined
  const sockets: Array<Socket> = []
  const converse = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), hostname)
      sockets.push(socket)
      let received = ""
      const next = () => {
        if (toSend === 0) return resolve()
        toSend--
        return void socket.write(head)
      }
      socket.setNoDelay(true).setEncoding("latin1")
      socket.on("connect", next).on("error", reject)
      socket.on("close", () => reject(new Error("the server closed a connection")))
      socket.on("data", (chunk: string) => {
        received += chunk
        const answer = answerIn(received)
        if (answer === undefined) return
        received = ""
        body ??= answer.body
        if (answer.status !== "200" || answer.body !== body)
          return reject(new Error(`GET ${options.path}: ${answer.status} ${answer.body}`))
        next()
      })
    })
  let isOver = false
  // Who sleeps has to be woken by the server, at the price of an interrupt to another processor: the faster this client
  // were than the server, the more of that would count as the server's.
  const stayAwake = () => void (isOver || setImmediate(stayAwake))
  stayAwake()
  try {
    await Promise.all(Array.from({ length: options.connections }, converse))
  } finally {
    isOver = true
    for (const socket of sockets) socket.removeAllListeners("close").destroy()
  }
}

/** Undefined while it is incomplete. */
const answerIn = (text: string): { readonly status: string; readonly body: string } | undefined => {
  const cut = text.indexOf("\r\n\r\n")
  if (cut < 0) return undefined
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, cut))?.[1])
  const body = text.slice(cut + 4)
  return body.length < length ? undefined : { status: text.slice(9, 12), body }
}
