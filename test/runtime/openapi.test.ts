import { assert, describe, it } from "@effect/vitest"
import { Validator } from "@seriousme/openapi-schema-validator"
import { Effect, Schema } from "effect"
import { handlers } from "../../handlers/index.ts"
import { openapi } from "../../handlers/openapi.ts"
import manifest from "../../package.json" with { type: "json" }
import { codeOf } from "../../src/domain/errors.ts"
import { type Handlers, handler } from "../../src/runtime/Handler.ts"
import { openApiDocument } from "../../src/runtime/openapi/document.ts"
import * as refusals from "../../src/runtime/refusals.ts"
import { makeApiContract, type Part } from "../support/apiContract.ts"
import { openApp } from "./kitchenApp.ts"

const document = openApiDocument(handlers)
const plain: Part = JSON.parse(JSON.stringify(document))
const schemas = plain.components?.schemas ?? {}
const { operations } = makeApiContract(document)
const withColons = (path: string) => path.replace(/\{(\w+)\}/g, ":$1")
const textOf = (part: unknown) => JSON.stringify(part)

/** A route with all that a request can bring. */
const shelf = handler({
  summary: "Looks into a shelf",
  method: "GET",
  path: "/shelves/:shelf/jars",
  access: "tokenOrTicket",
  request: Schema.Struct({
    shelf: Schema.String,
    range: Schema.optionalKey(Schema.String),
    label: Schema.optionalKey(Schema.NumberFromString).annotateKey({ description: "What is on the jar" })
  }),
  headers: { range: "Range" },
  success: { contents: { "text/plain": "jars", "application/x-jars": "sealed jars" } },
  errors: {},
  body: () => Effect.succeed({ headers: { "Content-Type": "text/plain" }, body: "jam" })
})
/** A body beside a segment. */
const fill = handler({
  summary: "Fills a shelf",
  method: "POST",
  path: "/shelves/:shelf",
  access: "public",
  request: Schema.Struct({ shelf: Schema.String, jars: Schema.Int }),
  success: Schema.Struct({ ok: Schema.Literal(true) }),
  errors: {},
  body: () => Effect.succeed({ ok: true as const })
})

/** Takes nothing and says nothing. */
const ring = handler({
  summary: "Rings",
  method: "POST",
  path: "/ring",
  access: "public",
  request: Schema.Struct({}),
  isBodyOptional: true,
  success: Schema.Struct({}),
  errors: {},
  body: () => Effect.succeed({})
})

const extended: Handlers<never> = {
  ...(handlers as unknown as Handlers<never>),
  openapi: openapi((): Handlers<unknown> => extended),
  shelf,
  fill,
  ring
}
const extendedPart: Part = JSON.parse(JSON.stringify(openApiDocument(extended)))
const securityOf = (path: string, method: string) => extendedPart.paths?.[path]?.[method]?.security as unknown

describe("the OpenAPI document", () => {
  it("is valid, as the specification's own schema of 3.1 says", async () => {
    for (const one of [document, openApiDocument(extended)]) {
      const { valid, errors } = await new Validator().validate(JSON.parse(JSON.stringify(one)))
      assert.isTrue(valid, textOf(errors))
    }
  })

  it("has every route under its handler's name, and no other", () => {
    const documented = operations.map(({ id, method, path }) => `${id}: ${method} ${withColons(path)}`)
    const mounted = Object.entries(handlers).map(([name, { method, path }]) => `${name}: ${method} ${path}`)
    assert.deepStrictEqual(documented.toSorted(), mounted.toSorted())
  })

  it("has every failure of an operation with its status and code", () => {
    for (const [name, { method, path, errors }] of Object.entries(handlers)) {
      const operation = plain.paths?.[path.replace(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()]
      for (const [tag, { status }] of Object.entries<{ readonly status: number }>(errors)) {
        assert.include(textOf(operation?.responses?.[status]), `\`${codeOf(tag)}\``, `${name} ${tag}`)
      }
    }
  })

  it("has every refusal of the runtime", () => {
    const made = [refusals.invalid(""), refusals.programNotAllowed(""), refusals.bodyTooLarge(1)]
    const constants = Object.values(refusals).filter((one) => typeof one === "object" && "code" in one)
    const known = [...made, ...constants, refusals.methodNotAllowed([])].map(({ code }) => code)
    const documented = Object.values(schemas).map(({ properties }) => properties?.code?.const as unknown)
    for (const code of known) assert.include(documented, code)
  })

  it("has the version of the package", () => {
    assert.strictEqual(document.info.version, manifest.version)
  })

  it("speaks of numbers as callers may write them, and of nothing that is Effect's", () => {
    const { anyOf } = schemas.RunRequest?.properties?.codex_exec_delay_seconds ?? {}
    const [number, text] = Array.isArray(anyOf) ? anyOf : []
    assert.deepStrictEqual(number, { type: "number", minimum: 0, maximum: 86_400 })
    assert.strictEqual(text?.type, "string")
    const whole = textOf(document)
    for (const word of ["$defs", "9007199254740991", '"not"', "allOf", "~effect"]) assert.notInclude(whole, word)
  })

  it("describes every field of a request", () => {
    for (const [name, { request }] of Object.entries(handlers)) {
      const { identifier = "" } = Schema.resolveAnnotations(request) ?? {}
      for (const [field, { description }] of Object.entries(schemas[String(identifier)]?.properties ?? {})) {
        assert.isString(description, `${name}: ${field}`)
      }
    }
  })

  it("puts segments into the path, header fields into the header, and the rest into query or body", () => {
    const { get } = extendedPart.paths?.["/shelves/{shelf}/jars"] ?? {}
    assert.deepStrictEqual(get?.parameters as unknown, [
      { name: "shelf", in: "path", required: true, schema: { type: "string" } },
      { name: "Range", in: "header", required: false, schema: { type: "string" } },
      { name: "label", in: "query", required: false, description: "What is on the jar", schema: { type: "string" } }
    ])
    const { post } = extendedPart.paths?.["/shelves/{shelf}"] ?? {}
    assert.deepStrictEqual(post?.requestBody as unknown, {
      required: true,
      content: {
        "application/json": {
          schema: { type: "object", properties: { jars: { type: "integer" } }, required: ["jars"] }
        }
      }
    })
  })

  it("says who may call: the token's holder, a run too, or anybody", () => {
    const token = [{ token: [] }, { looperToken: [] }]
    assert.deepStrictEqual(securityOf("/shelves/{shelf}/jars", "get"), [...token, { runTicket: [] }])
    assert.deepStrictEqual(securityOf("/kill", "post"), token)
    assert.deepStrictEqual(securityOf("/shelves/{shelf}", "post"), [])
  })

  it("has the media types of content, and 206 where a range is taken", () => {
    const { responses = {} } = extendedPart.paths?.["/shelves/{shelf}/jars"]?.get ?? {}
    assert.hasAllKeys(responses["200"]?.content, ["text/plain", "application/x-jars"])
    assert.hasAllKeys(responses["206"]?.content, ["text/plain", "application/x-jars"])
    assert.property(responses["206"]?.headers, "Content-Range")
    assert.notProperty(plain.paths?.["/docs"]?.get?.responses, "206")
  })

  it("asks for no body where there is no field, and promises an object where there is none", () => {
    const { post } = extendedPart.paths?.["/ring"] ?? {}
    assert.notProperty(post, "requestBody")
    const { schema } = post?.responses?.["200"]?.content?.["application/json"] ?? {}
    assert.deepStrictEqual(schema as unknown, { type: "object" })
  })

  it("refuses two schemas of one name", () => {
    const other = Schema.Struct({ other: Schema.String }).annotate({ identifier: "KillAnswer" })
    assert.throws(() => openApiDocument({ ...handlers, fill: { ...fill, success: other } }), /KillAnswer/)
  })

  it.live("has a handler that was added to the record, which is served, with nothing else said", () =>
    Effect.gen(function* () {
      const app = yield* openApp(undefined, {}, { handlers: { shelf, fill, openapi: extended.openapi ?? shelf } })
      const { body } = yield* app.request("/openapi.json")
      assert.containsAllKeys(body.paths, ["/shelves/{shelf}/jars", "/shelves/{shelf}", "/openapi.json", "/run"])
      const headers = { "content-type": "application/json" }
      const filled = yield* app.request("/shelves/a", { method: "POST", headers, body: '{"jars":3}' })
      assert.deepStrictEqual([filled.status, filled.text], [200, '{"ok":true}\n'])
    })
  )
})
