import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { failureReason, limitReason, outputReason } from "../../src/domain/endReason.ts"
import { NotifyFailed, SpawnFailed, SurvivorsLeft } from "../../src/domain/errors.ts"
import { runLogTrailer } from "../../src/domain/runLog.ts"

describe("what a run said of its failure", () => {
  it("is its last line that begins with ERROR, without that", () => {
    const output = "ERROR: first\nERROR: usage limit reached, try again at 15:00\ntokens used\n12\n"
    assert.strictEqual(outputReason(output), "usage limit reached, try again at 15:00")
    assert.strictEqual(outputReason("ERROR codex_core: no network\nbye"), "codex_core: no network")
    assert.strictEqual(outputReason("\u001b[31mERROR: red\u001b[0m\r\nbye\r\n"), "red")
  })

  it("is its last line that is not blank where none begins so", () => {
    assert.strictEqual(outputReason("one\nan ERROR: inside\n \t\n\u001b[0m\n"), "an ERROR: inside")
    assert.strictEqual(outputReason("10%\r20%\r"), "20%")
    assert.strictEqual(outputReason("ERROR:\nERROR:  \nlast"), "last")
  })

  it("is not Looper's own trailer", () => {
    for (const code of [7, "unknown"] as const) {
      assert.strictEqual(outputReason(`died${runLogTrailer(code)}`), "died")
      assert.strictEqual(outputReason(`died\n${runLogTrailer(code)}late child\n`), "late child")
    }
    assert.isUndefined(outputReason(`\n${runLogTrailer(7)}`))
  })

  it("is nothing where it said nothing", () => {
    for (const output of ["", "\n", "\n\n \n", "\u0007\n", "\ufffd".repeat(0)]) assert.isUndefined(outputReason(output))
  })

  it.prop("is one line of at most 300 characters, without a control character", [Schema.String], ([text]) => {
    const reason = outputReason(`${text}\n${text.repeat(40)}`)
    if (reason === undefined) return
    assert.isAtMost(Array.from(reason).length, 300)
    assert.notMatch(reason, /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
    assert.strictEqual(reason, reason.trim())
  })

  it("says by its end that it was cut", () => {
    const reason = outputReason("é".repeat(301)) ?? ""
    assert.strictEqual(reason, `${"é".repeat(299)}…`)
    assert.strictEqual(outputReason("é".repeat(300)), "é".repeat(300))
  })
})

describe("a failure's sentence", () => {
  it("is the error's message as one line", () => {
    assert.strictEqual(
      failureReason(new SurvivorsLeft({ killedPids: [], remainingPids: [3, 4] }).message),
      "codex exec processes survived: 3, 4"
    )
    assert.strictEqual(
      failureReason(new SpawnFailed({ reason: "EAGAIN\nagain" }).message),
      "failed to start codex exec: EAGAIN again"
    )
    assert.isUndefined(failureReason(" "))
  })

  it("has none of the message that was to be sent, whoever repeats it", () => {
    const message = "release 7 is out\r\nof the secret garden\nm"
    const { message: sentence } = new NotifyFailed({
      reason: `send.js ended with 1: cannot send release 7 is out\\nof the secret garden\\nm`
    })
    assert.strictEqual(
      failureReason(sentence, message),
      "failed to send Zulip message: send.js ended with 1: cannot send …\\n…\\nm"
    )
  })
})

describe("a limit's sentence", () => {
  it.each([
    ["max_silent_seconds", 1_800, "silent for 30 m"],
    ["max_silent_seconds", 0.5, "silent for 0.5 s"],
    ["max_silent_seconds", 59, "silent for 59 s"],
    ["max_seconds", 21_600, "ran for 6 h"],
    ["max_seconds", 5_430, "ran for 1 h 30 m 30 s"],
    ["max_seconds", 90.5, "ran for 90.5 s"],
    ["max_log_bytes", 1e9, "wrote 1 GB"],
    ["max_log_bytes", 1_073_741_824, "wrote 1.074 GB"],
    ["max_log_bytes", 999, "wrote 999 bytes"],
    ["max_log_bytes", 1_000, "wrote 1 kB"],
    ["max_log_bytes", 2 ** 53 - 1, "wrote 9007.199 TB"]
  ] as const)("of %s %s is %s", (limit, value, sentence) => {
    assert.strictEqual(limitReason(limit, value), sentence)
  })
})
