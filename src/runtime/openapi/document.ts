/** The OpenAPI document of a record of handlers. */
import { version } from "../../version.ts"
import type { Handler, Handlers } from "../Handler.ts"
import { unrouted } from "./failures.ts"
import { operationOf } from "./operation.ts"
import { failureResponse, headerFields } from "./responses.ts"
import { type Json, makeSchemas } from "./schemas.ts"

const description = [
  "JSON in, JSON out, each body ending in a newline; times are ISO 8601 UTC with milliseconds. Fields of a request that",
  "are not named here are ignored, and `null` counts as absent. A `GET` may be a `HEAD`. Every answer has",
  "`X-Request-Id`, and every error `ok`, `error`, `code` and `request_id`."
].join(" ")

const securitySchemes = {
  token: {
    type: "http",
    scheme: "bearer",
    description: "`LOOPER_API_TOKEN`. Where none is set, this machine alone is answered, without one."
  },
  looperToken: { type: "apiKey", in: "header", name: "X-Looper-Token", description: "The same token." },
  runTicket: {
    type: "http",
    scheme: "bearer",
    description: "`LOOPER_RUN_TICKET` of a run that lives, from this machine."
  }
} as const

const firstSegment = (path: string): string => path.split("/")[1] ?? ""

/** Paths with a first segment in common go together; the others by what they do. */
const tagsOf = (handlers: Handlers<unknown>) => {
  const paths = new Set(Object.values(handlers).map(({ path }) => path))
  const shared = Map.groupBy(paths, firstSegment)
  return ({ method, path }: Handler<unknown>): string => {
    const first = firstSegment(path)
    if ((shared.get(first)?.length ?? 0) > 1) return first
    return method === "POST" ? "operations" : "service"
  }
}

/** A document of version 3.1; its parts are what JSON has. */
export interface OpenApiDocument {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly servers: ReadonlyArray<Json>
  readonly tags: ReadonlyArray<Json>
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>
  readonly components: Readonly<Record<"schemas" | "responses" | "headers" | "securitySchemes", Json>>
}

/** What the handlers say of their routes, as OpenAPI 3.1; the values that decode requests are the values documented. */
export const openApiDocument = (handlers: Handlers<unknown>): OpenApiDocument => {
  const schemas = makeSchemas()
  const tagOf = tagsOf(handlers)
  const paths: Record<string, Record<string, Json>> = {}
  for (const [name, handler] of Object.entries(handlers)) {
    const path = handler.path.replace(/:(\w+)/g, "{$1}")
    const operation = operationOf({ name, tag: tagOf(handler), handler, schemas })
    paths[path] = { ...paths[path], [handler.method.toLowerCase()]: operation }
  }
  const responses = Object.fromEntries(unrouted.map((one) => [one.code, failureResponse([one], schemas)]))
  return {
    openapi: "3.1.1",
    info: { title: "Looper", version, description },
    servers: [{ url: "/" }],
    tags: [...new Set(Object.values(handlers).map(tagOf))].map((name) => ({ name })),
    paths,
    components: { schemas: schemas.components, responses, headers: headerFields, securitySchemes }
  }
}
