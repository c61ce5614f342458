import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { cleanLine } from "../../../src/page/log/cleanLine.ts"
import { LineDecoder, linesOf, type LogLine } from "../../../src/page/log/LineDecoder.ts"
import { maxLineBytes } from "../../../src/page/log/limits.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

const decodeAll = (pieces: ReadonlyArray<Uint8Array>, offset = 0): ReadonlyArray<LogLine> => {
  const lines = new LineDecoder(offset, 1)
  const whole = pieces.flatMap((piece) => lines.push(piece))
  const last = lines.finish()
  return last === undefined ? whole : [...whole, last]
}

/** Cuts bytes at these places. */
const cut = (bytes: Uint8Array, places: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end))
}

const text = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.schema(
      Schema.Literals(["\n", "\r", "\b", "\u001b[31m", "\u001b]8;;x\u0007", "ä", "漢", "🙂", "\ufeff", "\u202e", "abc"])
    ),
    { maxLength: 40 }
  ),
  (parts) => encoder.encode(parts.join(""))
)
/** Mostly no UTF-8. */
const noText = Arbitrary.map(
  Arbitrary.array(Arbitrary.schema(Schema.Literals([10, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 65])), { maxLength: 40 }),
  (codes) => Uint8Array.from(codes)
)
const places = Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 500 }))), {
  maxLength: 20
})

describe("LineDecoder", () => {
  for (const [name, bytes] of [
    ["of text", text],
    ["that are no text", noText]
  ] as const) {
    it.prop(
      `gives the same lines however bytes ${name} are cut`,
      [bytes, places],
      ([whole, at]) => assert.deepStrictEqual(decodeAll(cut(whole, at)), decodeAll([whole])),
      { arbitrary: { runs: 1000 } }
    )

    it.prop(
      `tells where in the file each line ${name} stands, without a gap`,
      [bytes],
      ([whole]) => {
        const offset = 1_000
        let end = offset
        for (const [index, line] of decodeAll([whole], offset).entries()) {
          assert.strictEqual(line.start, end)
          assert.strictEqual(line.number, index + 1)
          const own = whole.subarray(line.start - offset, line.end - offset)
          assert.strictEqual(line.text, cleanLine(decoder.decode(own.at(-1) === 10 ? own.subarray(0, -1) : own)))
          assert.notInclude([...own.subarray(0, -1)], 10)
          end = line.end
        }
        assert.strictEqual(end, offset + whole.length)
      },
      { arbitrary: { runs: 1000 } }
    )
  }

  it("draws the line that is not whole yet without the code point that is cut", () => {
    const lines = new LineDecoder(5, 3)
    lines.push(encoder.encode("a\n10 %\rb").subarray(0, 7))
    lines.push(Uint8Array.of(0x62, 0xe2, 0x82))
    assert.deepStrictEqual(lines.partial, {
      start: 7,
      end: 15,
      number: 4,
      text: "b",
      isCut: false,
      cutCharacters: 0,
      kind: "plain"
    })
    assert.deepStrictEqual(
      lines.push(Uint8Array.of(0xac, 10)).map((line) => line.text),
      ["b€"]
    )
    assert.isUndefined(lines.partial)
    assert.isUndefined(lines.finish())
  })

  it("keeps only the beginning of a line that is too long, and its whole length", () => {
    const lines = new LineDecoder(0, 1)
    for (let piece = 0; piece < 5; piece++) lines.push(new Uint8Array(300_000).fill(65))
    const [line] = lines.push(encoder.encode("\nnext\n"))
    assert.strictEqual(line?.text.length, maxLineBytes)
    assert.strictEqual(line?.end, 1_500_001)
    assert.isTrue(line?.isCut)
    assert.strictEqual(line?.cutCharacters, 1_500_000 - maxLineBytes)
    assert.strictEqual(lines.lineStart, 1_500_006)
  })
})

/** What a decoder that keeps 500 bytes of a line gives, and what it draws after each piece. */
const inPieces = (text: string, size: number) => {
  const lines = new LineDecoder(0, 1, 500)
  const bytes = encoder.encode(text)
  const partials: Array<string | undefined> = []
  const whole: Array<LogLine> = []
  for (let at = 0; at < bytes.length; at += size) {
    whole.push(...lines.push(bytes.subarray(at, at + size)))
    partials.push(lines.partial?.text)
  }
  return { whole, partials }
}

describe("a line that is too long", () => {
  const percents = Array.from({ length: 1_000 }, (_, index) => `${"#".repeat(index % 50)} ${index} %`)
  for (const size of [1, 37, 100_000]) {
    it(`keeps the last overwrite, ${size} bytes at a time, whether it begins or ends with the CR`, () => {
      for (const text of [`${percents.join("\r")}\n`, `${percents.join("\r")}\r\n`, `\r${percents.join("\r")}\n`]) {
        const [line] = inPieces(text, size).whole
        assert.strictEqual(line?.text, percents.at(-1))
        assert.isFalse(line?.isCut)
      }
    })
  }

  it("goes on with each overwrite while it is not whole", () => {
    const written = percents.map((percent) => `${percent}\r`.padStart(60, "-"))
    const { partials } = inPieces(written.join(""), 60)
    assert.deepStrictEqual(
      partials,
      written.map((percent) => percent.slice(0, -1))
    )
  })

  it("is overwritten also where it was cut", () => {
    const [line] = inPieces(`${"x".repeat(2_000)}\rdone\n`, 64).whole
    assert.strictEqual(line?.text, "done")
    assert.strictEqual(line?.cutCharacters, 0)
  })

  it("is not overwritten by the CR of its own end", () => {
    const [line, next] = inPieces(`${"x".repeat(2_000)}\r\nnext\n`, 64).whole
    assert.strictEqual(line?.text, "x".repeat(500))
    assert.isTrue(line?.isCut)
    assert.strictEqual(next?.text, "next")
  })
})

describe("linesOf", () => {
  const piece = encoder.encode("end of one\ntwo\nthr")

  it("leaves out a first line whose start is not there, and counts on behind it", () => {
    const { lines } = linesOf(piece, { offset: 100, number: 7, isLineStart: false })
    assert.deepStrictEqual(
      lines.map(({ start, end, number, text }) => ({ start, end, number, text })),
      [{ start: 111, end: 115, number: 8, text: "two" }]
    )
  })

  it("takes all of it where it begins with a line", () => {
    const { lines, decoder } = linesOf(piece, { offset: 0, number: 1, isLineStart: true })
    assert.deepStrictEqual(
      lines.map(({ text }) => text),
      ["end of one", "two"]
    )
    assert.strictEqual(decoder.partial?.text, "thr")
  })

  it("has nothing where no line ends", () => {
    const { lines, decoder } = linesOf(encoder.encode("abc"), { offset: 10, number: undefined, isLineStart: false })
    assert.deepStrictEqual(lines, [])
    assert.strictEqual(decoder.lineStart, 13)
  })
})
