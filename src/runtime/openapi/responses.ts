/** Answers of a route, by status. */
import { type ContentSchema, type Handler, isContent } from "../Handler.ts"
import { type Failure, failuresOf } from "./failures.ts"
import type { Json, Schemas } from "./schemas.ts"

/** Each once in the document's components. */
export const headerFields: Readonly<Record<string, Json>> = {
  "X-Request-Id": {
    description: "8 hex digits that the server log has too; the id of the run that the request starts",
    required: true,
    schema: { type: "string", pattern: "^[0-9a-f]{8}$" }
  },
  "Retry-After": {
    description: "Seconds after which to ask again",
    required: true,
    schema: { type: "string", pattern: "^[0-9]+$" }
  },
  "WWW-Authenticate": { description: "How to show the token", required: true, schema: { type: "string" } },
  Allow: { description: "The methods of this path", required: true, schema: { type: "string" } },
  "Idempotency-Replayed": {
    description: "The answer is that of the first request with this `Idempotency-Key`",
    schema: { const: "true" }
  },
  "Content-Range": { description: "Which bytes of how many these are", required: true, schema: { type: "string" } }
}

const headersOf = (...names: ReadonlyArray<string>): Json =>
  Object.fromEntries(["X-Request-Id", ...names].map((name) => [name, { $ref: `#/components/headers/${name}` }]))

const pascalCase = (code: string): string =>
  code.replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

const failureSchema = ({ code, about, fields }: Failure, schemas: Schemas): Json => {
  const { properties = {}, required = [] } = fields === undefined ? {} : schemas.fieldsOf(fields)
  return schemas.named(pascalCase(code).replace(/(?:Error)?$/, "Error"), {
    type: "object",
    description: about,
    properties: {
      ok: { const: false },
      error: { type: "string", description: "One sentence" },
      code: { const: code },
      request_id: { type: "string", description: "The request, as in `X-Request-Id`" },
      ...properties
    },
    required: ["ok", "error", "code", "request_id", ...required]
  })
}

const exampleOf = ({ code, about, error }: Failure): Json => ({
  summary: about,
  value: { ok: false, error, code, request_id: "0a1b2c3d" }
})

/** One answer for all failures of a status: which it is, `code` says. */
export const failureResponse = (failures: ReadonlyArray<Failure>, schemas: Schemas): Json => {
  const each = failures.map((one) => failureSchema(one, schemas))
  const examples = failures.flatMap((one) => (one.error === undefined ? [] : [[one.code, exampleOf(one)] as const]))
  return {
    description: failures.map(({ code, about }) => `\`${code}\`: ${about}`).join("\n\n"),
    headers: headersOf(...new Set(failures.flatMap(({ headers }) => headers))),
    content: {
      "application/json": {
        schema: each.length === 1 ? each[0] : { oneOf: each },
        ...(examples.length > 0 && { examples: Object.fromEntries(examples) })
      }
    }
  }
}

const contentOf = ({ contents }: ContentSchema): Json =>
  Object.fromEntries(
    Object.entries(contents).map(([type, description]) => [
      type,
      { schema: type.startsWith("text/") ? { type: "string", description } : { description } }
    ])
  )

const successResponses = ({ success, headers, isIdempotent }: Handler<unknown>, schemas: Schemas): Json => {
  const replayed = isIdempotent ? ["Idempotency-Replayed"] : []
  if (!isContent(success)) {
    const content = { "application/json": { schema: schemas.of(success) } }
    return { 200: { description: "Done", headers: headersOf(...replayed), content } }
  }
  const content = contentOf(success)
  const isRanged = Object.values(headers ?? {}).some((name) => name.toLowerCase() === "range")
  return {
    200: { description: Object.values(success.contents).join("; "), headers: headersOf(), content },
    ...(isRanged && { 206: { description: "The range asked for", headers: headersOf("Content-Range"), content } })
  }
}

/** Success, and each status of a failure. */
export const responsesOf = (handler: Handler<unknown>, schemas: Schemas): Json => {
  const byStatus = Map.groupBy(failuresOf(handler), ({ status }) => status)
  const failed = [...byStatus].map(([status, failures]) => [status, failureResponse(failures, schemas)])
  return { ...successResponses(handler, schemas), ...Object.fromEntries(failed) }
}
