/** Finds a message whose sending ended in doubt. */
import { Duration, Effect, Option, Schema } from "effect"
import { type Doubt, elapsedMillis, isTimeFor } from "../delivery/guardedCall.ts"
import type { ZulipAccess } from "./zulipAccess.ts"
import type { NarrowTerm } from "./zulipAddress.ts"
import { zulipAsk } from "./zulipAsk.ts"
import { askWho } from "./zulipBot.ts"
import { logRetry } from "./zulipCall.ts"
import type { ZulipSuccess } from "./zulipReply.ts"

/** A message that may have arrived. */
export interface SentMessage {
  readonly narrow: ReadonlyArray<NarrowTerm>
  /** As the server stores it. */
  readonly content: string
  /** The newest id known before it was sent; ids only grow. */
  readonly afterId: number
}

/** Before each look: a connection may break while the server is still storing. */
const waitsSeconds = [0, 1, 2]

/** Both times come in whole seconds, and a proxy's clock may differ a little from the server's. */
const toleranceSeconds = 2

/** Of 20 messages of 10,000 code points, which JSON may write with twelve bytes each. */
const maxMessagesBytes = 4 * 1024 * 1024

const Messages = Schema.Struct({
  messages: Schema.Array(Schema.Struct({ id: Schema.Int, content: Schema.String, timestamp: Schema.Number }))
})

const look = Effect.fnUntraced(function* (access: ZulipAccess, narrow: string, sent: SentMessage, doubt: Doubt) {
  const query = { anchor: "newest", num_before: "20", num_after: "0", narrow, apply_markdown: "false" }
  const { answer, date } = yield* zulipAsk(
    access,
    { path: "/messages", query, maxAnswerBytes: maxMessagesBytes },
    Messages
  )
  const limitSeconds = ((yield* elapsedMillis) - doubt.sinceMillis) / 1000 + toleranceSeconds
  const nowSeconds = Date.parse(date ?? "") / 1000
  const found = answer.messages.findLast(
    ({ id, content, timestamp }) =>
      id > sent.afterId && content === sent.content && nowSeconds - timestamp <= limitSeconds
  )
  return Option.map(Option.fromNullishOr(found), ({ id }): ZulipSuccess => ({ fields: { id }, date }))
})

/**
 * The message as the server has it; nothing where it is not there, or where this bot may not read.
 *
 * **Details** A message is this one if the bot sent it to the same place, word for word, no longer ago than this one
 * was sent and after every message known before. Its age is by the server's clock alone. A marker in the text would
 * tell more, but the text is the caller's: it may end in a link, a code block or a poll, which a marker would change.
 * What is left: the same words, sent with the same credentials by another call within two seconds. Whoever was to read
 * them can.
 */
export const findSent = Effect.fnUntraced(
  function* (access: ZulipAccess, sent: SentMessage, doubt: Doubt) {
    yield* Effect.logWarning("zulip.send.doubt").pipe(Effect.annotateLogs({ reason: doubt.reason }))
    const { user_id } = yield* askWho(access)
    const narrow = JSON.stringify([...sent.narrow, { operator: "sender", operand: user_id }])
    for (const delay_seconds of waitsSeconds) {
      if (!(yield* isTimeFor(access.deadlineMillis, delay_seconds))) break
      if (delay_seconds > 0) {
        yield* logRetry({ reason: "the message is not there", delay_seconds })
        yield* Effect.sleep(Duration.seconds(delay_seconds))
      }
      const found = yield* look(access, narrow, sent, doubt)
      if (Option.isSome(found)) return found
    }
    return Option.none<ZulipSuccess>()
  },
  Effect.orElseSucceed(() => Option.none<ZulipSuccess>())
)
