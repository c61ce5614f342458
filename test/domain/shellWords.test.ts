import { execFileSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Option, Schema } from "effect"
import { quoteCommand, quoteWord, splitWords } from "../../src/domain/shellWords.ts"

const quoted: ReadonlyArray<readonly [word: string, quoted: string]> = [
  ["", "''"],
  ["codex", "codex"],
  ["az_AZ09@%+=:,./-", "az_AZ09@%+=:,./-"],
  ["two words", "'two words'"],
  ["it's", `'it'"'"'s'`],
  ['$HOME `x` \\ "q"', "'$HOME `x` \\ \"q\"'"],
  ["~", "'~'"],
  ["a#b", "'a#b'"],
  ["é", "'é'"],
  ["two\nlines", "$'two\\nlines'"],
  ["\t\r\\'", "$'\\t\\r\\\\\\''"],
  ["\u001b[1m\u0001", "$'\\x1b[1m\\x01'"],
  ["\u007f", "$'\\x7f'"],
  ["\u0080\u0085\u009f", "$'\\u0080\\u0085\\u009f'"],
  ["\u00a0", "'\u00a0'"]
]

const split: ReadonlyArray<readonly [text: string, words: ReadonlyArray<string> | undefined]> = [
  ["", []],
  [" \t\r\n ", []],
  ["-m  gpt\t-c\nk=v\r", ["-m", "gpt", "-c", "k=v"]],
  ["''", [""]],
  [`""`, [""]],
  [`a'b c'"d e"f`, ["ab cd ef"]],
  ["'a\\b'", ["a\\b"]],
  [`"a\\$b\\\`c\\"d\\\\e"`, ['a$b`c"d\\e']],
  [`"a\\b\\'c"`, ["a\\b\\'c"]],
  [`"a\\\nb"`, ["ab"]],
  ["a\\ b\\'c\\\\", ["a b'c\\"]],
  ["a\\\nb", ["ab"]],
  ["a \\\n b", ["a", "b"]],
  ["$HOME $(x) *", ["$HOME", "$(x)", "*"]],
  ["a # b", ["a", "#", "b"]],
  ["é 😀", ["é", "😀"]],
  ["'open", undefined],
  ['"open', undefined],
  ['"open\\"', undefined],
  ["a 'b' \"c", undefined],
  ["end\\", undefined]
]

const special = Arbitrary.schema(Schema.Literals([" ", "'", '"', "\\", "$", "`", "#", "a", "é", "😀", "\u2028"]))
const text = Arbitrary.map(Arbitrary.array(special, { maxLength: 12 }), (pieces) => pieces.join(""))
const controls = Arbitrary.map(
  Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 0xa0 }))), {
    maxLength: 20
  }),
  (codes) => codes.map((code) => String.fromCharCode(code)).join("")
)

const evaluate = (argv: ReadonlyArray<string>): ReadonlyArray<string> =>
  execFileSync("bash", ["--norc", "-c", `printf '%s\\0' ${quoteCommand(argv)}`], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    env: { LC_ALL: "C.UTF-8" }
  })
    .split("\0")
    .slice(0, -1)

describe("shellWords", () => {
  for (const [word, expected] of quoted) {
    it(`quotes ${JSON.stringify(word)} as ${expected}`, () => assert.strictEqual(quoteWord(word), expected))
  }

  it("joins quoted arguments by a space", () =>
    assert.strictEqual(quoteCommand(["codex", "exec", "fix it", ""]), "codex exec 'fix it' ''"))

  for (const [input, expected] of split) {
    it(`splits ${JSON.stringify(input)} into ${JSON.stringify(expected) ?? "nothing: it is unfinished"}`, () =>
      assert.deepStrictEqual(splitWords(input), Option.fromUndefinedOr(expected)))
  }

  it.prop(
    "splits what it quoted into the same arguments",
    [Arbitrary.array(text, { maxLength: 6 })],
    ([argv]) => assert.deepStrictEqual(splitWords(quoteCommand(argv)), Option.some(argv)),
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "quotes any argument without a control character",
    [Schema.String],
    ([word]) => assert.notMatch(quoteWord(word), /\p{Cc}/u),
    { arbitrary: { runs: 500 } }
  )

  it("is read back by bash, whatever the characters", () => {
    const codes = Array.from({ length: 0x17f }, (_, code) => code + 1)
    const argv = [
      ...codes.map((code) => `a${String.fromCharCode(code)}0f`),
      codes.map((code) => String.fromCharCode(code)).join(""),
      "",
      "\u2028😀\n'quoted' \\ $HOME `x` !"
    ]
    assert.deepStrictEqual(evaluate(argv), argv)
  })

  it.prop(
    "is read back by bash, whatever the order of control characters",
    [Arbitrary.array(controls, { minLength: 1, maxLength: 20 })],
    ([argv]) => assert.deepStrictEqual(evaluate(argv), argv),
    { arbitrary: { runs: 20 } }
  )

  it("splits a megabyte of unfinished quotes at once", () => {
    const started = performance.now()
    assert.isTrue(Option.isNone(splitWords(`"${'\\"'.repeat(500_000)}`)))
    assert.isBelow(performance.now() - started, 2000)
  })
})
