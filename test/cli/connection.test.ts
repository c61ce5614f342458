import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { readConnection } from "../../src/cli/connection.ts"

const connection = (environment: Readonly<Record<string, string>>, dotEnv = "") =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "looper-connection-"))),
    (root) => {
      writeFileSync(join(root, ".env"), dotEnv)
      return readConnection({ root, environment }).pipe(
        Effect.map(({ url, token }) => [url, token && Redacted.value(token)])
      )
    },
    (root) => Effect.sync(() => rmSync(root, { recursive: true }))
  )

const refusal = (environment: Readonly<Record<string, string>>) =>
  Effect.map(Effect.flip(connection(environment)), ({ exitCode, message }) => ({ exitCode, message }))

describe("the Looper that is called", () => {
  it.effect("listens where Looper listens by default", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* connection({}), ["http://127.0.0.1:3456", undefined])
    })
  )

  it.effect("is the one that host and port describe, on loopback where it listens everywhere", () =>
    Effect.gen(function* () {
      const dotEnv = "LOOPER_HOST=::\nLOOPER_PORT=4000\nLOOPER_API_TOKEN=from-file\n"
      assert.deepStrictEqual(yield* connection({}, dotEnv), ["http://127.0.0.1:4000", "from-file"])
      const environment = { LOOPER_HOST: "::1", LOOPER_API_TOKEN: "from-environment" }
      assert.deepStrictEqual(yield* connection(environment, dotEnv), ["http://[::1]:4000", "from-environment"])
    })
  )

  it.effect("is at LOOPER_URL, perhaps below a path", () =>
    Effect.gen(function* () {
      const [url] = yield* connection({ LOOPER_URL: " https://host:1/looper/ ", LOOPER_PORT: "0" })
      assert.strictEqual(url, "https://host:1/looper")
    })
  )

  it.effect("is told a run's ticket where there is no token", () =>
    Effect.gen(function* () {
      const ticket = { LOOPER_URL: "http://h", LOOPER_RUN_TICKET: "1a2b3c4d.x" }
      assert.deepStrictEqual(yield* connection(ticket), ["http://h", "1a2b3c4d.x"])
      assert.deepStrictEqual(yield* connection(ticket, "LOOPER_API_TOKEN=t"), ["http://h", "t"])
    })
  )

  it.effect("is refused with the variable, its value and what is allowed", () =>
    Effect.gen(function* () {
      for (const url of ["localhost:3456", "ftp://h", "http://u:p@h", "http://h?a", "http://h#a", "x"]) {
        const message = `LOOPER_URL is ${JSON.stringify(url)}: allowed is an http or https address without user, password, ? and #`
        assert.deepStrictEqual(yield* refusal({ LOOPER_URL: url }), { exitCode: 2, message })
      }
      assert.include((yield* refusal({ LOOPER_PORT: "0" })).message, "LOOPER_PORT is 0")
      assert.include((yield* refusal({ LOOPER_PORT: "x" })).message, "LOOPER_PORT")
    })
  )
})
