import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { type Authenticate, makeAuthenticate } from "../../src/runtime/Authentication.ts"
import type { Access } from "../../src/runtime/Handler.ts"
import { remoteNotAllowed, unauthorized } from "../../src/runtime/refusals.ts"
import { LooperConfig } from "../../src/services/config/LooperConfig.ts"
import { RunTickets } from "../../src/services/runs/RunTickets.ts"
import { makeLogs } from "../services/zulip/sending.ts"

const here = "127.0.0.1"
const remote = "10.1.2.3"
const token = { authorization: "Bearer token" }
const ticket = { authorization: "Bearer ticket" }

/** Judges the requests of a Looper with this environment, whose one valid ticket is `ticket`. */
const authenticateWith = (environment: Readonly<Record<string, string>>) =>
  Effect.provide(
    makeAuthenticate,
    Layer.merge(
      LooperConfig.layer({ root: "/", environment }),
      Layer.succeed(RunTickets, { issue: () => undefined, isValid: (text) => text === "ticket" })
    )
  )
const withToken = authenticateWith({ LOOPER_API_TOKEN: "token" })

const request = (
  peer: string | undefined,
  headers: Readonly<Record<string, string>> = {},
  access: Access | undefined = "token"
): Parameters<Authenticate>[0] => ({ access, peer, headers: new Headers(headers) })

const trusted = { isTrusted: true }
const untrusted = { isTrusted: false }

describe("without a token", () => {
  it.effect("loopback peers are let in and trusted", () =>
    Effect.gen(function* () {
      const authenticate = yield* authenticateWith({})
      for (const access of ["token", "tokenOrTicket", undefined] as const) {
        assert.deepStrictEqual(yield* authenticate(request(here, {}, access)), trusted)
        assert.deepStrictEqual(yield* authenticate(request(here, ticket, access)), trusted)
      }
    })
  )

  it.effect("remote peers are refused, and those behind a proxy", () =>
    Effect.gen(function* () {
      const authenticate = yield* authenticateWith({})
      for (const one of [request(remote), request(undefined), request(here, { via: "proxy" })]) {
        assert.strictEqual(yield* Effect.flip(authenticate(one)), remoteNotAllowed)
      }
    })
  )

  it.effect("remote peers are let in where that is allowed, and never trusted", () =>
    Effect.gen(function* () {
      const authenticate = yield* authenticateWith({ LOOPER_ALLOW_UNAUTHENTICATED_REMOTE: "1" })
      for (const one of [request(remote), request(undefined), request(here, { via: "proxy" })]) {
        assert.deepStrictEqual(yield* authenticate(one), untrusted)
      }
      assert.deepStrictEqual(yield* authenticate(request(here)), trusted)
    })
  )

  it.effect("a page that is public where a token is set is for loopback peers", () =>
    Effect.gen(function* () {
      const authenticate = yield* authenticateWith({})
      assert.deepStrictEqual(yield* authenticate(request(here, {}, "publicWithToken")), trusted)
      assert.strictEqual(yield* Effect.flip(authenticate(request(remote, {}, "publicWithToken"))), remoteNotAllowed)
    })
  )

  it.effect("a public route lets everybody in and trusts nobody", () =>
    Effect.gen(function* () {
      const authenticate = yield* authenticateWith({})
      for (const peer of [here, remote, undefined]) {
        assert.deepStrictEqual(yield* authenticate(request(peer, {}, "public")), untrusted)
      }
    })
  )
})

describe("with a token", () => {
  it.effect("whoever shows it is let in and trusted, from anywhere and by either header", () =>
    Effect.gen(function* () {
      const authenticate = yield* withToken
      for (const peer of [here, remote, undefined]) {
        for (const headers of [token, { "x-looper-token": "token" }, { ...token, via: "proxy" }]) {
          assert.deepStrictEqual(yield* authenticate(request(peer, headers)), trusted)
        }
      }
    })
  )

  it.effect("whoever does not is refused, also from loopback and where remote peers are allowed", () =>
    Effect.gen(function* () {
      const authenticate = yield* authenticateWith({
        LOOPER_API_TOKEN: "token",
        LOOPER_ALLOW_UNAUTHENTICATED_REMOTE: "1"
      })
      const shown: ReadonlyArray<Readonly<Record<string, string>>> = [
        {},
        { authorization: "Bearer Token" },
        { authorization: "Bearer token2" },
        { authorization: "Basic token" },
        { "x-looper-token": "" }
      ]
      for (const headers of shown) {
        for (const access of ["token", "tokenOrTicket", undefined] as const) {
          assert.strictEqual(yield* Effect.flip(authenticate(request(here, headers, access))), unauthorized)
        }
        yield* TestClock.adjust("61 seconds")
      }
    })
  )

  it.effect("a public route asks for none", () =>
    Effect.gen(function* () {
      for (const access of ["public", "publicWithToken"] as const) {
        assert.deepStrictEqual(yield* (yield* withToken)(request(remote, {}, access)), untrusted)
      }
    })
  )
})

describe("a run's ticket", () => {
  it.effect("lets it in where tickets count, without being trusted", () =>
    Effect.gen(function* () {
      const authenticate = yield* withToken
      assert.deepStrictEqual(yield* authenticate(request(here, ticket, "tokenOrTicket")), untrusted)
    })
  )

  it.effect("is no token: not on another route, not from elsewhere, not in the other header", () =>
    Effect.gen(function* () {
      const authenticate = yield* withToken
      const refused = [
        request(here, ticket, "token"),
        request(here, ticket, undefined),
        request(remote, ticket, "tokenOrTicket"),
        request(here, { ...ticket, "x-forwarded-for": here }, "tokenOrTicket"),
        request(here, { "x-looper-token": "ticket" }, "tokenOrTicket"),
        request(here, { authorization: "Bearer other" }, "tokenOrTicket")
      ]
      for (const one of refused) assert.strictEqual(yield* Effect.flip(authenticate(one)), unauthorized)
    })
  )
})

describe("a peer that guesses", () => {
  /** Fails so often and waits for each answer. */
  const failTimes = Effect.fnUntraced(function* (authenticate: Authenticate, peer: string, times: number) {
    for (let time = 0; time < times; time++) yield* Effect.flip(authenticate(request(peer)))
  })
  /** Whether a further failure is answered only after a second. */
  const isDelayed = Effect.fnUntraced(function* (authenticate: Authenticate, peer: string) {
    const fiber = yield* Effect.forkChild(Effect.flip(authenticate(request(peer))), { startImmediately: true })
    yield* TestClock.adjust("999 millis")
    const isWaiting = fiber.pollUnsafe() === undefined
    yield* TestClock.adjust("1 millis")
    assert.strictEqual(yield* Fiber.join(fiber), unauthorized)
    return isWaiting
  })

  it.effect("waits a second for each answer after ten failures in a minute", () =>
    Effect.gen(function* () {
      const authenticate = yield* withToken
      yield* failTimes(authenticate, remote, 9)
      assert.isFalse(yield* isDelayed(authenticate, remote))
      assert.isTrue(yield* isDelayed(authenticate, remote))
      assert.isTrue(yield* isDelayed(authenticate, remote))
    })
  )

  it.effect("is answered at once again when a minute has passed", () =>
    Effect.gen(function* () {
      const authenticate = yield* withToken
      yield* failTimes(authenticate, remote, 10)
      yield* TestClock.adjust("60 seconds")
      assert.isFalse(yield* isDelayed(authenticate, remote))
    })
  )

  it.effect("waits as long as its failures are within one minute, not within one clock minute", () =>
    Effect.gen(function* () {
      const authenticate = yield* withToken
      yield* failTimes(authenticate, remote, 5)
      yield* TestClock.adjust("50 seconds")
      yield* failTimes(authenticate, remote, 5)
      yield* TestClock.adjust("9 seconds")
      assert.isTrue(yield* isDelayed(authenticate, remote))
      assert.isFalse(yield* isDelayed(authenticate, remote))
    })
  )

  it.effect("delays no other peer, and not itself once it shows the token", () =>
    Effect.gen(function* () {
      const authenticate = yield* withToken
      yield* failTimes(authenticate, remote, 10)
      assert.isFalse(yield* isDelayed(authenticate, "10.9.9.9"))
      assert.deepStrictEqual(yield* authenticate(request(remote, token)), trusted)
      assert.isTrue(yield* isDelayed(authenticate, remote))
    })
  )

  it.effect("is named in the log, what it showed is not", () =>
    Effect.gen(function* () {
      const logs = makeLogs()
      const authenticate = yield* withToken
      yield* Effect.provide(Effect.flip(authenticate(request(remote, { authorization: "Bearer guess" }))), logs.layer)
      assert.deepStrictEqual(logs.lines, [{ level: "Warn", event: "http.auth.fail", annotations: { remote } }])
    })
  )

  it.effect("is forgotten after ten thousand others", () =>
    Effect.gen(function* () {
      const authenticate = yield* withToken
      yield* Effect.gen(function* () {
        yield* failTimes(authenticate, remote, 10)
        for (let peer = 0; peer < 10_000; peer++) yield* failTimes(authenticate, `peer ${peer}`, 1)
      }).pipe(Effect.provide(makeLogs().layer))
      assert.isFalse(yield* isDelayed(authenticate, remote))
    })
  )
})
