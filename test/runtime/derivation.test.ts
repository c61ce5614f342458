/** One handler value that is added to the record: route, document, client and `looper invoke` have it, with no other edit. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { type HandlerServices, handlers } from "../../handlers/index.ts"
import { openapi } from "../../handlers/openapi.ts"
import { invokeOf } from "../../src/cli/invokeCommand.ts"
import { clientOf } from "../../src/client/index.ts"
import { layerParts, layerWith } from "../../src/layers.ts"
import { handler, type Handlers } from "../../src/runtime/Handler.ts"
import { HttpServer } from "../../src/runtime/server.ts"
import { LooperConfig } from "../../src/services/config/LooperConfig.ts"
import { ServerLog } from "../../src/services/serverLog/ServerLog.ts"

const calls: Array<unknown> = []

const doubled = handler({
  summary: "Doubles a number",
  method: "GET",
  path: "/doubled/:number",
  access: "token",
  request: Schema.Struct({ number: Schema.NumberFromString }),
  success: Schema.Struct({ result: Schema.Number }).annotate({ identifier: "Doubled" }),
  errors: {},
  body: ({ number }) =>
    Effect.sync(() => {
      calls.push(number)
      return { result: 2 * number }
    })
})

const all = { ...handlers, doubled, openapi: openapi((): Handlers<unknown> => all) }

describe("a handler value that is added to the record", () => {
  it.live("is a route, is in the OpenAPI document, has a client's method, and can be invoked without a server", () =>
    Effect.gen(function* () {
      const root = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "looper-derivation-"))),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
      )
      const environment = { LOOPER_HOST: "127.0.0.1", LOOPER_PORT: "0", LOOPER_NOTIFIER: "log", PATH: process.env.PATH }
      const serve = Effect.gen(function* () {
        const config = LooperConfig.layer({ root, environment })
        const serverLog = ServerLog.layerWith({ isCopiedToStdout: false })
        const server = HttpServer.layer<HandlerServices>(all)
        const context = yield* Layer.build(Layer.provide(server, layerWith(config, { ...layerParts, serverLog })))
        const { url } = Context.get(context, HttpServer)

        const answer = yield* Effect.promise(() => fetch(`${url}/doubled/21`))
        assert.deepStrictEqual(yield* Effect.promise(() => answer.json()), { result: 42 })

        const client = clientOf(all, { url })
        assert.strictEqual((yield* client.doubled({ number: 4 })).result, 8)
        const document = (yield* client.openapi()) as { readonly paths: Readonly<Record<string, unknown>> }
        assert.deepNestedInclude(document, { "paths./doubled/{number}.get.operationId": "doubled" })
      })
      yield* Effect.scoped(serve)
      const input = Option.some('{"number":"5"}')
      yield* invokeOf(all, { name: "doubled", input, json: true }, { root, environment })
      assert.deepStrictEqual(calls, [21, 4, 5])
    })
  )
})
