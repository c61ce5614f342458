import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { requestProblem } from "../../src/domain/requestProblem.ts"
import { cursorOf, RunLogRequest, RunsRequest } from "../../src/domain/runQuery.ts"

const decode = (query: Readonly<Record<string, string>>) => Schema.decodeUnknownEffect(RunsRequest)(query)
/** The sentence of a refusal. */
const problemOf = (query: Readonly<Record<string, string>>) =>
  Effect.map(Effect.flip(decode(query)), ({ issue }) => requestProblem(issue).message)
const cursor = cursorOf({ startedAtMillis: 5, requestId: "0a0a0a0a" })

describe("before which time runs started", () => {
  it.effect.each([
    ["2026-02-13", Date.UTC(2026, 1, 13)],
    ["2026-02-13T10:11Z", Date.UTC(2026, 1, 13, 10, 11)],
    ["2026-02-13T10:11:12Z", Date.UTC(2026, 1, 13, 10, 11, 12)],
    ["2026-02-13T10:11:12.345Z", Date.UTC(2026, 1, 13, 10, 11, 12, 345)],
    ["2026-02-13T10:11:12+02:00", Date.UTC(2026, 1, 13, 8, 11, 12)],
    ["2026-02-13T10:11:12 02:00", Date.UTC(2026, 1, 13, 8, 11, 12)],
    ["2026-02-13T10:11:12-09:30", Date.UTC(2026, 1, 13, 19, 41, 12)],
    ["2024-02-29", Date.UTC(2024, 1, 29)]
  ] as const)("is %s", ([text, millis]) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* decode({ before: text })).before, millis)
    })
  )

  it.effect.each([
    "",
    "yesterday",
    "0",
    "1707820800000",
    "2026-2-3",
    "2026-02-30",
    "2026-02-29",
    "2026-13-01",
    "2026-02-13T24:00:00Z",
    "2026-02-13T10:61Z",
    "2026-02-13T10:11:12",
    "2026-02-13 10:11:12Z",
    "2026-02-13T10:11:12+99:99",
    "Fri, 13 Feb 2026 10:11:12 GMT"
  ])("is not %j", (before) =>
    Effect.gen(function* () {
      const sentence =
        "'before' must be an ISO 8601 date, or a date and time with Z or an offset, such as 2026-02-13 or 2026-02-13T10:11:12Z"
      assert.strictEqual(yield* problemOf({ before }), sentence)
    })
  )

  it.effect("stands not beside a cursor, but beside every filter", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* problemOf({ before: "2026-02-13", cursor }),
        "'before' must not stand beside 'cursor', whose page has its own beginning"
      )
      const query = yield* decode({ before: "2026-02-13", state: "failed", autopoll: "1", limit: "2", counts: "1" })
      assert.deepInclude(query, { state: ["failed"], autopoll: true, limit: 2, counts: true })
    })
  )
})

describe("a query's switches", () => {
  it.effect("are named where they are neither on nor off", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* problemOf({ counts: "yes" }), "'counts' must be 1, true, 0 or false")
      const log = yield* Effect.flip(Schema.decodeUnknownEffect(RunLogRequest)({ id: "0a0a0a0a", numbered: "2" }))
      assert.strictEqual(requestProblem(log.issue).message, "'numbered' must be 1, true, 0 or false")
    })
  )
})
