/** A question to the Zulip server whose answer has a known shape. */
import { Effect, Schema } from "effect"
import type { CallResult } from "../delivery/guardedCall.ts"
import { refuse, type ZulipAccess } from "./zulipAccess.ts"
import { zulipCall, type ZulipRequest } from "./zulipCall.ts"
import type { ZulipSuccess } from "./zulipReply.ts"

/** The success of a call, or the failure with the server's reason. */
export const successOf = (result: CallResult<ZulipSuccess>) =>
  result._tag === "Success" ? Effect.succeed(result.body) : refuse(result.reason)

/** What the server answers to a GET, and its own time then. */
export const zulipAsk = Effect.fnUntraced(function* <A>(
  access: ZulipAccess,
  request: Omit<ZulipRequest, "form" | "settle">,
  schema: Schema.Codec<A, unknown>
) {
  const { fields, date } = yield* Effect.flatMap(zulipCall(access, request), successOf)
  const answer = yield* Schema.decodeUnknownEffect(schema)(fields).pipe(
    Effect.catch(() => refuse(`Zulip answered GET ${request.path} in a way that Looper does not know`))
  )
  return { answer, date }
})
