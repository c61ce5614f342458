import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema, SchemaIssue } from "effect"
import { delaySecondsOf, NotifyRequest, RunRequest, SpawnRequest } from "../../src/domain/RunRequest.ts"

const format = SchemaIssue.makeFormatterStandardSchemaV1()
const message = { zulip_message: "m" }

/** `<field>: <issue>` of everything that is wrong. */
const problemsOf = (schema: Schema.Codec<unknown, unknown>, body: unknown): ReadonlyArray<string> =>
  Result.match(Schema.decodeUnknownResult(schema, { errors: "all" })(body), {
    onSuccess: () => [],
    onFailure: ({ issue }) => format(issue).issues.map((one) => `${one.path?.map(String).join(".")}: ${one.message}`)
  })
const problems = (body: unknown) => problemsOf(RunRequest, body)

const texts = ["codex_prompt", "prompt", "workspace", "codex_exec_binary", "zulip_script_path"]
const legacyDelays = [
  "startup_delay_seconds",
  "sidebar_delay_seconds",
  "new_task_delay_seconds",
  "prompt_send_delay_seconds"
]
const sumProblem =
  ": the sum of 'startup_delay_seconds', 'sidebar_delay_seconds', 'new_task_delay_seconds', " +
  "'prompt_send_delay_seconds' must be <= 86400"

describe("RunRequest", () => {
  it("needs a message that is not blank", () => {
    assert.deepStrictEqual(problems(message), [])
    for (const body of [{}, { zulip_message: "" }, { zulip_message: " \n\t\u00a0" }]) {
      assert.deepStrictEqual(problems(body), ["zulip_message: missing"])
    }
  })

  it("keeps the message as it came, for its handler to trim", () =>
    assert.deepStrictEqual(Schema.decodeUnknownSync(RunRequest)({ zulip_message: " m\n" }), { zulip_message: " m\n" }))

  for (const field of ["zulip_message", ...texts]) {
    it(`takes text alone for ${field}`, () => {
      for (const value of [1, true, [], {}, ["a"]]) {
        assert.deepStrictEqual(problems({ ...message, [field]: value }), [`${field}: must be a string`])
      }
      assert.deepStrictEqual(problems({ ...message, [field]: "a\0" }), [`${field}: must not contain a NUL byte`])
      assert.deepStrictEqual(problems({ ...message, [field]: "a\ud83d" }), [`${field}: must be valid Unicode`])
    })
  }

  it("lets prompt and workspace be blank, and no program", () => {
    for (const field of ["codex_prompt", "prompt", "workspace"]) {
      assert.deepStrictEqual(problems({ ...message, [field]: " " }), [])
      assert.deepStrictEqual(problems({ ...message, [field]: "" }), [])
    }
    for (const field of ["codex_exec_binary", "zulip_script_path"]) {
      assert.deepStrictEqual(problems({ ...message, [field]: " " }), [`${field}: must not be blank`])
      assert.deepStrictEqual(problems({ ...message, [field]: "" }), [`${field}: must not be blank`])
    }
  })

  it("bounds the trimmed prompt", () => {
    for (const field of ["codex_prompt", "prompt"]) {
      assert.deepStrictEqual(problems({ ...message, [field]: ` ${"x".repeat(131_071)}\n` }), [])
      assert.deepStrictEqual(problems({ ...message, [field]: "x".repeat(131_072) }), [
        `${field}: must be at most 131071 bytes long, it has 131072`
      ])
      assert.deepStrictEqual(problems({ ...message, [field]: " - " }), [
        `${field}: must not be '-': codex would read its prompt from stdin`
      ])
    }
  })

  it("checks the prompt that another one hides", () =>
    assert.deepStrictEqual(problems({ ...message, codex_prompt: "x", prompt: "a\0" }), [
      "prompt: must not contain a NUL byte"
    ]))

  for (const field of ["codex_exec_delay_seconds", ...legacyDelays]) {
    it(`bounds ${field} by a day`, () => {
      for (const value of [0, 86_400, "86400", " 1.5 "]) {
        assert.deepStrictEqual(problems({ ...message, [field]: value }), [])
      }
      assert.deepStrictEqual(problems({ ...message, [field]: 86_400.5 }), [`${field}: must be <= 86400`])
      assert.deepStrictEqual(problems({ ...message, [field]: "-1" }), [`${field}: must be >= 0`])
      for (const value of [true, "", " ", "x", "0x1", Number.NaN, [1]]) {
        assert.deepStrictEqual(problems({ ...message, [field]: value }), [`${field}: must be a number`])
      }
    })
  }

  it("bounds the startup check by an hour", () => {
    assert.deepStrictEqual(problems({ ...message, codex_exec_startup_check_seconds: 3_600 }), [])
    assert.deepStrictEqual(problems({ ...message, codex_exec_startup_check_seconds: 3_601 }), [
      "codex_exec_startup_check_seconds: must be <= 3600"
    ])
  })

  it("bounds the sum of the first Looper's delays, unless its own field counts", () => {
    const [one = "", two = ""] = legacyDelays
    assert.deepStrictEqual(problems({ ...message, [one]: 86_399, [two]: 1 }), [])
    assert.deepStrictEqual(problems({ ...message, [one]: 86_399, [two]: 1.5 }), [sumProblem])
    assert.deepStrictEqual(problems({ ...message, [one]: 86_400, [two]: 1, codex_exec_delay_seconds: 0 }), [])
  })

  it("drops what it does not know", () =>
    assert.deepStrictEqual(Schema.decodeUnknownSync(RunRequest)({ ...message, more: 1 }), message))
})

describe("delaySecondsOf", () => {
  it("is nothing where no delay was given", () => assert.isUndefined(delaySecondsOf({})))

  it("is the field of its own before all others", () =>
    assert.strictEqual(delaySecondsOf({ codex_exec_delay_seconds: 0, startup_delay_seconds: 5 }), 0))

  it.prop(
    "is the sum of the first Looper's delays that were given",
    [Arbitrary.array(Arbitrary.schema(Schema.Literals([-1, 0, 0.5, 1, 60])), { minLength: 4, maxLength: 4 })],
    ([values]) => {
      const given = legacyDelays.flatMap((field, index) => (values[index] === -1 ? [] : [[field, values[index]]]))
      const expected = given.length === 0 ? undefined : given.reduce((sum, [, value]) => sum + Number(value), 0)
      assert.strictEqual(delaySecondsOf(Object.fromEntries(given)), expected)
    }
  )
})

describe("SpawnRequest", () => {
  it("needs nothing", () => assert.deepStrictEqual(problemsOf(SpawnRequest, {}), []))

  it("knows neither message nor script", () =>
    assert.deepStrictEqual(Schema.decodeUnknownSync(SpawnRequest)({ ...message, zulip_script_path: "/x" }), {}))

  it("refuses a prompt that is empty", () => {
    const refused = [": 'codex_prompt' must not be empty"]
    for (const body of [{ codex_prompt: " " }, { prompt: "" }, { codex_prompt: "", prompt: "x" }]) {
      assert.deepStrictEqual(problemsOf(SpawnRequest, body), refused)
    }
    assert.deepStrictEqual(problemsOf(SpawnRequest, { codex_prompt: "x", prompt: "" }), [])
  })

  it("bounds the sum of its delays", () =>
    assert.deepStrictEqual(problemsOf(SpawnRequest, { startup_delay_seconds: 86_400, sidebar_delay_seconds: 1 }), [
      sumProblem
    ]))
})

describe("NotifyRequest", () => {
  it("needs a message that is not blank", () => {
    assert.deepStrictEqual(problemsOf(NotifyRequest, message), [])
    assert.deepStrictEqual(problemsOf(NotifyRequest, { zulip_message: " " }), ["zulip_message: missing"])
  })
})
