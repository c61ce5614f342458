import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import { missing } from "../../src/domain/RunRequest.ts"
import { decodeInput } from "../../src/runtime/body.ts"
import { handler } from "../../src/runtime/Handler.ts"
import { bodyTooLarge, invalid, timedOut, unsupportedMediaType } from "../../src/runtime/refusals.ts"

const Text = Schema.String.annotate({ message: "must be a string" })
const Input = Schema.Struct({
  text: Text.annotateKey({ messageMissingKey: missing }),
  more: Schema.optionalKey(Text)
}).check(Schema.makeFilter(({ text }) => (text === "bad" ? "'text' and all else is bad" : undefined)))

const definition = {
  summary: "Takes a text",
  path: "/x",
  access: "token",
  request: Input,
  success: Schema.Void,
  errors: {},
  body: () => Effect.void
} as const
const post = handler({ ...definition, method: "POST" })
const get = handler({ ...definition, method: "GET", request: Schema.Struct({}) })
const optional = handler({
  ...definition,
  method: "POST",
  request: Schema.Struct({ more: Schema.optionalKey(Text) }),
  isBodyOptional: true
})

type Body = NonNullable<RequestInit["body"]> | null

const json = { "content-type": "application/json" }
const request = (body: Body, headers: Record<string, string> = json) =>
  new Request("http://localhost/x", { method: "POST", body, headers, duplex: "half" } as RequestInit)
const sent = (request: Request) => ({ request, path: {}, query: {} })
const decode = (body: Body, headers?: Record<string, string>) => decodeInput(post, sent(request(body, headers)))
const refusal = (...given: Parameters<typeof decode>) => Effect.flip(decode(...given))

/** A body that comes in these pieces and then ends, fails, or never ends. */
const stream = (pieces: ReadonlyArray<Uint8Array>, end: "end" | "fail" | "never" = "end") => {
  const left = [...pieces]
  return new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const piece = left.shift()
      if (piece !== undefined) controller.enqueue(piece)
      else if (end === "end") controller.close()
      else if (end === "fail") controller.error(new Error("reset"))
      return left.length === 0 && end === "never" ? new Promise<void>(() => undefined) : undefined
    }
  })
}

const decoded = (input: unknown, fields = Object.keys(input as object), unknownFields: ReadonlyArray<string> = []) => ({
  input,
  fields,
  unknownFields
})

describe("a body's content type", () => {
  const accepted = [
    "application/json",
    "APPLICATION/JSON",
    "application/json; charset=utf-8",
    "application/json ;x=y",
    "application/problem+json",
    "application/vnd.x.y-z+json;v=1"
  ]
  for (const type of accepted) {
    it.live(`may be ${type}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* decode('{"text":"a"}', { "content-type": type }), decoded({ text: "a" }))
      })
    )
  }

  const refused = [
    "",
    "text/plain",
    "application/jsonx",
    "application/x-json",
    "text/json",
    "application/+json",
    "json"
  ]
  for (const type of refused.concat("application/x-www-form-urlencoded", "multipart/form-data", "x application/json")) {
    it.live(`may not be '${type}'`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* refusal('{"text":"a"}', { "content-type": type }), unsupportedMediaType)
      })
    )
  }

  it.live("is needed", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* refusal(Buffer.from('{"text":"a"}'), {}), unsupportedMediaType)
      assert.strictEqual(yield* refusal(null, {}), unsupportedMediaType)
    })
  )
})

describe("a body's text", () => {
  it.live("is UTF-8, with a byte order mark or without", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* decode('\ufeff{"text":"é😀"}'), decoded({ text: "é😀" }))
      for (const bytes of [[0xff], [0x7b, 0xc3, 0x7d], [0xed, 0xa0, 0x80]]) {
        assert.deepStrictEqual(yield* refusal(new Uint8Array(bytes)), invalid("the body is not UTF-8"))
      }
    })
  )

  it.live("is one JSON object", () =>
    Effect.gen(function* () {
      for (const text of [
        "",
        " ",
        "{",
        "{'text':1}",
        '{"text":"a"} x',
        '{"text":NaN}',
        "undefined",
        "{}{}",
        "\ufeff\ufeff{}"
      ]) {
        assert.deepStrictEqual(yield* refusal(text), invalid("the body is not JSON"), text)
      }
      for (const text of ["null", "[]", '[{"text":"a"}]', '"text"', "1", "true"]) {
        assert.deepStrictEqual(yield* refusal(text), invalid("the body must be a JSON object"), text)
      }
    })
  )

  it.live("may be nested as deep as it is long", () =>
    Effect.gen(function* () {
      const deep = `{"text":"a","deep":${"[".repeat(100_000)}${"]".repeat(100_000)}}`
      const result = yield* Effect.result(decode(deep))
      if (result._tag === "Failure") assert.deepStrictEqual(result.failure, invalid("the body is not JSON"))
    })
  )
})

describe("a body's fields", () => {
  it.live("are decoded, and the unknown ones are named", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* decode('{"a":1,"text":"x","b":null,"more":"y","__proto__":{"text":"z"},"constructor":1}'),
        decoded({ text: "x", more: "y" }, ["text", "more"], ["a", "b", "__proto__", "constructor"])
      )
    })
  )

  it.live("count as absent when they are null", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* decode('{"text":"x","more":null}'), decoded({ text: "x" }))
      assert.deepStrictEqual(yield* refusal('{"text":null}'), invalid("missing 'text'"))
    })
  )

  it.live("count by their last value when they come twice", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* decode('{"text":1,"text":"x"}'), decoded({ text: "x" }))
      assert.deepStrictEqual(yield* decode('{"text":"x","more":"y","more":null}'), decoded({ text: "x" }))
    })
  )

  it.live("are named where they are wrong or missing", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* refusal("{}"), invalid("missing 'text'"))
      assert.deepStrictEqual(yield* refusal('{"text":1}'), invalid("'text' must be a string"))
      assert.deepStrictEqual(yield* refusal('{"text":"x","more":[]}'), invalid("'more' must be a string"))
      assert.deepStrictEqual(yield* refusal('{"text":"bad"}'), invalid("'text' and all else is bad"))
    })
  )
})

const mebibyte = 2 ** 20
const ofLength = (length: number) => `{"text":"${"x".repeat(length - 11)}"}`

describe("a body's size", () => {
  it.live("may be 1 MiB", () =>
    Effect.gen(function* () {
      const { input } = yield* decode(ofLength(mebibyte))
      assert.lengthOf((input as { text: string }).text, mebibyte - 11)
    })
  )

  it.live("may not be more, whether announced or not", () =>
    Effect.gen(function* () {
      const tooLarge = bodyTooLarge(mebibyte)
      const text = ofLength(mebibyte + 1)
      assert.deepStrictEqual(yield* refusal(text), tooLarge)
      assert.deepStrictEqual(yield* refusal(stream([Buffer.from(text)])), tooLarge)
      assert.deepStrictEqual(yield* refusal("{}", { ...json, "content-length": String(mebibyte + 1) }), tooLarge)
    })
  )

  it.live("is found to be too much before all of it has come", () =>
    Effect.gen(function* () {
      const pieces = Array.from({ length: 5 }, () => new Uint8Array(mebibyte / 4 + 1))
      assert.deepStrictEqual(yield* refusal(stream(pieces, "never")), bodyTooLarge(mebibyte))
    })
  )
})

describe("a body that does not come", () => {
  it.live("is refused where the connection breaks", () =>
    Effect.gen(function* () {
      const broken = stream([Buffer.from('{"text":')], "fail")
      assert.deepStrictEqual(yield* refusal(broken), invalid("the body ended before its end"))
    })
  )

  it.effect("is waited for 30 seconds", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(refusal(stream([Buffer.from("{")], "never")), { startImmediately: true })
      yield* TestClock.adjust("29999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(fiber), timedOut)
    })
  )
})

const read = (body: Body, headers: Record<string, string>) => decodeInput(optional, sent(request(body, headers)))

describe("a body that need not be", () => {
  it.live("may be absent or empty, with or without a content type", () =>
    Effect.gen(function* () {
      const nothing = decoded({})
      assert.deepStrictEqual(yield* read(null, {}), nothing)
      assert.deepStrictEqual(yield* read(null, { "content-length": "0" }), nothing)
      assert.deepStrictEqual(yield* read(null, json), nothing)
      assert.deepStrictEqual(yield* read("", json), nothing)
      assert.deepStrictEqual(yield* read("{}", json), nothing)
      assert.deepStrictEqual(yield* read('{"more":"a"}', json), decoded({ more: "a" }))
    })
  )

  it.live("is judged like any other where it is there", () =>
    Effect.gen(function* () {
      const form = { "content-type": "text/plain" }
      assert.strictEqual(yield* Effect.flip(read("{}", form)), unsupportedMediaType)
      assert.strictEqual(yield* Effect.flip(read(null, form)), unsupportedMediaType)
      assert.strictEqual(yield* Effect.flip(read(Buffer.from("{}"), { "content-length": "2" })), unsupportedMediaType)
      const chunked = { "transfer-encoding": "chunked" }
      assert.strictEqual(yield* Effect.flip(read(Buffer.from("{}"), chunked)), unsupportedMediaType)
      assert.deepStrictEqual(yield* Effect.flip(read(" ", json)), invalid("the body is not JSON"))
      assert.deepStrictEqual(yield* Effect.flip(read('{"more":1}', json)), invalid("'more' must be a string"))
    })
  )

  it.live("is not looked at in a GET", () =>
    Effect.gen(function* () {
      const answered = yield* decodeInput(
        get,
        sent(new Request("http://localhost/x", { headers: { "content-length": "9" } }))
      )
      assert.deepStrictEqual(answered, decoded({}))
    })
  )
})
