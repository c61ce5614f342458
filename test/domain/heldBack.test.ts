import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { heldBack, mayHoldTrailer } from "../../src/domain/heldBack.ts"
import { runLogTrailer, trailerStart } from "../../src/domain/runLog.ts"

const held = (chunk: string, isLineStart = false) => heldBack(Buffer.from(chunk), isLineStart)

/** How much of `bytes` is taken when it is seen up to each of `ends` in turn, as a mirror sees a growing file. */
const takenOf = (bytes: Buffer, ends: ReadonlyArray<number>): number => {
  let position = 0
  let isLineStart = true
  for (const end of ends) {
    const chunk = bytes.subarray(position, Math.max(position, end))
    if (mayHoldTrailer(chunk, isLineStart)) break
    const length = chunk.length - heldBack(chunk, isLineStart)
    if (length === 0) continue
    position += length
    isLineStart = bytes[position - 1] === 0x0a
  }
  return position
}

/** Text that keeps almost beginning a trailer. */
const piece = Arbitrary.schema(
  Schema.Literals([
    "\n",
    "x",
    "#",
    "\n#",
    "\n# codex",
    "# codex_exec_return_code",
    "\n# codex_exec_return_code",
    "=",
    "ab\n"
  ])
)
const output = Arbitrary.map(Arbitrary.array(piece, { maxLength: 8 }), (pieces) => pieces.join(""))
const ends = Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200 }))), {
  maxLength: 12
})

describe("heldBack", () => {
  it("holds nothing of text that cannot begin a trailer", () => {
    for (const chunk of ["", "x", "line", "line\nx", "\n# codey", "# codex_exec_return_cord", "\n #"]) {
      assert.strictEqual(held(chunk, true), 0, JSON.stringify(chunk))
    }
  })

  it("holds every longer beginning of a trailer at the chunk's end", () => {
    for (let length = 2; length < trailerStart.length; length++) {
      const start = trailerStart.slice(0, length)
      for (const before of ["", "x", "line\n", "\n", "\n# codex"]) {
        assert.strictEqual(held(before + start), length, JSON.stringify(before + start))
      }
    }
  })

  it("takes the newline that ends a line", () => {
    assert.strictEqual(held("line\n"), 0)
    assert.strictEqual(held("a\nb\n"), 0)
    assert.strictEqual(held("\n"), 0)
  })

  it("holds every beginning of a trailer whose newline was taken", () => {
    for (let length = 1; length < trailerStart.length - 1; length++) {
      const start = trailerStart.slice(1, length + 1)
      assert.strictEqual(held(start, true), length)
      assert.strictEqual(held(start, false), 0)
    }
    assert.isTrue(mayHoldTrailer(Buffer.from(trailerStart.slice(1)), true))
    assert.isFalse(mayHoldTrailer(Buffer.from(trailerStart.slice(1)), false))
  })

  it("holds the newline that would make an empty line", () => {
    assert.strictEqual(held("\n", true), 1)
    assert.strictEqual(held("line\n\n"), 1)
    assert.strictEqual(held("\n\n"), 1)
  })

  it.prop(
    "never lets a byte of the trailer pass as output, wherever the file is cut",
    [output, ends],
    ([text, cuts]) => {
      const bytes = Buffer.from(text + runLogTrailer(0))
      const trailerAt = bytes.indexOf(trailerStart)
      // The newline of the trailer may end an unfinished line: the mirror would add one there anyway.
      const endsLine = trailerAt > 0 && bytes[trailerAt - 1] !== 0x0a
      const taken = takenOf(
        bytes,
        cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b)
      )
      assert.isAtMost(taken, trailerAt + (endsLine ? 1 : 0))
    },
    { arbitrary: { runs: 3000 } }
  )

  it.prop(
    "holds no more than a beginning of the trailer, so that output is never late by more",
    [output],
    ([text]) => {
      const length = heldBack(Buffer.from(text), true)
      assert.isBelow(length, trailerStart.length)
      const rest = text.slice(text.length - length)
      assert.isTrue(trailerStart.startsWith(rest) || (text === rest && trailerStart.slice(1).startsWith(rest)))
    },
    { arbitrary: { runs: 2000 } }
  )
})
