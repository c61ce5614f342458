/** A log as events: what is encoded, and that a client gets the same bytes. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import * as Sse from "effect/encoding/Sse"
import {
  cutCodePointBytes,
  decodeLogEvent,
  encodedHeartbeat,
  encodeLogChunk,
  encodeLogEnd,
  encodeLogGone
} from "../../src/domain/logEvents.ts"

/** What a client decodes of what is sent. */
const decoded = (sent: ReadonlyArray<Uint8Array>) =>
  Effect.gen(function* () {
    const parsed: Array<Sse.AnyEvent> = []
    Sse.makeParser((event) => parsed.push(event)).feed(Buffer.concat(sent).toString())
    return yield* Effect.forEach(parsed, (event) => decodeLogEvent(event as Sse.Event))
  })
const bytesOf = (sent: ReadonlyArray<Uint8Array>) =>
  Effect.map(decoded(sent), (events) =>
    Buffer.concat(events.map((event) => (event.kind === "bytes" ? event.bytes : Buffer.alloc(0))))
  )

const text = Schema.Literals(["\r\n", "\n\n", "data: x\n", "é", "€", "😀", "\ufeff", "\ufffd", "\u2028", '"\\\0\u001b'])
const piece = Arbitrary.schema(
  Schema.Union([text, Schema.Literals(["\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\x80"])])
)
const isText = Schema.is(text)
const log = Arbitrary.map(Arbitrary.array(piece, { maxLength: 12 }), (pieces) =>
  Buffer.concat(pieces.map((each) => Buffer.from(each, isText(each) ? "utf8" : "latin1")))
)
const position = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 })))

const isUtf8 = (bytes: Uint8Array) => Buffer.from(Buffer.from(bytes).toString()).equals(bytes)

describe("a log as events", () => {
  it.effect("is text with the offset behind it where it is UTF-8, and base64 where it is not", () =>
    Effect.sync(() => {
      assert.strictEqual(
        Buffer.from(encodeLogChunk(Buffer.from("é\n"), 9)).toString(),
        'id: 9\ndata: {"text":"é\\n"}\n\n'
      )
      assert.strictEqual(
        Buffer.from(encodeLogChunk(Buffer.from([0x61, 0xc3]), 2)).toString(),
        'id: 2\ndata: {"base64":"YcM="}\n\n'
      )
      assert.include(Buffer.from(encodeLogChunk(Buffer.from("\ufffd"), 3)).toString(), '{"text":"\ufffd"}')
    })
  )

  it.effect.prop(
    "gives a client the same bytes, whatever they are and wherever they are cut",
    [log, Arbitrary.array(position, { maxLength: 6 })],
    ([bytes, positions]) =>
      Effect.gen(function* () {
        const ends = [...positions.filter((end) => end < bytes.length).toSorted((a, b) => a - b), bytes.length]
        const sent = ends.map((end, index) => encodeLogChunk(bytes.subarray(ends[index - 1] ?? 0, end), end))
        assert.isTrue((yield* bytesOf(sent)).equals(bytes), bytes.toString("hex"))
        assert.deepStrictEqual(
          (yield* decoded(sent)).map((event) => (event.kind === "bytes" ? event.offset : undefined)),
          ends
        )
      }),
    { arbitrary: { runs: 500 } }
  )

  it.effect("ends with how the run ended and the size of its log, or with why it cannot go on", () =>
    Effect.gen(function* () {
      const failed = { state: "failed", return_code: 7, cause: "exited" } as const
      const unstarted = { state: "stopped", return_code: null, cause: null } as const
      assert.strictEqual(
        Buffer.from(encodeLogEnd(failed, 12)).toString(),
        'event: end\nid: 12\ndata: {"state":"failed","return_code":7,"cause":"exited"}\n\n'
      )
      const sent = [encodedHeartbeat, encodeLogEnd(failed, 12), encodeLogEnd(unstarted, 0), encodeLogGone('a\n"b"')]
      assert.deepStrictEqual(yield* decoded(sent), [
        { kind: "end", end: failed, offset: 12 },
        { kind: "end", end: unstarted, offset: 0 },
        { kind: "gone", reason: 'a\n"b"' }
      ])
    })
  )

  it.effect("is refused by a client where it is none", () =>
    Effect.gen(function* () {
      for (const event of [
        { id: "1", data: "{}" },
        { id: "x", data: '{"text":""}' },
        { id: "-1", data: '{"text":""}' },
        { data: '{"text":""}' },
        { id: "1", data: '{"base64":"%"}' },
        { event: "other", id: "1", data: '{"text":""}' },
        { event: "end", id: "1", data: '{"state":"fine"}' },
        { event: "shutdown", data: '{"deadline_at":"soon"}' }
      ]) {
        assert.strictEqual((yield* Effect.flip(decodeLogEvent(event)))._tag, "SchemaError", JSON.stringify(event))
      }
    })
  )
})

describe("a code point that is cut", () => {
  it("is found wherever its bytes end, and its other bytes complete it", () => {
    for (const whole of ["\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}"]) {
      const bytes = Buffer.from(`x${whole}`)
      for (let end = 1; end < bytes.length; end++)
        assert.strictEqual(cutCodePointBytes(bytes.subarray(0, end)), end - 1)
      assert.strictEqual(cutCodePointBytes(bytes), 0)
      assert.strictEqual(cutCodePointBytes(bytes.subarray(1, 2)), 1)
    }
  })

  it("is none where no byte could complete it", () => {
    const never = [
      "80",
      "bf",
      "c0",
      "c1",
      "f5",
      "ff",
      "e080",
      "eda0",
      "f080",
      "f490",
      "e28041",
      "c3a9a9",
      "80808080",
      ""
    ]
    for (const hex of never) assert.strictEqual(cutCodePointBytes(Buffer.from(hex, "hex")), 0, hex)
  })

  it("is told from what is none by what could follow, for any two bytes", () => {
    const tails = ["80", "8080", "bf", "bfbf", "a0", "9080", "9f80", "808080", "908080"].map((hex) =>
      Buffer.from(hex, "hex")
    )
    for (let first = 0x80; first < 0x100; first++) {
      for (let second = 0; second < 0x100; second++) {
        const bytes = Buffer.from([first, second])
        const last = bytes.subarray(1)
        const canBeCompleted = (begun: Buffer) => tails.some((tail) => isUtf8(Buffer.concat([begun, tail])))
        const expected = canBeCompleted(bytes) && !isUtf8(bytes) ? 2 : canBeCompleted(last) && second > 0xbf ? 1 : 0
        assert.strictEqual(cutCodePointBytes(bytes), expected, bytes.toString("hex"))
      }
    }
  })
})
