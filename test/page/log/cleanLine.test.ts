import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { cleanLine, firstOf, plainText } from "../../../src/page/log/cleanLine.ts"

const cases: ReadonlyArray<readonly [title: string, line: string, shown: string]> = [
  ["an ordinary line stays as it is", "  plain\ttext äöü 漢字 🙂", "  plain\ttext äöü 漢字 🙂"],
  ["colours stay", "\u001b[1;31mred\u001b[0m", "\u001b[1;31mred\u001b[0m"],
  ["a carriage return keeps the last overwrite", "10 %\r50 %\r100 %", "100 %"],
  ["a line that ends in CR LF keeps its text", "text\r", "text"],
  ["what is only erased does not hide what stood there", "100 %\r\u001b[K", "100 %"],
  ["backspaces take back", "abc\b\bX", "aX"],
  ["a backspace at the start takes nothing", "\b\bx", "x"],
  ["a backspace takes back a character of two units, and no colour", "\u001b[31m🙂\bx", "\u001b[31mx"],
  ["moves and erasures are dropped", "\u001b[2K\u001b[1A\u001b[10;5Htext\u001b[?25l", "text"],
  ["a link of OSC 8 is its text", "\u001b]8;;http://x\u0007text\u001b]8;;\u001b\\", "text"],
  ["a clipboard's OSC 52 is dropped", "a\u001b]52;c;AAAA\u0007b", "ab"],
  ["a title that never ends takes the rest of its line", "a\u001b]0;title", "a"],
  ["DCS, and C1 in one character", "a\u001bPq#0\u001b\\b\u009b31mc\u0090x\u009cd", "ab\u001b[31mcd"],
  ["single controls are dropped", "a\u0000b\u0007c\u007fd\u0085e\u000bf", "abcdef"],
  ["an escape that is cut is dropped", "a\u001b", "a"],
  ["a CSI that is cut is dropped", "a\u001b[31", "a"],
  ["characters that turn text around are shown", "a\u202eb\u2066c", "a<U+202E>b<U+2066>c"],
  ["colours with colons are written with semicolons", "\u001b[38:2::1:2:3mx", "\u001b[38;2;1;2;3mx"],
  ["a curly underline is one, its colour is none of ours", "\u001b[4:3;58:5:1mx\u001b[4:0m", "\u001b[4;mx\u001b[24m"],
  ["private parameters are no colour", "\u001b[>4;1mx", "x"]
]

const nasty = Arbitrary.array(
  Arbitrary.schema(
    Schema.Literals([
      "\u001b",
      "[",
      "]",
      "8;;",
      "31",
      "m",
      "K",
      "\r",
      "\b",
      "\u009b",
      "\u009c",
      "\u0007",
      "P",
      "\\",
      "\u202e",
      "🙂",
      ":",
      ";"
    ])
  ),
  { maxLength: 30 }
)

describe("cleanLine", () => {
  for (const [title, line, shown] of cases) it(`${title}`, () => assert.strictEqual(cleanLine(line), shown))

  it.prop(
    "leaves no control but those of colours, whatever comes",
    [nasty],
    ([parts]) => {
      const rest = plainText(cleanLine(parts.join("")))
      // oxlint-disable-next-line no-control-regex
      assert.notMatch(rest, /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
    },
    { arbitrary: { runs: 2000 } }
  )
})

describe("a line that is made to cost much", () => {
  it("of colours and backspaces is read in one walk over it", () => {
    const colours = "\u001b[31m".repeat(150_000)
    assert.strictEqual(cleanLine(`ab${colours}${"\b".repeat(300_000)}x`), `${colours}x`)
  })
})

describe("firstOf", () => {
  it("cuts no colour in two", () => {
    assert.strictEqual(firstOf("ab\u001b[31mc", 4), "ab")
    assert.strictEqual(firstOf("ab\u001b[31mc", 8), "ab\u001b[31mc")
  })
})
