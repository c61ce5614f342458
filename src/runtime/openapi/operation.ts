/** What a route takes: its path, its header fields, its query or its body. */
import { maxKeyLength } from "../idempotency.ts"
import type { Access, Handler } from "../Handler.ts"
import { pathFields } from "../routes.ts"
import { responsesOf } from "./responses.ts"
import type { Fields, Json, Schemas } from "./schemas.ts"

const key: Json = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description:
    "A repeat with the same key and body gets the first answer, and nothing is done again; what took the run lock is kept for 24 hours",
  schema: { type: "string", minLength: 1, maxLength: maxKeyLength, pattern: "^[!-~]+$" }
}

/** Where one field of a request comes from. */
interface Place {
  readonly in: "path" | "header" | "query" | "body"
  readonly name: string
}

const placesOf = ({ method, path, headers = {} }: Handler<unknown>) => {
  const segments = pathFields(path)
  return (field: string): Place => {
    if (segments.includes(field)) return { in: "path", name: field }
    const header = headers[field]
    if (header !== undefined) return { in: "header", name: header }
    return { in: method === "GET" ? "query" : "body", name: field }
  }
}

const parameter = (place: Place, { description, ...schema }: Json, isRequired: boolean): Json => ({
  ...place,
  required: isRequired || place.in === "path",
  ...(description !== undefined && { description }),
  schema
})

const bodyOf = (handler: Handler<unknown>, fields: Fields, schemas: Schemas): Json | undefined => {
  const names = Object.keys(fields.properties)
  if (names.length === 0) return undefined
  const isWhole = names.length === Object.keys(handler.request.fields).length
  const schema = isWhole ? schemas.of(handler.request) : { type: "object", ...fields }
  return { required: handler.isBodyOptional !== true, content: { "application/json": { schema } } }
}

const bearer = [{ token: [] }, { looperToken: [] }]
const security: { readonly [A in Access]: ReadonlyArray<Json> } = {
  public: [],
  publicWithToken: [],
  token: bearer,
  tokenOrTicket: [...bearer, { runTicket: [] }]
}

/** A route as OpenAPI says it; its id is the handler's name. */
export const operationOf = (options: {
  readonly name: string
  readonly tag: string
  readonly handler: Handler<unknown>
  readonly schemas: Schemas
}): Json => {
  const { name, tag, handler, schemas } = options
  const { properties, required } = schemas.fieldsOf(handler.request)
  const placeOf = placesOf(handler)
  const parameters = Object.entries(properties).flatMap(([field, schema]) => {
    const place = placeOf(field)
    return place.in === "body" ? [] : [parameter(place, schema, required.includes(field))]
  })
  const isInBody = (field: string) => placeOf(field).in === "body"
  const inBody = {
    properties: Object.fromEntries(Object.entries(properties).filter(([field]) => isInBody(field))),
    required: required.filter(isInBody)
  }
  const requestBody = bodyOf(handler, inBody, schemas)
  const all = handler.isIdempotent ? [...parameters, key] : parameters
  return {
    operationId: name,
    summary: handler.summary,
    tags: [tag],
    security: security[handler.access],
    ...(all.length > 0 && { parameters: all }),
    ...(requestBody !== undefined && { requestBody }),
    responses: responsesOf(handler, schemas)
  }
}
