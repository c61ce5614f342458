/** Sends over the built-in client to a loopback server, keeping what it logs. */
import { Effect, Layer, Logger, Redacted, References } from "effect"
import { TestClock } from "effect/testing"
import { layerNotifierClient } from "../../../src/services/delivery/nodeClient.ts"
import { LooperConfig, type LooperConfigShape, type ZulipConfig } from "../../../src/services/config/LooperConfig.ts"
import { Notifier } from "../../../src/services/notifiers/Notifier.ts"
import { layerZulip } from "../../../src/services/zulip/ZulipNotifier.ts"
import type { ZulipServerShape } from "../../../src/testing/ZulipServer.ts"

export interface LogLine {
  readonly level: string
  readonly event: string
  readonly annotations: Readonly<Record<string, unknown>>
}

/** Collects log lines and lets a test wait for an event. */
export const makeLogs = () => {
  const lines: Array<LogLine> = []
  const waiters = new Set<() => void>()
  const logger = Logger.make(({ logLevel, message, fiber }) => {
    const annotations = { ...fiber.getRef(References.CurrentLogAnnotations) }
    lines.push({ level: logLevel, event: String(message), annotations })
    for (const waiter of waiters) waiter()
  })
  const count = (event: string) => lines.filter((line) => line.event === event).length
  const seen = (event: string, times = 1) =>
    Effect.callback<void>((resume) => {
      const check = () => {
        if (count(event) < times) return
        waiters.delete(check)
        resume(Effect.void)
      }
      waiters.add(check)
      check()
    })
  const of = (event: string) => lines.filter((line) => line.event === event).map((line) => line.annotations)
  return { lines, of, seen, layer: Logger.layer([logger]) }
}

export const configFor = (server: Pick<ZulipServerShape, "url" | "email" | "apiKey">): ZulipConfig => ({
  site: server.url,
  botEmail: server.email,
  botApiKey: Redacted.make(server.apiKey),
  certBundle: undefined,
  clientCertificate: undefined,
  isInsecure: false,
  zuliprc: undefined,
  problem: undefined,
  messageType: "stream",
  stream: "coding",
  topic: "verified-cad",
  to: "8-Tessa"
})

/** Sends one message as a Looper with this configuration. */
export const sendWith = (zulip: ZulipConfig, message: string, logs = makeLogs(), client = layerNotifierClient) =>
  Effect.flatMap(Notifier, (notifier) => notifier.send(message)).pipe(
    Effect.provide(
      layerZulip.pipe(
        Layer.provide(client),
        Layer.provide(Layer.succeed(LooperConfig, { zulip } as LooperConfigShape)),
        Layer.provideMerge(logs.layer)
      )
    )
  )

/** Sends and answers with the reason of the failure. */
export const reasonWith = (zulip: ZulipConfig, message: string, logs = makeLogs()) =>
  Effect.map(Effect.flip(sendWith(zulip, message, logs)), (error) => error.reason)

/** Passes the wait that the n-th retry announces; the sender sleeps right after it has logged. */
export const passWait = Effect.fnUntraced(function* (logs: ReturnType<typeof makeLogs>, times: number, wait: string) {
  yield* logs.seen("zulip.send.retry", times)
  yield* Effect.yieldNow
  yield* TestClock.adjust(wait as "1 second")
})
