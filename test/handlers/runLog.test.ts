/** What ends the answer to a follower when Looper stops. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Stream } from "effect"
import { run } from "../../effects/run.ts"
import { runLog } from "../../handlers/runLog.ts"
import type { Content } from "../../src/runtime/Handler.ts"
import { Shutdown } from "../../src/services/Shutdown.ts"
import { codexScript } from "../../src/testing/CodexStandIn.ts"
import { drawId, type EmbeddedLooper, openLooper } from "../effects/embeddedLooper.ts"

/** The answer to a follower of a run of these steps. */
const followed = Effect.fnUntraced(function* (looper: EmbeddedLooper, prompt: string) {
  const { requestId } = yield* looper.perform(run({ message: "m", prompt, requestId: drawId() }))
  const body = runLog.body({ id: requestId, follow: true }, { requestId: "0a0a0a0a" }) as Effect.Effect<Content>
  const content = yield* looper.perform(body)
  assert.isTrue(Stream.isStream(content.body))
  const events = content.body as Stream.Stream<Uint8Array>
  return { content, events }
})
const stop = (looper: EmbeddedLooper) => Context.get(looper.services, Shutdown).begin
const lastOf = ({ last }: Content) => Buffer.from(last?.() ?? []).toString()

describe("the last word to a follower", () => {
  it.live("is that Looper stops, where it does and the log goes on", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const { content, events } = yield* followed(looper, codexScript([{ hang: true }]))
      yield* Stream.runDrain(Stream.take(events, 1))
      assert.strictEqual(lastOf(content), "")
      yield* stop(looper)
      assert.match(
        lastOf(content),
        /^event: shutdown\ndata: \{"deadline_at":"[-\dT:.]{23}Z","on_shutdown":"stop"\}\n\n$/
      )
    })
  )

  it.live("is its run's end, behind which nothing comes", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const { content, events } = yield* followed(looper, codexScript([]))
      const sent = yield* Stream.runCollect(events)
      assert.match(Buffer.from(sent.at(-1) ?? []).toString(), /^event: end\n/)
      yield* stop(looper)
      assert.strictEqual(lastOf(content), "")
    })
  )

  it.live("is said once, also where the stream came to it by itself", () =>
    Effect.gen(function* () {
      const looper = yield* openLooper()
      const { content, events } = yield* followed(looper, codexScript([{ hang: true }]))
      yield* stop(looper)
      const sent = yield* Stream.runCollect(events)
      assert.match(Buffer.from(sent.at(-1) ?? []).toString(), /^event: shutdown\n/)
      assert.strictEqual(lastOf(content), "")
    })
  )
})
