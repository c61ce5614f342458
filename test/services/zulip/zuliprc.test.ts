import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { parseZuliprc } from "../../../src/services/zulip/zuliprc.ts"

/** Sections and options as plain objects. */
const read = (text: string) =>
  Object.fromEntries(
    [...Result.getOrThrow(parseZuliprc(text))].map(([name, options]) => [name, Object.fromEntries(options)])
  )

const problem = (text: string): string => Result.getOrThrow(Result.flip(parseZuliprc(text)))

const one = (...texts: ReadonlyArray<string>) => Arbitrary.schema(Schema.Literals(texts))

/** One option as it may be written, its name and the value it means. */
const written = Arbitrary.flatMap(one("email", "KEY", "Site", "cert_bundle"), (name) =>
  Arbitrary.flatMap(one("a@b.c", "x=y", "x:y", "a # b", "a ; b", "[a]", "50%%", "a\n  b", "a\n\n\tb", ""), (value) =>
    Arbitrary.map(one("=", ":", " = ", "\t: "), (delimiter) => ({
      name: name.toLowerCase(),
      value: value.replace(/\n[ \t]+/g, "\n").replace("%%", "%"),
      line: `${name}${delimiter}${value}`
    }))
  )
)

const noise = one("", "# key=old", "; [old]", "   # indented", "\t")

const options = Arbitrary.array(
  Arbitrary.flatMap(written, (option) => Arbitrary.map(noise, (before) => ({ ...option, before }))),
  { maxLength: 4 }
)

const pieces = Arbitrary.array(
  one("[api]", "[api", "[DEFAULT]", "key", "=", ":", "s3cret", " ", "\n", "\n", "\r", "\n ", "%", "#", ";", "\uFEFF"),
  { maxLength: 20 }
)

describe("parseZuliprc", () => {
  it("reads sections and options", () => {
    const text =
      "\uFEFF# made by Zulip\n[api]\nemail=bot@x.org\nkey=abc\r\nsite=https://x.org\n\n[ other ] x\nKey : d=e:f\n"
    assert.deepStrictEqual(read(text), {
      api: { email: "bot@x.org", key: "abc", site: "https://x.org" },
      " other ": { key: "d=e:f" }
    })
  })

  it("keeps what follows a comment sign inside a value", () => {
    assert.deepStrictEqual(read("[api]\nkey=a#b ; c"), { api: { key: "a#b ; c" } })
  })

  it("adds indented lines to the value above, but no comment", () => {
    assert.deepStrictEqual(read("[api]\nkey=a\n  b\n  # c\n\n  d\nemail=e"), { api: { key: "a\nb\n\nd", email: "e" } })
    assert.deepStrictEqual(read("  [api]\n  key=a\n  email=e"), { api: { key: "a", email: "e" } })
  })

  it("gives every section the options of [DEFAULT] that it has not itself", () => {
    assert.deepStrictEqual(read("[api]\nkey=a\n[DEFAULT]\nkey=b\nsite=c\n[other]"), {
      api: { key: "a", site: "c" },
      other: { key: "b", site: "c" }
    })
  })

  it.each([
    ["key=s3cret", "line 1: there is no [section] before it"],
    ["[api]\ns3cret", "line 2: it is neither a [section] nor name=value"],
    ["[api]\n=s3cret", "line 2: it is neither a [section] nor name=value"],
    ["[api]\nkey=s3cret\n\nKEY=s3cret", "line 4: section [api] has this option twice"],
    ["[api]\n[b]\n[api]", "line 3: section [api] is there twice"],
    ["[api]\nkey=s3cret%x", "section [api]: a % in a value must be written %%"]
  ])("refuses %j without repeating it", (text, expected) => {
    assert.strictEqual(problem(text), expected)
  })

  it.prop("finds every option however it is written", [options], ([list]) => {
    const unique = [...new Map(list.map((option) => [option.name, option])).values()]
    const text = ["[api]", ...unique.flatMap(({ before, line }) => [before, line])].join("\n")
    assert.deepStrictEqual(read(text), { api: Object.fromEntries(unique.map(({ name, value }) => [name, value])) })
  })

  it.prop(
    "answers any text with sections or with a sentence that shows no value",
    [pieces],
    ([list]) => {
      const result = parseZuliprc(`[x]\nkey=s3cret\n${list.join("")}`)
      if (Result.isFailure(result)) assert.notInclude(result.failure, "s3cret")
    },
    { arbitrary: { runs: 500 } }
  )
})
