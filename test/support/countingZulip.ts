/** A server that takes every request for a sent Zulip message, answers success, and keeps the texts. */
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

export interface CountingZulip extends AsyncDisposable {
  /** Makes Looper send to it. */
  readonly env: Readonly<Record<string, string>>
  readonly messages: ReadonlyArray<string>
}

export const startCountingZulip = async (): Promise<CountingZulip> => {
  const messages: Array<string> = []
  const server = createServer(async (request, response) => {
    const body = (await request.setEncoding("utf8").toArray()).join("")
    messages.push(new URLSearchParams(body).get("content") ?? `${request.method} ${request.url}`)
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify({ result: "success", msg: "", id: messages.length }))
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
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, "close")
    }
  }
}
