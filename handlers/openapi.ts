/** GET /openapi.json: what every route takes and answers. */
import { Effect, Schema } from "effect"
import { EmptyRequest } from "../src/domain/RunRequest.ts"
import { type Handlers, handler } from "../src/runtime/Handler.ts"
import { openApiDocument } from "../src/runtime/openapi/document.ts"

const Part = Schema.Record(Schema.String, Schema.Unknown)

const Document = Schema.Struct({
  openapi: Schema.String.annotateKey({ description: "Version of OpenAPI" }),
  info: Schema.Struct({ title: Schema.String, version: Schema.String, description: Schema.String }).annotateKey({
    description: "`version` is Looper's"
  }),
  servers: Schema.Array(Part),
  tags: Schema.Array(Part),
  paths: Part.annotateKey({ description: "Every route; `operationId` is its handler's name" }),
  components: Part
}).annotate({ identifier: "OpenApiDocument" })

/** Of the record that it is in itself; made once, when it is first asked for. */
export const openapi = (handlers: () => Handlers<unknown>) => {
  let document: typeof Document.Type | undefined
  return handler({
    summary: "This document: OpenAPI 3.1, made from the values that decode requests",
    method: "GET",
    path: "/openapi.json",
    access: "token",
    request: EmptyRequest,
    success: Document,
    errors: {},
    body: () => Effect.sync(() => (document ??= openApiDocument(handlers())))
  })
}
