/** The HTTP client for one Zulip server: Looper's own, or one that trusts or shows other certificates. */
import { Effect, Redacted } from "effect"
import { HttpClient } from "effect/http"
import { makeNotifierClient } from "../delivery/nodeClient.ts"
import type { ZulipCredentials } from "./zulipCredentials.ts"

/**
 * The client in the context; with certificates of its own or without any check, another one for this server.
 *
 * **Details** A bundle replaces the default authorities, as in Zulip's own clients. Nothing process-wide changes.
 */
export const zulipClient = Effect.fnUntraced(function* (credentials: ZulipCredentials) {
  const { certBundle, clientCertificate: shown, isInsecure } = credentials
  if (certBundle === undefined && shown === undefined && !isInsecure) return yield* HttpClient.HttpClient
  return yield* makeNotifierClient({
    rejectUnauthorized: !isInsecure,
    ...(certBundle && { ca: certBundle.pem }),
    ...(shown && { cert: shown.pem, key: Redacted.value(shown.key) })
  })
})
