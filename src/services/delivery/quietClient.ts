/** The HTTP client of the notifiers. */
import { Effect, Option } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"

/**
 * Provides a client that tells nobody where it goes.
 *
 * **Details** A redirect is not followed: it would turn the POST into a GET. No span: it would carry address and
 * headers.
 */
export const provideQuietly = Effect.fnUntraced(function* (client: HttpClient.HttpClient) {
  const init = Option.getOrElse(yield* Effect.serviceOption(FetchHttpClient.RequestInit), () => ({}))
  return <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(
      Effect.provideService(HttpClient.HttpClient, client),
      Effect.provideService(FetchHttpClient.RequestInit, { ...init, redirect: "manual" }),
      Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
    )
})
