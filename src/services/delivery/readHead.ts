/** Reads as much of an answer's body as is wanted: a server may send without end. */
import { Effect, Stream } from "effect"
import type { HttpClientResponse } from "effect/http"

/**
 * The body as text, up to `maxBytes`.
 *
 * **Details** What is beyond that is not read and the connection closed; `cutAtBytes` is then `maxBytes`.
 */
export const readHead = Effect.fnUntraced(function* (
  response: HttpClientResponse.HttpClientResponse,
  maxBytes: number
) {
  const chunks: Array<Uint8Array> = []
  let bytes = 0
  yield* Stream.runForEachWhile(response.stream, (chunk) =>
    Effect.sync(() => {
      chunks.push(chunk)
      bytes += chunk.length
      return bytes <= maxBytes
    })
  )
  const text = new TextDecoder().decode(Buffer.concat(chunks).subarray(0, maxBytes))
  return { text, cutAtBytes: bytes > maxBytes ? maxBytes : undefined }
})
