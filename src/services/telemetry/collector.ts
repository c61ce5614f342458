/** The way to an OTLP collector: one try for each batch, few at a time; what does not arrive is dropped. */
import { Effect, Layer } from "effect"
import { FetchHttpClient, HttpClient, type HttpClientResponse } from "effect/http"
import { readHead } from "../delivery/readHead.ts"

/** A batch that is not taken by then is dropped. */
const answerSeconds = 5
/** OTLP answers with a few bytes. */
const maxAnswerBytes = 64 * 1024
/** Batches on their way, of spans and of records together; one more is dropped. */
const mostInFlight = 4

/** What is wrong with an answer, if anything is. Its body is read: an exporter would read it too, without a bound. */
const faultOf = Effect.fnUntraced(function* (response: HttpClientResponse.HttpClientResponse) {
  const { cutAtBytes } = yield* readHead(response, maxAnswerBytes).pipe(
    Effect.catchReason("HttpClientError", "EmptyBodyError", () => Effect.succeed({ cutAtBytes: undefined }))
  )
  if (response.status < 200 || response.status >= 300) return `status ${response.status}`
  return cutAtBytes === undefined ? undefined : `an answer of more than ${cutAtBytes} bytes`
})

/**
 * An HTTP client for exporters, which then send nothing for a minute after any failure.
 *
 * **Details** Every failure is a defect: an exporter would keep what it tries again, as long as a collector likes. A
 * redirect is a failure, because it would take the headers elsewhere. `tell` hears when it begins to fail, and when it
 * works again.
 */
export const layerCollector = (
  tell: (failure: string | undefined) => Effect.Effect<void>
): Layer.Layer<HttpClient.HttpClient> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      let inFlight = 0
      let isFailing = false
      const told = (failure: string | undefined) =>
        Effect.suspend(() => {
          if (isFailing === (failure !== undefined)) return Effect.void
          isFailing = failure !== undefined
          return tell(failure)
        })
      const fail = (failure: string) => Effect.andThen(told(failure), Effect.die(failure))
      return HttpClient.transform(client, (response) =>
        Effect.suspend(() => {
          if (inFlight >= mostInFlight) return fail(`${mostInFlight} batches have no answer yet`)
          inFlight += 1
          return response.pipe(
            Effect.tap((answer) =>
              Effect.flatMap(faultOf(answer), (fault) => (fault === undefined ? told(undefined) : fail(fault)))
            ),
            Effect.timeoutOrElse({
              duration: `${answerSeconds} seconds`,
              orElse: () => fail(`no answer within ${answerSeconds} s`)
            }),
            Effect.catch((error) => fail(error.reason._tag)),
            Effect.ensuring(Effect.sync(() => (inFlight -= 1)))
          )
        })
      )
    })
  ).pipe(
    Layer.provide(FetchHttpClient.layer),
    Layer.provide(Layer.succeed(FetchHttpClient.RequestInit, { redirect: "manual" }))
  )
