import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { handlers } from "../../handlers/index.ts"
import { clientOf, type InputOf, makeClient, type OperationError } from "../../src/client/index.ts"
import { handler } from "../../src/runtime/Handler.ts"
import { json, startScriptedServer, whole } from "../support/scriptedServer.ts"

class TooLate extends Schema.TaggedError<TooLate>()("TooLate", { since: Schema.String }) {
  override get message(): string {
    return `too late since ${this.since}`
  }
}

const greet = handler({
  summary: "Greets",
  method: "POST",
  path: "/greetings/:name",
  access: "token",
  request: Schema.Struct({ name: Schema.String, times: Schema.NumberFromString, mood: Schema.String }),
  headers: { mood: "X-Mood" },
  success: Schema.Struct({ greeting: Schema.String, at: Schema.DateTimeUtcFromString }),
  errors: {
    TooLate: {
      status: 409,
      about: "too late",
      fields: { schema: Schema.Struct({ since: Schema.String }), of: ({ since }: TooLate) => ({ since }) }
    }
  },
  body: (_input): Effect.Effect<never, TooLate> => Effect.never
})

const picture = handler({
  summary: "A picture",
  method: "GET",
  path: "/picture",
  access: "public",
  request: Schema.Struct({}),
  success: { contents: { "image/png": "the picture" } },
  errors: { TooLate: { status: 409, about: "too late" } },
  body: (): Effect.Effect<never, TooLate> => Effect.never
})

const all = { ...handlers, greet, picture }

/** Compiles only where each is assignable to the other: `npm run check` is the test. */
type Same<A extends B, B extends C, C = A> = A

describe("a client of handlers", () => {
  it.live("has a typed method for one that was added to the record", () =>
    Effect.gen(function* () {
      const server = yield* Effect.acquireRelease(Effect.promise(startScriptedServer), (server) =>
        Effect.promise(() => server[Symbol.asyncDispose]())
      )
      const client = clientOf(all, { url: server.url })
      server.script(
        json(200, { greeting: "hello", at: "2026-02-13T10:11:12.345Z" }),
        json(409, { ok: false, error: "too late since noon", code: "too_late", request_id: "0123abcd", since: "noon" })
      )
      const input = { name: "ü", times: 2, mood: "calm" }
      const { greeting, at } = yield* client.greet(input)
      assert.deepStrictEqual([greeting, at.epochMilliseconds], ["hello", Date.parse("2026-02-13T10:11:12.345Z")])
      const [request] = server.requests
      assert.deepInclude(request, { method: "POST", target: "/greetings/%C3%BC", body: { times: "2" } })
      assert.propertyVal(request?.headers, "x-mood", "calm")
      const since = yield* client.greet(input).pipe(
        Effect.as("nothing"),
        Effect.catchTag("TooLate", (error) => Effect.succeed(`${error.fields.since}, ${error.requestId}`))
      )
      assert.strictEqual(since, "noon, 0123abcd")
    })
  )

  it.live("gives the bytes of an answer that is not JSON", () =>
    Effect.gen(function* () {
      const server = yield* Effect.acquireRelease(Effect.promise(startScriptedServer), (server) =>
        Effect.promise(() => server[Symbol.asyncDispose]())
      )
      const client = clientOf(all, { url: server.url })
      server.script(
        whole(200, "image/png", "not really"),
        (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 99\r\n\r\nnot"),
        json(409, { ok: false, error: "too late", code: "too_late", request_id: "0123abcd" })
      )
      const text = client.picture().pipe(Stream.decodeText(), Stream.mkString)
      assert.strictEqual(yield* text, "not really")
      const cut = yield* Effect.flip(text)
      assert.strictEqual(cut._tag, "Unreachable", "a part is not taken for all of it")
      const late = yield* Effect.flip(text)
      assert.deepInclude(late, { _tag: "TooLate", status: 409, message: "too late" })
    })
  )

  it("has the types of its handlers; `npm run check` is the test", () => {
    const client = makeClient({ url: "http://127.0.0.1:1" })
    const calls = () => [
      // @ts-expect-error The message is required.
      client.run({}),
      // @ts-expect-error It has no such field.
      client.run({ zulip_message: "m", codex_promt: "p" }),
      // @ts-expect-error It is a string.
      client.notify({ zulip_message: 1 }),
      // @ts-expect-error A run has no such state.
      client.runs({ state: ["walking"] }),
      // @ts-expect-error `getRun` needs an id.
      client.getRun(),
      // @ts-expect-error There is no such handler.
      client.fly?.(),
      // @ts-expect-error `notify` is not refused because of a lock.
      Effect.catchTag(client.notify({ zulip_message: "m" }), "RunBusy", () => Effect.void),
      Effect.catchTag(client.kill(), "RunBusy", ({ fields }) => {
        const step: "preflight" | "notify" | "kill" | "delay" | "spawn" | "startup_check" = fields.holder.step
        // @ts-expect-error A holder has no pid.
        return Effect.succeed([step, fields.holder.pid])
      }),
      Effect.catchTag(client.getRun({ id: "0" }), "RunNotFound", ({ fields }) => {
        // @ts-expect-error It has no fields of its own.
        return Effect.succeed(fields.id)
      })
    ]
    assert.isFunction(calls)
    const pids:
      | Same<
          Extract<Effect.Error<ReturnType<typeof client.spawn>>, { _tag: "RunAlive" }>,
          OperationError<"RunAlive", { readonly pids: ReadonlyArray<number> }>
        >
      | undefined = undefined
    const input: Same<InputOf<typeof handlers.getRun>, { readonly id: string }> | undefined = undefined
    assert.deepStrictEqual([pids, input], [undefined, undefined])
    assert.includeMembers(Object.keys(client), Object.keys(handlers))
  })
})
