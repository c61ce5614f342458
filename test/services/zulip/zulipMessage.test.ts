import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { openFences } from "../../../src/services/zulip/zulipFence.ts"
import {
  channelTo,
  codePointLength,
  cutContent,
  cutTopic,
  directTo,
  neutralizeWildcards
} from "../../../src/services/zulip/zulipMessage.ts"

const marker = "\n[message truncated]"

/** Texts of words, fences and line ends. */
const marked = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.schema(
      Schema.Literals(["word ", "😀", "\n", "\n```", "\n````", "\n~~~", "text\n", "quote\n", "spoiler a b\n", "`"])
    ),
    { minLength: 1, maxLength: 40 }
  ),
  (parts) => parts.join("")
)

describe("cutContent", () => {
  it.prop("leaves a text that fits as it is, but for what the server takes from its ends", [marked], ([text]) => {
    const inside = text.slice(text.search(/[^\n]|$/))
    assert.strictEqual(cutContent(text), inside.trimEnd())
  })

  it.prop(
    "cuts a long text to the limit, outside every fence",
    [marked, marked],
    ([start, repeated]) => {
      // Line ends alone at the beginning would not be kept, nor cut.
      const text = `a${start}${repeated.repeat(Math.ceil(20_000 / codePointLength(repeated)))}x`
      const cut = cutContent(text)
      assert.isAtMost(codePointLength(cut), 10_000)
      assert.isTrue(cut.endsWith(marker))
      assert.deepStrictEqual(openFences(cut), [])
      // many nested blocks, or one with a very long fence, need much of the room to be closed
      if (/quote|spoiler|`{100}/.test(text)) return
      assert.isAtLeast(codePointLength(cut), 9_900)
      assert.isTrue(text.startsWith(cut.slice(0, 9_000)))
    },
    { arbitrary: { runs: 200 } }
  )

  it("keeps exactly 10,000 code points and cuts one more", () => {
    const full = "😀".repeat(10_000)
    assert.strictEqual(cutContent(full), full)
    assert.strictEqual(cutContent(`${full} \n`), full)
    assert.strictEqual(cutContent(`${full}x`), "😀".repeat(10_000 - marker.length) + marker)
  })

  it("closes the block that the cut falls into", () => {
    const cut = cutContent(`\`\`\`\`text\n${"x".repeat(10_000)}\n\`\`\`\``)
    assert.isTrue(cut.endsWith(`x\n\`\`\`\`${marker}`))
    assert.strictEqual(cut.length, 10_000)
  })

  it("copes with a fence as long as the message", () => {
    const cut = cutContent("`".repeat(20_000))
    assert.isTrue(cut.endsWith(marker))
    assert.isAtMost(cut.length, 10_000)
    assert.deepStrictEqual(openFences(cut), [])
  })
})

describe("openFences", () => {
  it.each([
    ["plain", []],
    ["```\ncode", ["```"]],
    ["```\ncode\n```", []],
    ["```\ncode\n``` ", []],
    ["```\ncode\n````", ["```"]],
    ["````text\n```\n````", []],
    ["~~~ py\n```\n", ["~~~"]],
    ["```quote\n~~~js\nx", ["~~~", "```"]],
    ["```quote\n~~~js\nx\n~~~\n```", []],
    ["```spoiler a title here\n````\nx", ["````", "```"]],
    ["```text\n~~~", ["```"]],
    ["text ``` in a line", []],
    [" ```\nindented", []],
    ["``` a`b\nno fence", []],
    ["``\nno fence", []],
    ["```\r\ncode\r\n```\r\n", []],
    ["```\r\ncode", ["```"]]
  ] as const)("of %j are %j", (text, expected) => {
    assert.deepStrictEqual([...openFences(text)], [...expected])
  })
})

describe("cutTopic", () => {
  it.prop("keeps up to 60 code points, and cuts what is longer as the server would", [Schema.String], ([text]) => {
    const topic = text.trim()
    const cut = cutTopic(text)
    const length = codePointLength(topic)
    assert.strictEqual(codePointLength(cut), Math.min(length, 60))
    assert.strictEqual(length > 60 ? cut.endsWith("...") : cut === topic, true)
  })

  it("counts code points", () => {
    assert.strictEqual(cutTopic("😀".repeat(60)), "😀".repeat(60))
    assert.strictEqual(cutTopic("😀".repeat(61)), `${"😀".repeat(57)}...`)
  })
})

describe("neutralizeWildcards", () => {
  it("breaks what notifies everyone and nothing else", () => {
    assert.strictEqual(
      neutralizeWildcards("@**all** @**everyone** @**channel** @**stream** @**topic** @**Topic**"),
      "@\u200b**all** @\u200b**everyone** @\u200b**channel** @\u200b**stream** @\u200b**topic** @\u200b**Topic**"
    )
    const harmless = "@**Tessa|8** @*group* a@b.c @all @**all of us**"
    assert.strictEqual(neutralizeWildcards(harmless), harmless)
  })
})

describe("to", () => {
  it.prop("of a channel is its name as JSON", [Schema.String], ([name]) => {
    assert.strictEqual(JSON.parse(channelTo(name)), name)
    assert.isTrue(channelTo(name).startsWith('"'))
  })

  it("of people is a list of ids or of addresses", () => {
    assert.strictEqual(directTo([9, 10]), "[9,10]")
    assert.strictEqual(directTo(["a@b"]), '["a@b"]')
  })
})
