/** Reads and decodes what a request brings: its path, its header fields, and its query or its body. */
import { Effect, Exit, Schema } from "effect"
import { requestProblem } from "../domain/requestProblem.ts"
import type { Handler } from "./Handler.ts"
import { bodyTooLarge, invalid, type Refusal, timedOut, unsupportedMediaType } from "./refusals.ts"

/** A mebibyte. */
export const maxBodyBytes = 1024 * 1024
const bodyBoundSeconds = 30

const jsonType = /^application\/(?:[^\s;/]+\+)?json\s*(?:;|$)/i

/** A request as it came. */
export interface RawInput {
  readonly request: Request
  /** Segments of the path by their names, decoded. */
  readonly path: Readonly<Record<string, string>>
  /** Of a name that came twice the last value. */
  readonly query: Readonly<Record<string, string>>
}

/** What a request brings, as its handler's schema decodes it, and the fields that the schema does not know. */
export interface DecodedInput {
  readonly input: unknown
  readonly fields: ReadonlyArray<string>
  readonly unknownFields: ReadonlyArray<string>
}

/** Content type, size and schema, in this order; what fails first is the refusal. A query waits for nothing. */
export const decodeInput = <R>(handler: Handler<R>, raw: RawInput): Effect.Effect<DecodedInput, Refusal> => {
  const headers = Object.entries(handler.headers ?? {}).map(([field, name]) => [field, headerOf(raw.request, name)])
  const decoded = (given: Record<string, unknown>) =>
    decode(handler, { ...given, ...Object.fromEntries(headers), ...raw.path })
  return handler.method === "GET" ? decoded(raw.query) : Effect.flatMap(bodyOf(handler, raw.request), decoded)
}

/** `Range` is for `GET` alone (RFC 9110, section 14.2). */
const headerOf = ({ method, headers }: Request, name: string): string | null =>
  method === "HEAD" && name === "Range" ? null : headers.get(name)

const bodyOf = Effect.fnUntraced(function* <R>(
  handler: Handler<R>,
  request: Request
): Effect.fn.Return<Record<string, unknown>, Refusal> {
  const isTyped = request.headers.has("content-type")
  if (handler.isBodyOptional && !isTyped) {
    const bytes = yield* readBody(request)
    return yield* bytes.length === 0 ? Effect.succeed({}) : Effect.fail(unsupportedMediaType)
  }
  if (!jsonType.test(request.headers.get("content-type") ?? "")) return yield* Effect.fail(unsupportedMediaType)
  const bytes = yield* readBody(request)
  return handler.isBodyOptional && bytes.length === 0 ? {} : yield* parse(bytes)
})

const readBody = (request: Request): Effect.Effect<Buffer, Refusal> => {
  const announced = Number(request.headers.get("content-length") ?? 0)
  if (announced > maxBodyBytes || request.body === null) {
    return announced > maxBodyBytes ? Effect.fail(bodyTooLarge(maxBodyBytes)) : Effect.succeed(Buffer.alloc(0))
  }
  const reader = request.body.getReader()
  const next = Effect.tryPromise({ try: () => reader.read(), catch: () => invalid("the body ended before its end") })
  const all = Effect.gen(function* () {
    const chunks: Array<Uint8Array> = []
    let length = 0
    for (;;) {
      const { done, value } = yield* next
      if (done) return Buffer.concat(chunks)
      length += value.length
      if (length > maxBodyBytes) return yield* Effect.fail(bodyTooLarge(maxBodyBytes))
      chunks.push(value)
    }
  })
  return Effect.timeoutOrElse(all, {
    duration: `${bodyBoundSeconds} seconds`,
    orElse: () => Effect.fail(timedOut)
  })
}

/** `JSON.parse` takes the last of duplicate keys; a byte order mark is dropped. */
const parse = Effect.fnUntraced(function* (bytes: Buffer): Effect.fn.Return<Record<string, unknown>, Refusal> {
  const text = yield* Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    catch: () => invalid("the body is not UTF-8")
  })
  const json = yield* Effect.try({
    try: (): unknown => JSON.parse(text),
    catch: () => invalid("the body is not JSON")
  })
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Record<string, unknown>
  return yield* Effect.fail(invalid("the body must be a JSON object"))
})

/** `null` counts as absent. */
const decode = <R>(handler: Handler<R>, json: Record<string, unknown>): Exit.Exit<DecodedInput, Refusal> => {
  const present = Object.entries(json).filter(([, value]) => value !== null)
  const names = present.map(([name]) => name)
  return Exit.mapBoth(Schema.decodeUnknownExit(handler.request)(Object.fromEntries(present)), {
    onFailure: ({ issue }) => invalid(requestProblem(issue, handler.headers).message),
    onSuccess: (input) => ({
      input,
      fields: names.filter((name) => Object.hasOwn(handler.request.fields, name)),
      unknownFields: Object.keys(json).filter((name) => !Object.hasOwn(handler.request.fields, name))
    })
  })
}
