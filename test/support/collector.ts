/** A loopback OTLP collector. */
import { createServer } from "node:http"
import { once } from "node:events"
import type { AddressInfo } from "node:net"

export interface Collector extends AsyncDisposable {
  readonly url: string
  /** What came, as it was sent. */
  readonly requests: Array<{ readonly path: string; readonly authorization: string | undefined; readonly body: string }>
  /** How the next ones are answered; `silence` never. */
  answer: number | "silence"
}

export const startCollector = async (answer: Collector["answer"] = 200): Promise<Collector> => {
  const server = createServer(async (request, response) => {
    const chunks: Array<Buffer> = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { authorization } = request.headers
    collector.requests.push({ path: request.url ?? "", authorization, body: Buffer.concat(chunks).toString() })
    if (collector.answer !== "silence") response.writeHead(collector.answer).end("{}")
  })
  server.on("clientError", () => {})
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const collector: Collector = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    answer,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    }
  }
  return collector
}
