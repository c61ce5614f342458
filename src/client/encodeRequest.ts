/** A handler's input as what is sent: path, query, header fields and body. */
import { Effect, Result, Schema } from "effect"
import { requestProblem } from "../domain/requestProblem.ts"
import type { RequestSchema } from "../runtime/Handler.ts"
import { RequestInvalid } from "./clientErrors.ts"

/** Of a handler, what a request to it is made of. */
export interface RequestShape {
  readonly method: "GET" | "POST"
  readonly path: string
  readonly request: RequestSchema
  readonly headers?: Readonly<Record<string, string>>
}

/** A request without the server's address. */
export interface EncodedRequest {
  readonly method: "GET" | "POST"
  /** Begins with `/`; each segment percent-encoded. */
  readonly path: string
  readonly query: ReadonlyArray<readonly [name: string, value: string]>
  readonly headers: Readonly<Record<string, string>>
  /** JSON, of a `POST`. */
  readonly body: string | undefined
}

/**
 * Encodes an input by the handler's schema.
 *
 * **Details** A field may also come as it is sent, such as the `cursor` that an answer calls `next_cursor`.
 *
 * **Errors** `RequestInvalid`: the server would refuse it, or no URL or header field can hold it.
 */
export const encodeRequest = Effect.fnUntraced(function* (
  shape: RequestShape,
  input: Readonly<Record<string, unknown>>
): Effect.fn.Return<EncodedRequest, RequestInvalid> {
  const given = Object.entries(input).filter(([, value]) => value !== undefined)
  const decoded = Object.fromEntries(given.map(([field, value]) => [field, decodedField(shape.request, field, value)]))
  const encoded = yield* Schema.encodeUnknownEffect(shape.request)(decoded).pipe(
    // The server would say it in the words of what is sent.
    Effect.tapError(() => Schema.decodeUnknownEffect(shape.request)(Object.fromEntries(given))),
    Effect.mapError(({ issue }) => new RequestInvalid(requestProblem(issue)))
  )
  const rest = new Map(Object.entries(encoded as Readonly<Record<string, unknown>>))
  const take = (field: string): unknown => {
    const value = rest.get(field)
    rest.delete(field)
    return value
  }
  const segments: Array<string> = []
  for (const segment of shape.path.split("/")) {
    segments.push(segment.startsWith(":") ? yield* pathSegment(segment.slice(1), take(segment.slice(1))) : segment)
  }
  const headers: Record<string, string> = {}
  for (const [field, name] of Object.entries(shape.headers ?? {})) {
    const value = take(field)
    if (value !== undefined) headers[name] = yield* headerValue(field, value)
  }
  const isGet = shape.method === "GET"
  return {
    method: shape.method,
    path: segments.join("/"),
    query: isGet ? [...rest].map(([name, value]) => [name, String(value)] as const) : [],
    headers,
    body: isGet ? undefined : JSON.stringify(Object.fromEntries(rest))
  }
})

const decodedField = (schema: RequestSchema, field: string, value: unknown): unknown => {
  const codec = schema.fields[field] as Schema.Codec<unknown, unknown> | undefined
  if (codec === undefined || Schema.is(codec)(value)) return value
  const decoded = Schema.decodeUnknownResult(codec)(value)
  return Result.isSuccess(decoded) ? decoded.success : value
}

/** A `.` or `..` is a step of the path however it is encoded. */
const pathSegment = (field: string, value: unknown): Effect.Effect<string, RequestInvalid> => {
  const text = String(value)
  const isSegment = text !== "" && text !== "." && text !== ".." && text.isWellFormed()
  return isSegment
    ? Effect.succeed(encodeURIComponent(text))
    : Effect.fail(
        new RequestInvalid({ field, message: `'${field}' must not be empty, a dot, two dots or broken text` })
      )
}

const headerValue = (field: string, value: unknown): Effect.Effect<string, RequestInvalid> => {
  const text = String(value)
  return /^[\x20-\x7e]*$/.test(text)
    ? Effect.succeed(text)
    : Effect.fail(new RequestInvalid({ field, message: `'${field}' must be printable ASCII` }))
}
