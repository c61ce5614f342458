import { createServer, type IncomingHttpHeaders } from "node:http"
import type { AddressInfo } from "node:net"
import { Readable } from "node:stream"
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Queue, Redacted, Result } from "effect"
import { TestClock } from "effect/testing"
import { layerNotifierClient } from "../../../src/services/delivery/nodeClient.ts"
import { redactor } from "../../../src/logging.ts"
import { LooperConfig, type LooperConfigShape } from "../../../src/services/config/LooperConfig.ts"
import { Notifier } from "../../../src/services/notifiers/Notifier.ts"
import { layerWebhook } from "../../../src/services/notifiers/WebhookNotifier.ts"
import { makeLogs } from "../zulip/sending.ts"

interface Reply {
  readonly status?: number
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Instead of an answer: a reset, or nothing at all; or one whose body has no end. */
  readonly fault?: "reset" | "silence" | "flood"
}

const token = "T0KEN-b7a1"

/** The text, and padding until nobody takes it any more. */
function* endless(text: string) {
  yield text
  for (;;) yield " ".repeat(64 * 1024)
}

/** A loopback webhook that answers by script, then with 200. */
const makeHook = Effect.gen(function* () {
  const requests: Array<{ readonly url: string; readonly headers: IncomingHttpHeaders; readonly body: string }> = []
  const replies: Array<Reply> = []
  const arrived = yield* Queue.unbounded<void>()
  const floods = yield* Queue.unbounded<{ readonly bytes: number }>()
  const server = createServer(async (request, response) => {
    const body = (await request.setEncoding("utf8").toArray()).join("")
    requests.push({ url: `${request.method} ${request.url}`, headers: request.headers, body })
    Queue.offerUnsafe(arrived, undefined)
    const { status = 200, text = "ok", headers = {}, fault } = replies.shift() ?? {}
    if (fault === "reset") return void request.socket.resetAndDestroy()
    if (fault === "flood") {
      const chunks = Readable.from(endless(text)).pipe(response.writeHead(status))
      const { socket } = request
      socket.once("close", () => Queue.offerUnsafe(floods, { bytes: socket.bytesWritten }))
      return void chunks.on("error", () => {})
    }
    if (fault === undefined) response.writeHead(status, headers).end(text)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/services/${token}/x?thread=${token}2`
  return { url, requests, reply: (...next: ReadonlyArray<Reply>) => void replies.push(...next), arrived, floods }
})

const notifierOf = (url: string) =>
  layerWebhook.pipe(
    Layer.provide(layerNotifierClient),
    Layer.provide(Layer.succeed(LooperConfig, { webhookUrl: Redacted.make(url) } as LooperConfigShape))
  )

const sendTo = (url: string, message: string, logs = makeLogs()) =>
  Effect.flatMap(Notifier, (notifier) => notifier.send(message)).pipe(
    Effect.provide(Layer.provideMerge(notifierOf(url), logs.layer))
  )

const reasonOf = (url: string, logs = makeLogs()) => Effect.map(Effect.flip(sendTo(url, "m", logs)), (e) => e.reason)

const inDoubt = "; the message may have been delivered, so it is not sent again"

describe("a message to a webhook", () => {
  it.effect("is one POST of its text as JSON", () =>
    Effect.gen(function* () {
      const hook = yield* makeHook
      const logs = makeLogs()
      const message = 'a "quoted" line\n😀'
      assert.strictEqual(yield* sendTo(hook.url, message, logs), "OK notifier=webhook")
      const [request, ...others] = hook.requests
      assert.deepStrictEqual(others, [])
      assert.strictEqual(request?.url, `POST /services/${token}/x?thread=${token}2`)
      assert.deepStrictEqual(JSON.parse(request?.body ?? ""), { text: message })
      const { "content-type": type, "user-agent": agent, connection } = request?.headers ?? {}
      assert.deepStrictEqual([type, connection], ["application/json", "close"])
      assert.match(agent ?? "", /^Looper\//)
      assert.notProperty(request?.headers, "traceparent")
      assert.deepStrictEqual(
        logs.lines.map(({ event, annotations }) => [event, annotations]),
        [
          ["webhook.send.start", { message_len: 17 }],
          ["webhook.send.done", {}]
        ]
      )
    }).pipe(Effect.withSpan("caller"))
  )

  it.effect.each([201, 204])("is delivered when the answer is %s", (status) =>
    Effect.gen(function* () {
      const hook = yield* makeHook
      hook.reply({ status, text: "" })
      assert.strictEqual(yield* sendTo(hook.url, "m"), "OK notifier=webhook")
    })
  )

  it.effect.each([
    [{ status: 404, text: "no_service" }, "webhook request failed (404): no_service"],
    [{ status: 400, text: "" }, "webhook request failed (400): no text"],
    [
      { status: 302, text: "", headers: { location: `https://elsewhere.example/${token}` } },
      "webhook request failed (302): no text; LOOPER_WEBHOOK_URL redirects elsewhere"
    ],
    [{ status: 502, text: "<h1>Bad</h1>" }, `webhook request failed (502): Bad${inDoubt}`],
    [{ status: 500, text: "x" }, `webhook request failed (500): x${inDoubt}`]
  ] as const)("is not repeated when it was refused or is in doubt: %#", ([reply, expected]) =>
    Effect.gen(function* () {
      const hook = yield* makeHook
      const logs = makeLogs()
      hook.reply(reply)
      const { reason, mayBeDelivered } = yield* Effect.flip(sendTo(hook.url, "m", logs))
      assert.deepStrictEqual([reason, mayBeDelivered === true], [expected, expected.endsWith(inDoubt)])
      assert.strictEqual(hook.requests.length, 1)
      assert.deepStrictEqual(logs.of("webhook.send.fail"), [{ reason: expected }])
    })
  )

  it.effect("is in no reason and no log line, also where the answer repeats it", () =>
    Effect.gen(function* () {
      const message = 'the "secret" garden\nis open to everyone'
      for (const reply of [
        { status: 400, text: `<p>cannot take: ${message}</p>` },
        { status: 400, text: JSON.stringify({ refused: `${"x".repeat(270)} ${message}` }) },
        { status: 503, text: message, headers: { "retry-after": "60" } }
      ]) {
        const hook = yield* makeHook
        const logs = makeLogs()
        hook.reply(reply)
        const exit = yield* Effect.exit(sendTo(hook.url, message, logs))
        assert.isTrue(Exit.isFailure(exit))
        assert.notMatch(inspect({ exit, logs: logs.lines }, { depth: 20 }), /garden|everyone|the \\*"se/)
      }
    })
  )

  it.effect("is not repeated after a broken connection", () =>
    Effect.gen(function* () {
      const hook = yield* makeHook
      hook.reply({ fault: "reset" })
      assert.match(yield* reasonOf(hook.url), /^webhook request failed: .* may have been delivered/)
      assert.strictEqual(hook.requests.length, 1)
    })
  )

  it.effect("is given up after 15 seconds without an answer", () =>
    Effect.gen(function* () {
      const hook = yield* makeHook
      hook.reply({ fault: "silence" })
      const sending = yield* Effect.forkChild(reasonOf(hook.url))
      yield* Queue.take(hook.arrived)
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(yield* Fiber.join(sending), `webhook request failed: no answer within 15 s${inDoubt}`)
      assert.strictEqual(hook.requests.length, 1)
    })
  )

  it.live.each([
    [200, undefined],
    [404, "webhook request failed (404): no_service"],
    [500, `webhook request failed (500): no_service${inDoubt}`]
  ] as const)("reads no more than the head of an answer without end: %s", ([status, expected]) =>
    Effect.gen(function* () {
      const hook = yield* makeHook
      hook.reply({ status, text: "no_service", fault: "flood" })
      const sent = yield* Effect.result(sendTo(hook.url, "m"))
      assert.strictEqual(Result.isFailure(sent) ? sent.failure.reason : undefined, expected)
      // Once the connection is closed: what the two sockets buffered, and no more.
      assert.isBelow((yield* Queue.take(hook.floods)).bytes, 16 * 1024 * 1024)
      assert.strictEqual(hook.requests.length, 1)
    })
  )

  it.live.each([
    { status: 429, text: "", headers: { "retry-after": "0.05" } },
    { status: 429, text: '{"message":"slow down","retry_after":0.05}' },
    { status: 503, text: "", headers: { "retry-after": "0.05" } }
  ])("is sent again as late as the server asks: %#", (reply) =>
    Effect.gen(function* () {
      const hook = yield* makeHook
      const logs = makeLogs()
      hook.reply(reply)
      assert.strictEqual(yield* sendTo(hook.url, "m", logs), "OK notifier=webhook")
      assert.strictEqual(hook.requests.length, 2)
      assert.deepInclude(logs.of("webhook.send.retry")[0], { delay_seconds: 0.05 })
    })
  )

  it.effect.each([
    { "retry-after": "30" },
    { "retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", date: "Wed, 21 Oct 2026 07:28:00 GMT" }
  ])("is given up at once where the wait would pass 30 seconds: %#", (headers) =>
    Effect.gen(function* () {
      const hook = yield* makeHook
      hook.reply({ status: 429, text: "", headers })
      assert.include(yield* reasonOf(hook.url), "waiting 30 s more would pass the limit of 30 s, not delivered")
      assert.strictEqual(hook.requests.length, 1)
    })
  )
})

describe("the address of a webhook", () => {
  it.effect("is no part of what is said of where messages go", () =>
    Effect.gen(function* () {
      const { announcesTo } = yield* Effect.provide(Notifier, notifierOf("https://hooks.example/a/b"))
      assert.strictEqual(announcesTo, "a webhook")
    })
  )

  it.effect.each([
    (url: string) => ({ status: 404, text: `no route ${new URL(url).pathname}` }),
    (url: string) => ({ status: 400, text: `<p>${url}</p>` }),
    () => ({ status: 400, text: `invalid_token: ${token}` }),
    (url: string) => ({ status: 301, text: "", headers: { location: `${url}/` } }),
    () => ({ fault: "reset" as const })
  ])("is in no reason, cause or log line: %#", (replyFor) =>
    Effect.gen(function* () {
      const hook = yield* makeHook
      const logs = makeLogs()
      hook.reply(replyFor(hook.url))
      const exit = yield* Effect.exit(sendTo(hook.url, "m", logs))
      assert.notInclude(inspect({ exit, logs: logs.lines }, { depth: 20, showHidden: true }), token)
    })
  )

  it.effect("is redacted in every record of the server log", () =>
    Effect.gen(function* () {
      const environment = { LOOPER_NOTIFIER: "webhook", LOOPER_WEBHOOK_URL: `https://hooks.example/${token}` }
      const config = yield* LooperConfig.pipe(Effect.provide(LooperConfig.layer({ root: "/nowhere", environment })))
      assert.strictEqual(redactor(config)(`to ${environment.LOOPER_WEBHOOK_URL}!`), "to ***!")
      assert.notInclude(inspect(config.webhookUrl, { showHidden: true }) + JSON.stringify(config.webhookUrl), token)
    })
  )

  it.effect.each([
    ["", "LOOPER_WEBHOOK_URL: allowed is a URL beside LOOPER_NOTIFIER=webhook; it is unset"],
    ...[token, `https://user:${token}@hooks.example`, `ftp://${token}`].map((url) => [
      url,
      "LOOPER_WEBHOOK_URL: allowed is an http or https URL without user and password"
    ])
  ])("that is missing or wrong stops the start: %#", ([url, expected]) =>
    Effect.gen(function* () {
      const environment = { LOOPER_NOTIFIER: "webhook", LOOPER_WEBHOOK_URL: url }
      const layer = LooperConfig.layer({ root: "/nowhere", environment })
      const error = yield* Effect.flip(LooperConfig.pipe(Effect.provide(layer)))
      assert.strictEqual(error.message, expected)
    })
  )
})
