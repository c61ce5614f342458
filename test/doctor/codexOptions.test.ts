import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { codexOptions } from "../../src/doctor/codexOptions.ts"

const cases: ReadonlyArray<readonly [words: ReadonlyArray<string>, found: Partial<ReturnType<typeof codexOptions>>]> = [
  [[], { overrides: [], profile: undefined, repeated: [] }],
  [
    ["-c", "a=1", "-cb=2", "-c=c=3", "--config", "d=4", "--config=e=5"],
    { overrides: ["a=1", "b=2", "c=3", "d=4", "e=5"] }
  ],
  [["-m", "-c", "a=1"], { overrides: [] }],
  [["-o", "-c", "-c", "a=1"], { overrides: ["a=1"] }],
  [["-i", "x.png", "a=1", "-c", "b=2"], { overrides: ["b=2"] }],
  [["-c"], { overrides: [""] }],
  [["-c", "a=1", "--", "-c", "b=2"], { overrides: ["a=1"] }],
  [["-p", "fast"], { profile: "fast", repeated: [] }],
  [["--profile=fast", "-pslow"], { profile: "slow", repeated: ["--profile"] }],
  [["-s", "read-only", "-C/w"], { repeated: ["--sandbox", "--cd"] }],
  [["--yolo", "--ignore-user-config", "-"], { flags: new Set(["--yolo", "--ignore-user-config"]) }]
]

const texts = Arbitrary.schema(Schema.String)
const spellings = Arbitrary.schema(Schema.Literals(["-c", "--config", "-c=", "--config=", "-c<", "noise", "flag"]))
const lists = Arbitrary.array(
  Arbitrary.map(Arbitrary.array(texts, { minLength: 2, maxLength: 2 }), (pair) => pair),
  {
    maxLength: 6
  }
)

describe("codex' options", () => {
  it.each(cases)("%j are read as codex reads them", (words, found) => {
    assert.deepInclude(codexOptions(words), found)
  })

  it.prop(
    "find every override, in order, however it is written and whatever stands around it",
    [lists, Arbitrary.array(spellings, { minLength: 6, maxLength: 6 })],
    ([pairs, ways]) => {
      const wanted: Array<string> = []
      const words = pairs.flatMap(([key = "", value = ""], index) => {
        // A glued text that begins with `=` would lose it, as in codex.
        const text = `k${key}=${value}`
        const way = ways[index]
        if (way === "noise") return ["-m", text]
        if (way === "flag") return ["--oss"]
        wanted.push(text)
        if (way === "-c" || way === "--config") return [way, text]
        return [way === "-c<" ? `-c${text}` : `${way}${text}`]
      })
      assert.deepStrictEqual(codexOptions(words).overrides, wanted)
    }
  )
})
