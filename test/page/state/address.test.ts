import { assert, describe, it } from "@effect/vitest"
import { quoteCommand } from "../../../src/domain/shellWords.ts"
import { addressOf, searchFor } from "../../../src/page/state/address.ts"
import { pollMillis, retryMillis } from "../../../src/page/state/pollPace.ts"
import { lastWord, promptOf } from "../../../src/page/state/promptOf.ts"
import { initialState } from "../../../src/page/state/PageState.ts"
import { states } from "../../browser/support/states.ts"

describe("an address", () => {
  it("names a run and bytes of its log", () => {
    assert.deepStrictEqual(addressOf({ search: "?run=3f9c21ab", hash: "#b1240118-1240377" }), {
      runId: "3f9c21ab",
      place: { start: 1_240_118, end: 1_240_377 }
    })
    assert.deepStrictEqual(addressOf({ search: "", hash: "#b7" }), {
      runId: undefined,
      place: { start: 7, end: undefined }
    })
  })

  it("is not believed where it is no such thing", () => {
    assert.deepStrictEqual(addressOf({ search: "?run=../status", hash: "#log" }), {
      runId: undefined,
      place: undefined
    })
  })

  it("keeps the theme when another run is opened", () => {
    assert.strictEqual(searchFor("3f9c21ab", "?theme=dark&run=00000000"), "?theme=dark&run=3f9c21ab")
    assert.strictEqual(searchFor(undefined, "?run=3f9c21ab"), "")
  })
})

describe("a prompt", () => {
  const prompts = ["plain", "two words", "it's", "a\nb\tc\\d", "'quoted'", "$HOME `x`", "ünï → ", "", "\u0007\u0085"]

  it("is the command's last word, however Looper quoted it", () => {
    for (const prompt of prompts)
      assert.strictEqual(lastWord(quoteCommand(["codex", "exec", "-C", "/a b", prompt])), prompt === "" ? "" : prompt)
  })

  it("is read from a log's header alone", () => {
    const header =
      "# looper_request_id=3f9c21ab\n# workspace=/w\n# command=codex exec 'do it'\n\n# command=codex exec no"
    assert.strictEqual(promptOf(header), "do it")
    assert.isUndefined(promptOf("# command=codex exec 'do it'\n"))
  })

  it("that is longer than what was read is read as far as that", () => {
    assert.strictEqual(promptOf("# looper_request_id=3f9c21ab\n# workspace=/w\n# command=codex exec 'do"), "do")
  })
})

describe("the status is asked for", () => {
  const online = { ...initialState, connection: { kind: "online" }, status: states.idle.status } as const

  it("every 2 s, every 0.5 s while something moves, every 30 s where nobody looks", () => {
    assert.strictEqual(pollMillis(online, false, false), 2_000)
    assert.strictEqual(pollMillis({ ...online, status: states.starting.status }, false, false), 500)
    assert.strictEqual(pollMillis(online, false, true), 500)
    assert.strictEqual(pollMillis({ ...online, status: states.starting.status }, true, true), 30_000)
  })

  it("ever less often where there is no answer, but every 15 s", () => {
    assert.deepStrictEqual([1, 2, 3, 4, 5, 50].map(retryMillis), [1_000, 2_000, 4_000, 8_000, 15_000, 15_000])
  })
})
