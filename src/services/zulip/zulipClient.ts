/** The HTTP client for one Zulip server: Looper's own, or one that trusts other certificates. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Effect } from "effect"
import { HttpClient } from "effect/http"
import type { ZulipCredentials } from "./zulipCredentials.ts"

/**
 * The client in the context; with a bundle of certificates or without any check, one of its own for this server.
 *
 * **Details** A bundle replaces the default authorities, as in Zulip's own clients. Nothing process-wide changes.
 */
export const zulipClient = Effect.fnUntraced(function* ({ certBundle, isInsecure }: ZulipCredentials) {
  if (certBundle === undefined && !isInsecure) return yield* HttpClient.HttpClient
  const dispatcher = yield* NodeHttpClient.makeDispatcherOptions({
    connect: { rejectUnauthorized: !isInsecure, ...(certBundle && { ca: certBundle.pem }) }
  })
  return yield* NodeHttpClient.makeUndici.pipe(Effect.provideService(NodeHttpClient.Dispatcher, dispatcher))
})
