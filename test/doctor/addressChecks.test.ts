import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { LooperForTests } from "../../src/testing/LooperForTests.ts"
import { lineOf, makeDoctorHouse } from "../support/doctorHouse.ts"

/** Something that listens on loopback and answers every request alike. */
const listening = (headers: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<{ port: number; close: () => void }>((resolve) => {
          const server = createServer((_request, response) => response.writeHead(200, headers).end('{"ok":true}\n'))
          server.listen(0, "127.0.0.1", () =>
            resolve({ port: (server.address() as AddressInfo).port, close: () => server.close() })
          )
        })
    ),
    ({ close }) => Effect.sync(close)
  ).pipe(Effect.map(({ port }) => port))

describe("port", () => {
  it.live("is well where it can be bound, and is free again then", () =>
    Effect.gen(function* () {
      const { look } = yield* makeDoctorHouse
      const port = yield* Effect.scoped(listening())
      for (let time = 0; time < 2; time++) {
        const line = lineOf(yield* look("port", { LOOPER_PORT: String(port) }))
        assert.strictEqual(line, `ok: 127.0.0.1:${port} is free`)
      }
      assert.match(lineOf(yield* look("port")), /^ok: 127\.0\.0\.1 can be bound on any free port, such as \d+$/)
    })
  )

  it.live("is well where the Looper of this log folder holds it", () =>
    Effect.gen(function* () {
      const { look } = yield* makeDoctorHouse
      const { url, logDir } = yield* LooperForTests
      const over = { LOOPER_PORT: new URL(url).port, CODEX_EXEC_LOG_DIR: logDir }
      const held = `ok: 127.0.0.1:${over.LOOPER_PORT} is held by Looper ${process.pid} at ${url}`
      assert.strictEqual(lineOf(yield* look("port", over)), held)
      const wildcard = yield* look("port", { ...over, LOOPER_HOST: "0.0.0.0" })
      assert.strictEqual(lineOf(wildcard), held.replace("127.0.0.1", "0.0.0.0"))
    }).pipe(Effect.provide(LooperForTests.layer()))
  )

  it.live("warns where a Looper with another log folder holds it", () =>
    Effect.gen(function* () {
      const { look } = yield* makeDoctorHouse
      const { port } = new URL((yield* LooperForTests).url)
      const line = lineOf(yield* look("port", { LOOPER_PORT: port }))
      assert.match(
        line,
        /^warning: .* is held by a Looper with another log folder → run looper doctor with that Looper's /
      )
    }).pipe(Effect.provide(LooperForTests.layer()))
  )

  it.live("fails where something else holds it, whatever the log folder says", () =>
    Effect.gen(function* () {
      const { look } = yield* makeDoctorHouse
      const port = yield* listening()
      const expected = `failure: 127.0.0.1:${port} cannot be bound: something else listens there → set LOOPER_PORT to a free port, or end what holds it`
      assert.strictEqual(lineOf(yield* look("port", { LOOPER_PORT: String(port) })), expected)
      const { logDir } = yield* LooperForTests
      const over = { LOOPER_PORT: String(port), CODEX_EXEC_LOG_DIR: logDir }
      assert.strictEqual(lineOf(yield* look("port", over)), expected)
      const alike = yield* listening({ "x-request-id": "not-hex" })
      assert.match(lineOf(yield* look("port", { LOOPER_PORT: String(alike) })), /^failure: /)
    }).pipe(Effect.provide(LooperForTests.layer()))
  )

  it.live("fails where the address is not this machine's", () =>
    Effect.gen(function* () {
      const { look } = yield* makeDoctorHouse
      const line = lineOf(yield* look("port", { LOOPER_HOST: "192.0.2.1" }))
      assert.match(
        line,
        /^failure: 192\.0\.2\.1:0 cannot be bound: the address is not on this machine → set LOOPER_HOST /
      )
    })
  )
})

describe("access", () => {
  it.live("is well on loopback or with a token", () =>
    Effect.gen(function* () {
      const { look } = yield* makeDoctorHouse
      assert.match(lineOf(yield* look("access")), /^ok: 127\.0\.0\.1 is this machine's own, /)
      const line = lineOf(yield* look("access", { LOOPER_HOST: "0.0.0.0", LOOPER_API_TOKEN: "hidden-token" }))
      assert.strictEqual(line, "ok: 0.0.0.0 asks everybody for the token")
    })
  )

  it.live("warns where other machines reach it without a token", () =>
    Effect.gen(function* () {
      const { look } = yield* makeDoctorHouse
      const over = { LOOPER_HOST: "0.0.0.0" }
      assert.match(
        lineOf(yield* look("access", over)),
        /^warning: 0\.0\.0\.0 can be reached .* only this one is answered → set LOOPER_API_TOKEN .* or LOOPER_HOST=127\.0\.0\.1$/
      )
      const open = yield* look("access", { ...over, LOOPER_ALLOW_UNAUTHENTICATED_REMOTE: "1" })
      assert.match(lineOf(open), /^warning: whoever reaches 0\.0\.0\.0 can start runs: /)
    })
  )
})
