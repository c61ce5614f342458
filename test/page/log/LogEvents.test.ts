import { assert, describe, it } from "@effect/vitest"
import { afterAll, beforeAll, vi } from "vitest"
import { encodeLogChunk, encodeLogEnd, encodeLogGone } from "../../../src/domain/logEvents.ts"
import { type FollowedEvent, readEvents } from "../../../src/page/log/LogEvents.ts"

// A read that takes long lets the page go on, where it is seen.
beforeAll(() => void vi.stubGlobal("document", { hidden: false }))
afterAll(() => void vi.unstubAllGlobals())

const streamOf = (pieces: ReadonlyArray<Uint8Array<ArrayBuffer>>): ReadableStream<Uint8Array<ArrayBuffer>> =>
  new ReadableStream({
    start: (controller) => {
      for (const piece of pieces) controller.enqueue(piece)
      controller.close()
    }
  })

/** What the page reads of what Looper writes, in pieces of `size` bytes. */
const read = async (
  sent: ReadonlyArray<Uint8Array>,
  size: number,
  goesOn = true
): Promise<ReadonlyArray<FollowedEvent>> => {
  const whole = Buffer.concat(sent)
  const pieces = Array.from({ length: Math.ceil(whole.length / size) }, (_, index) =>
    whole.subarray(index * size, (index + 1) * size)
  )
  const events: Array<FollowedEvent> = []
  await readEvents(streamOf(pieces), (event) => {
    events.push(event)
    return goesOn
  })
  return events
}

const bytes = Buffer.from("text\r\n\u2028 漢🙂 \ufeff \u0000")
const noText = Uint8Array.of(0xff, 0xfe, 10, 0)
const sent = [
  Buffer.from(": \n\n"),
  encodeLogChunk(bytes, 100),
  encodeLogChunk(noText, 104),
  Buffer.from('event: shutdown\ndata: {"deadline_at":"1970-01-01T00:00:05Z","on_shutdown":"leave"}\n\n'),
  Buffer.from("event: newer\ndata: {}\n\n"),
  encodeLogEnd({ state: "succeeded", return_code: 0, cause: null }, 104),
  encodeLogGone("the log was truncated")
]
const expected: ReadonlyArray<FollowedEvent> = [
  { kind: "bytes", bytes: Uint8Array.from(bytes), end: 100 },
  { kind: "bytes", bytes: noText, end: 104 },
  { kind: "shutdown", deadlineMillis: 5_000, leavesRun: true },
  { kind: "unknown" },
  { kind: "end", end: 104 },
  { kind: "gone", reason: "the log was truncated" }
]

describe("readEvents", () => {
  for (const size of [1, 7, 4_096]) {
    it(`reads every event that Looper writes, ${size} bytes at a time`, async () =>
      assert.deepStrictEqual(await read(sent, size), expected))
  }

  it("takes nothing more once it is told to end", async () =>
    assert.deepStrictEqual(await read(sent, 4_096, false), expected.slice(0, 1)))

  it("fails on an event of the log that has no place in it", async () => {
    const error = await read([Buffer.from('data: {"text":"x"}\n\n')], 99).catch((error: unknown) => error)
    assert.include(String(error), "no place")
  })
})
