/** What becomes of a batch by the collector's answer, its body too. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import { layerCollector } from "../../../src/services/telemetry/collector.ts"

/** A body of these chunks; where they end it stays open. */
const openBody = (chunks: Iterator<Uint8Array>) => {
  const waited = Deferred.makeUnsafe<void>()
  const state = { isCancelled: false, chunks: 0 }
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const { done, value } = chunks.next()
      if (done) return void Deferred.doneUnsafe(waited, Effect.void)
      state.chunks += 1
      controller.enqueue(value)
    },
    cancel: () => void (state.isCancelled = true)
  })
  return { stream, state, waited: Deferred.await(waited) }
}

const silent = () => openBody([new Uint8Array(2)].values())

function* flood() {
  for (;;) yield new Uint8Array(16 * 1024)
}

/** Sends a batch, which gets this answer. */
const posted = (answer: () => Response) =>
  Effect.flatMap(HttpClient.HttpClient, (client) => client.post("http://collector.example/v1/logs")).pipe(
    Effect.provideService(FetchHttpClient.Fetch, () => Promise.resolve(answer()))
  )

const telling = () => {
  const told: Array<string | undefined> = []
  return { told, layer: layerCollector((failure) => Effect.sync(() => void told.push(failure))) }
}

const defectOf = (exit: Exit.Exit<unknown, unknown>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)

describe("a collector's answer", () => {
  it.effect("that begins and never ends is a failure, and its connection is given back", () => {
    const { told, layer } = telling()
    return Effect.gen(function* () {
      const body = silent()
      const posting = yield* Effect.forkChild(Effect.exit(posted(() => new Response(body.stream))))
      yield* body.waited
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(defectOf(yield* Fiber.join(posting)), "no answer within 5 s")
      assert.isTrue(body.state.isCancelled)
      yield* posted(() => new Response("{}"))
      assert.deepStrictEqual(told, ["no answer within 5 s", undefined])
    }).pipe(Effect.provide(layer))
  })

  it.effect("is on its way until its body has ended", () => {
    const { layer } = telling()
    return Effect.gen(function* () {
      const bodies = Array.from({ length: 4 }, silent)
      for (const { stream, waited } of bodies) {
        yield* Effect.forkChild(Effect.exit(posted(() => new Response(stream))))
        yield* waited
      }
      const exit = yield* Effect.exit(posted(() => new Response("{}")))
      assert.strictEqual(defectOf(exit), "4 batches have no answer yet")
      yield* TestClock.adjust("5 seconds")
      yield* posted(() => new Response("{}"))
    }).pipe(Effect.provide(layer))
  })

  it.effect("that is too long for one is a failure, and not read to its end", () => {
    const { told, layer } = telling()
    return Effect.gen(function* () {
      const { stream, state } = openBody(flood())
      yield* Effect.exit(posted(() => new Response(stream)))
      assert.deepStrictEqual(told, ["an answer of more than 65536 bytes"])
      assert.isTrue(state.isCancelled)
      assert.isBelow(state.chunks, 10)
    }).pipe(Effect.provide(layer))
  })

  it.effect("without a success is a failure by its status; one without a body may be a success", () => {
    const { told, layer } = telling()
    return Effect.gen(function* () {
      yield* Effect.exit(posted(() => new Response(openBody(flood()).stream, { status: 503 })))
      yield* posted(() => new Response(null, { status: 204 }))
      assert.deepStrictEqual(told, ["status 503", undefined])
    }).pipe(Effect.provide(layer))
  })
})
