/** A server that keeps Zulip messages and answers them only while its gate is open. */
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

export interface GatedZulip extends AsyncDisposable {
  /** Makes Looper send to it. */
  readonly env: Readonly<Record<string, string>>
  /** Every message that arrived, answered or not. */
  readonly messages: ReadonlyArray<string>
  /** From now on senders wait. */
  shut(): void
  /** Answers who waits, and everybody from now on. */
  open(): void
}

export const startGatedZulip = async (): Promise<GatedZulip> => {
  const messages: Array<string> = []
  let gate = Promise.withResolvers<void>()
  gate.resolve()
  const server = createServer(async (request, response) => {
    const body = (await request.setEncoding("utf8").toArray()).join("")
    messages.push(new URLSearchParams(body).get("content") ?? `${request.method} ${request.url}`)
    const id = messages.length
    await gate.promise
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify({ result: "success", msg: "", id }))
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    env: {
      LOOPER_NOTIFIER: "zulip",
      ZULIP_SITE: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      ZULIP_BOT_EMAIL: "looper-bot@example.com",
      ZULIP_BOT_API_KEY: "0123456789abcdef"
    },
    messages,
    shut: () => void (gate = Promise.withResolvers<void>()),
    open: () => gate.resolve(),
    [Symbol.asyncDispose]: async () => {
      gate.resolve()
      server.close()
      server.closeAllConnections()
      await once(server, "close")
    }
  }
}
