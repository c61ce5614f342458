/** What an operator reads. */
import { assert, describe, it } from "@effect/vitest"
import {
  type EndedNotice,
  endedText,
  kindOfEnd,
  skipText,
  startedText,
  tickFailedText
} from "../../src/domain/noticeText.ts"
import type { RunEnding } from "../../src/domain/RunRecord.ts"

const ended: EndedNotice = {
  requestId: "1a2b3c4d",
  end: { returnCode: 1, stoppedBy: undefined },
  durationMillis: 2_472_999,
  logPath: "/logs/codex-exec-1.log",
  tail: "one\n@**all** ``` two\n\n# codex_exec_return_code=1\n"
}

describe("a notice", () => {
  it("of a run that a tick started names run and workspace", () => {
    assert.strictEqual(
      startedText({ requestId: "auto1a2b3c4d", workspace: "/w" }),
      "Looper: autopoll started run `auto1a2b3c4d` in `/w`"
    )
  })

  it("of a run that ended well names duration and log, and shows nothing of it", () => {
    assert.strictEqual(
      endedText({ ...ended, end: { returnCode: 0, stoppedBy: undefined } }, "text"),
      "Looper: run `1a2b3c4d` finished with exit 0 after 41 min 12 s\nlog: `/logs/codex-exec-1.log`"
    )
  })

  it("of a run that failed shows the end of its log, without the trailer", () => {
    assert.strictEqual(
      endedText(ended, "text"),
      [
        "Looper: run `1a2b3c4d` failed with exit 1 after 41 min 12 s",
        "log: `/logs/codex-exec-1.log`",
        "```text\none\n@\u200b**all** ``\u200b` two\n```"
      ].join("\n")
    )
  })

  it.each([
    [
      { returnCode: 143, stoppedBy: "max_seconds" },
      7_260_000,
      "was stopped by its limit max_seconds (exit 143) after 2 h 1 min"
    ],
    [{ returnCode: "unknown", stoppedBy: undefined }, undefined, "failed with exit unknown, at a time unknown"],
    [{ returnCode: 127, stoppedBy: undefined }, 3_290, "failed with exit 127 after 3.2 s"]
  ] as const)("of the end %j says how it was", (end, durationMillis, words) => {
    const [first] = endedText({ ...ended, end, durationMillis }, "").split("\n")
    assert.strictEqual(first, `Looper: run \`1a2b3c4d\` ${words}`)
  })

  it("of a tick that failed says why, in one line", () => {
    assert.strictEqual(
      tickFailedText({ requestId: "auto1a2b3c4d", error: "no space\nat all" }),
      "Looper: autopoll could not start run `auto1a2b3c4d`: `no space\\nat all`"
    )
  })

  it("of a skip gives the reason as a word and as a sentence, and its end where that is known", () => {
    assert.strictEqual(
      skipText({ reason: "paused", text: "autopoll is paused" }),
      "Looper: autopoll starts nothing (paused): `autopoll is paused`"
    )
    assert.strictEqual(
      skipText({ reason: "backoff", text: "it waits", untilMillis: 0 }),
      "Looper: autopoll starts nothing (backoff): `it waits` until 1970-01-01T00:00:00.000Z"
    )
  })

  it("stays below 2,000 characters whatever it shows", () => {
    const bad = "@`".repeat(3_000)
    const texts = [
      endedText({ ...ended, logPath: bad, tail: bad }, "text"),
      startedText({ requestId: "auto1a2b3c4d", workspace: bad }),
      skipText({ reason: "misconfigured", text: bad, untilMillis: 0 })
    ]
    for (const text of texts) assert.isBelow(text.length, 2_000)
  })
})

it.each<[RunEnding["returnCode"], RunEnding["stoppedBy"], string | undefined]>([
  [0, undefined, "finish"],
  [1, undefined, "failure"],
  ["unknown", undefined, "failure"],
  [0, "max_log_bytes", "failure"],
  [143, "max_silent_seconds", "failure"],
  [0, "request", undefined],
  [143, "replacement", undefined],
  [143, "shutdown", undefined]
])("the end (%s, %s) is worth the notice %s", (returnCode, stoppedBy, kind) => {
  assert.strictEqual(kindOfEnd({ returnCode, stoppedBy }), kind)
})
