/** GET /openapi.json: what every route takes and answers. */
import { Effect, Schema } from "effect"
import { EmptyRequest } from "../src/domain/RunRequest.ts"
import { type Handlers, handler } from "../src/runtime/Handler.ts"
import { openApiDocument } from "../src/runtime/openapi/document.ts"

const Document = Schema.Record(Schema.String, Schema.Unknown).annotate({ identifier: "OpenApiDocument" })

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
