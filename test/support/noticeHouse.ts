/** A Looper that tells everything, and the chat server that it tells it to. */
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { ManagedRuntime } from "effect"
import { ZulipServer } from "../../src/testing/ZulipServer.ts"

/** A chat server with its settings, what it got, and a secret that Looper knows of it. */
export interface Chat extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>
  readonly secret: string
  readonly contents: () => ReadonlyArray<string>
}

/** The Zulip server of the test kit. */
export const startZulip = async (): Promise<Chat> => {
  const kit = ManagedRuntime.make(ZulipServer.layer())
  const zulip = await kit.runPromise(ZulipServer)
  return {
    env: {
      LOOPER_NOTIFIER: "zulip",
      ZULIP_SITE: zulip.url,
      ZULIP_BOT_EMAIL: zulip.email,
      ZULIP_BOT_API_KEY: zulip.apiKey
    },
    secret: zulip.apiKey,
    contents: () => zulip.messages.map(({ content }) => content),
    [Symbol.asyncDispose]: () => kit.dispose()
  }
}

/** An incoming webhook. */
export const startWebhook = async (): Promise<Chat> => {
  const texts: Array<string> = []
  const server = createServer(async (request, response) => {
    const body = (await request.setEncoding("utf8").toArray()).join("")
    texts.push((JSON.parse(body) as { readonly text: string }).text)
    response.end("ok")
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/correct-horse`
  return {
    env: { LOOPER_NOTIFIER: "webhook", LOOPER_WEBHOOK_URL: url },
    secret: url,
    contents: () => texts,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, "close")
    }
  }
}
