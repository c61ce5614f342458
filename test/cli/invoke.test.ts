import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { aliveErrors } from "../../handlers/errors.ts"
import { type HandlerServices, handlers } from "../../handlers/index.ts"
import { handlerOf, inputOf } from "../../src/cli/invoke.ts"
import { invokeOf } from "../../src/cli/invokeCommand.ts"
import { RunAlive } from "../../src/domain/errors.ts"
import { handler } from "../../src/runtime/Handler.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "looper-invoke-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const environment = { LOOPER_NOTIFIER: "log", CODEX_EXEC_KILL_SCOPE: "own", PATH: process.env.PATH }

const refusal = <A>(program: Effect.Effect<A, { readonly message: string }>) =>
  Effect.map(Effect.flip(program), (error) => ({
    exitCode: "exitCode" in error ? error.exitCode : 0,
    message: error.message
  }))

const told = (text: string) => Effect.map(refusal(inputOf(handlers.run, text)), ({ message }) => message)

describe("looper invoke", () => {
  it.effect("runs a handler that was added to the record, with its input decoded", () =>
    Effect.gen(function* () {
      const root = yield* folder
      const seen: Array<unknown> = []
      const added = handler({
        summary: "Adds",
        method: "POST",
        path: "/added",
        access: "token",
        request: Schema.Struct({ count: Schema.NumberFromString, note: Schema.optionalKey(Schema.String) }),
        success: Schema.Struct({ ok: Schema.Literal(true) }),
        errors: {},
        body: (input, { requestId }) =>
          Effect.gen(function* () {
            yield* Effect.logInfo("run.step")
            seen.push(input, /^[0-9a-f]{8}$/.test(requestId), existsSync(join(root, "logs/looper.holder")))
            return { ok: true as const }
          })
      })
      const input = Option.some('{"count":"3","note":null}')
      yield* invokeOf({ ...handlers, added }, { name: "added", input, json: false }, { root, environment })
      assert.deepStrictEqual(seen, [{ count: 3 }, true, true])
      assert.isFalse(existsSync(join(root, "logs/looper.holder")))
      assert.include(readFileSync(join(root, "logs/looper-server.log"), "utf8"), " looper run.step request_id=")
    })
  )

  it.effect("ends with the exit code of the status that an error has over HTTP", () =>
    Effect.gen(function* () {
      const root = yield* folder
      const alive = handler({
        ...handlers.health,
        errors: aliveErrors,
        body: () => Effect.fail(new RunAlive({ pids: [7] }))
      })
      const invoked = invokeOf(
        { ...handlers, alive },
        { name: "alive", input: Option.none(), json: false },
        { root, environment }
      )
      assert.deepStrictEqual(yield* refusal(invoked), { exitCode: 3, message: "busy: a codex exec is running" })
    })
  )

  it.effect("names all handlers where there is none of the name", () =>
    Effect.gen(function* () {
      for (const name of ["x", "toString", "__proto__"]) {
        const { exitCode, message } = yield* refusal(handlerOf<HandlerServices>(handlers, name))
        assert.strictEqual(exitCode, 2)
        assert.include(message, Object.keys(handlers).join(", "))
      }
    })
  )

  it.effect("refuses an input in the words of HTTP", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* told("{"), "the input is not JSON")
      assert.strictEqual(yield* told("[]"), "the input must be a JSON object")
      assert.strictEqual(yield* told("{}"), "missing 'zulip_message'")
      assert.strictEqual(
        yield* told('{"zulip_message":"m","codex_exec_delay_seconds":true}'),
        "'codex_exec_delay_seconds' must be a number"
      )
    })
  )

  it.effect("tells which fields it does not know", () =>
    Effect.gen(function* () {
      const { unknownFields } = yield* inputOf(handlers.notify, '{"zulip_message":"m","other":1}')
      assert.deepStrictEqual(unknownFields, ["other"])
    })
  )
})
