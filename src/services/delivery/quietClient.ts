/** The HTTP client of the notifiers. */
import { Effect } from "effect"
import { HttpClient } from "effect/http"

/** Provides a client that tells nobody where it goes: a span would carry address and headers. */
export const provideQuietly =
  (client: HttpClient.HttpClient) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(
      Effect.provideService(HttpClient.HttpClient, client),
      Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
    )
