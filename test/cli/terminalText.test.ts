import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { makeTerminalText, plainLine } from "../../src/cli/terminalText.ts"

const escape = "\u001b"

const shown = (text: string | Uint8Array, options: { readonly isColored: boolean } = { isColored: true }): string => {
  const terminal = makeTerminalText(options)
  return terminal.push(typeof text === "string" ? Buffer.from(text) : text) + terminal.end()
}

describe("a log on a terminal", () => {
  it.each([
    ["clears the screen", `a${escape}[2Jb`, "a?[2Jb"],
    ["sets the title", `${escape}]0;title\u0007`, "?]0;title?"],
    ["asks the terminal for an answer", `${escape}[6n${escape}[c`, "?[6n?[c"],
    ["moves", "a\bb\u000bc\rd", "a?b?c?d"],
    ["uses 8-bit controls", "\u009b2J", "?2J"],
    ["is a lone escape", escape, "?"],
    ["has a NUL and a DEL", "\u0000\u007f", "??"],
    ["has a colour of too many parameters", `${escape}[${"1;".repeat(40)}m`, `?[${"1;".repeat(40)}m`],
    ["has another form of sequence", `${escape}[>4;2m${escape}[?1m`, "?[>4;2m?[?1m"]
  ])("that %s does not do so", (_, text, expected) => {
    assert.strictEqual(shown(text), expected)
  })

  it("keeps tabs, newlines and other languages, and drops the CR before a newline", () => {
    assert.strictEqual(shown("a\tb\r\nc\n日本 é 🦊\n"), "a\tb\nc\n日本 é 🦊\n")
  })

  it("has its colours, which are off behind it", () => {
    assert.strictEqual(shown(`${escape}[1;31mred`), `${escape}[1;31mred${escape}[0m`)
  })

  it("has no colours, and no trace of them, where there are to be none", () => {
    assert.strictEqual(shown(`${escape}[1;31mred${escape}[m`, { isColored: false }), "red")
  })

  it("shows what is not UTF-8 as U+FFFD", () => {
    assert.strictEqual(shown(Uint8Array.of(0x61, 0xff, 0xc3)), "a\ufffd\ufffd")
  })

  const telling = [
    escape,
    `${escape}[`,
    "1;31",
    "m",
    "\r",
    "\n",
    "\r\n",
    "\u009b",
    "é",
    "🦊",
    "J",
    "text",
    "\ufeff"
  ] as const
  const broken = ["\xff", "\xc3", "\xe2\x82", "\xf0\x9f"] as const
  const isText = Schema.is(Schema.Literals(telling))
  const piece = Arbitrary.schema(Schema.Union([Schema.Literals(telling), Schema.Literals(broken)]))
  const log = Arbitrary.map(Arbitrary.array(piece, { maxLength: 16 }), (pieces) =>
    Buffer.concat(pieces.map((each) => Buffer.from(each, isText(each) ? "utf8" : "latin1")))
  )
  const place = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 })))
  const isColored = Arbitrary.schema(Schema.Boolean)

  it.prop(
    "is the same in whatever pieces it comes",
    [log, Arbitrary.array(place), isColored],
    ([text, cuts, color]) => {
      const terminal = makeTerminalText({ isColored: color })
      const ends = [...cuts.map((cut) => Math.min(cut, text.length)).toSorted((a, b) => a - b), text.length]
      const pieces = ends.map((end, index) => terminal.push(text.subarray(ends[index - 1] ?? 0, end)))
      assert.strictEqual(pieces.join("") + terminal.end(), shown(text, { isColored: color }))
    }
  )

  it.prop("holds no control but newline, tab and colours, whatever the log holds", [log], ([text]) => {
    const rest = shown(text).replaceAll(new RegExp(`${escape}\\[[0-9;:]*m`, "g"), "")
    assert.notMatch(rest, /(?![\t\n])\p{Cc}/u)
    assert.notMatch(shown(text, { isColored: false }), /(?![\t\n])\p{Cc}/u)
  })
})

describe("a single line", () => {
  it("is without controls and without an end", () => {
    assert.strictEqual(plainLine(Buffer.from(`${escape}[31ma${escape}[2J\r\nb`)), "a?[2J b")
  })
})
