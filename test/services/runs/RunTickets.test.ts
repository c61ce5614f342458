import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { createHmac } from "node:crypto"
import type { RunIdentity } from "../../../src/domain/runLog.ts"
import { LooperConfig } from "../../../src/services/config/LooperConfig.ts"
import { RunSupervisor } from "../../../src/services/runs/RunSupervisor.ts"
import { isSecretEqual, RunTickets } from "../../../src/services/runs/RunTickets.ts"

const run = (requestId: string): RunIdentity => ({
  requestId,
  bootId: "b",
  supervisor: { pid: 2, startTicks: 2 },
  codex: { pid: 3, startTicks: 3 },
  workspace: "/w",
  startedAtMillis: 5
})

/** Tickets of a Looper with this token, where these runs live. */
const ticketsWith = (token: string | undefined, live: Array<RunIdentity> = [run("0a0a0a0a"), run("auto0b0b0b0b")]) =>
  Effect.provide(
    RunTickets,
    RunTickets.layerNoDeps.pipe(
      Layer.provide(LooperConfig.layer({ root: "/", environment: { LOOPER_API_TOKEN: token } })),
      Layer.provide(Layer.mock(RunSupervisor)({ live: () => live, leaders: () => [] }))
    )
  )

describe("a ticket", () => {
  it.effect("is the run's id with its HMAC under the token", () =>
    Effect.gen(function* () {
      const hmac = createHmac("sha256", "token").update("0a0a0a0a").digest("hex")
      assert.strictEqual((yield* ticketsWith("token")).issue("0a0a0a0a"), `0a0a0a0a.${hmac}`)
    })
  )

  it.effect("is not issued, and none is valid, without a token", () =>
    Effect.gen(function* () {
      const tickets = yield* ticketsWith(undefined)
      const other = yield* ticketsWith("token")
      assert.isUndefined(tickets.issue("0a0a0a0a"))
      for (const ticket of ["", "0a0a0a0a", "0a0a0a0a.", "undefined", other.issue("0a0a0a0a") ?? ""]) {
        assert.isFalse(tickets.isValid(ticket))
      }
    })
  )

  it.effect("is valid for a live run and for no other", () =>
    Effect.gen(function* () {
      const tickets = yield* ticketsWith("token")
      const isValid = (id: string) => tickets.isValid(tickets.issue(id) ?? "")
      assert.isTrue(isValid("0a0a0a0a"))
      assert.isTrue(isValid("auto0b0b0b0b"))
      assert.isFalse(isValid("0c0c0c0c"))
    })
  )

  it.effect("is valid until its run has ended", () =>
    Effect.gen(function* () {
      const live = [run("0a0a0a0a")]
      const tickets = yield* ticketsWith("token", live)
      const ticket = tickets.issue("0a0a0a0a") ?? ""
      assert.isTrue(tickets.isValid(ticket))
      live.pop()
      assert.isFalse(tickets.isValid(ticket))
    })
  )

  it.effect("is not valid where anything of it was changed", () =>
    Effect.gen(function* () {
      const tickets = yield* ticketsWith("token")
      const ticket = tickets.issue("0a0a0a0a") ?? ""
      const others = [
        ticket.slice(0, -1),
        `${ticket}0`,
        `${ticket}.`,
        ticket.toUpperCase(),
        ticket.replace("0a0a0a0a", "auto0b0b0b0b"),
        ` ${ticket}`,
        (yield* ticketsWith("other")).issue("0a0a0a0a") ?? ""
      ]
      for (const other of others) assert.isFalse(tickets.isValid(other), other)
    })
  )
})

describe("isSecretEqual", () => {
  it("compares texts of any length", () => {
    for (const secret of ["", "a", "é😀", "x".repeat(10_000)]) {
      assert.isTrue(isSecretEqual(secret, secret))
      assert.isFalse(isSecretEqual(`${secret}x`, secret))
      assert.isFalse(isSecretEqual(secret, `${secret}x`))
    }
  })
})
