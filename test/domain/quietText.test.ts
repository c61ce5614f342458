/** What an agent writes, shown in a chat: it notifies nobody and stays in its block. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { fencedEnd, inlineCode, plainText } from "../../src/domain/quietText.ts"
import { openFences } from "../../src/services/zulip/zulipFence.ts"

const pieces = [
  ..."`~@<>#*!:/a\n\r\t \u0000\u001b\u009b\u200b\u202e\u2028\ufeff\u0007😀",
  "\ud800",
  "```",
  "~~~",
  "````text\n",
  "```quote\n",
  "@**all**",
  "@_*group*",
  "<!channel>",
  "<@U012>",
  "<#C012>",
  "@here",
  "#**channel>topic**",
  "<https://x|y>",
  "\u001b[31m",
  "\u001b]8;;x\u0007"
]
const texts = Arbitrary.map(Arbitrary.array(Arbitrary.schema(Schema.Literals(pieces)), { maxLength: 60 }), (list) =>
  list.join("")
)
const maxLength = 40
const options = { maxLength, language: "text" }

/** What the services named in the product's source would act upon. */
const mention = /@[^\u200b\n…`]|<[!@#:/]|<[a-z]+:|#\*\*/i
const unwanted = /(?![\t\n])\p{Cc}|[\u2028\u2029\u202e\ufeff]|\p{Cs}/u

const assertQuiet = (text: string): void => {
  assert.notMatch(text, mention)
  assert.notMatch(text, unwanted)
}

describe("a fenced block", () => {
  it.prop(
    "keeps any text in, live mentions out and its length bounded",
    [texts],
    ([text]) => {
      const block = fencedEnd(text, options)
      if (block === "") return
      const lines = block.split("\n")
      assert.strictEqual(lines[0], "```text")
      assert.strictEqual(lines.at(-1), "```")
      const inner = lines.slice(1, -1).join("\n")
      assert.notInclude(inner, "```")
      assert.isAtMost(Array.from(inner).length, maxLength)
      assertQuiet(inner)
      assert.isEmpty(openFences(block))
      assert.deepStrictEqual(openFences(lines.slice(0, -1).join("\n")), ["```"])
    },
    { arbitrary: { runs: 1_000 } }
  )

  it("shows the end of a longer text, behind a sign that it was cut", () => {
    assert.strictEqual(fencedEnd("0123456789", { maxLength: 4, language: "" }), "```\n…789\n```")
    assert.strictEqual(fencedEnd("\n\n0123\n \n", { maxLength: 4, language: "" }), "```\n0123\n```")
  })

  it("is left out where there is nothing to show", () => {
    assert.strictEqual(fencedEnd("\n \u001b[0m\u0000\n", options), "")
  })
})

describe("inline code", () => {
  it.prop(
    "is one quiet line of bounded length",
    [texts],
    ([text]) => {
      const code = inlineCode(text, maxLength)
      assert.match(code, /^`[^`\n]*`$/)
      assert.isAtMost(Array.from(code).length, maxLength + 2)
      assertQuiet(code)
    },
    { arbitrary: { runs: 1_000 } }
  )
})

it.each([
  ["\u001b[1;31mred\u001b[0m", "red"],
  ["\u001b]0;title\u0007text \u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\", "text link"],
  ["\u001b]0;no end\nkept", "0;no end\nkept"],
  ["10 %\r20 %\r\nnext\ttab\b\u0000", "10 %\n20 %\nnext\ttab"],
  ["\u202eabc\ud800", "abc\ufffd"],
  ["to\u200bk\u200ce\u200dn\u2060-o\ufefff\u00ad-mine", "token-of-mine"]
])("of %j is left %j", (text, plain) => {
  assert.strictEqual(plainText(text), plain)
})
