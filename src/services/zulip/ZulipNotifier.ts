/** The built-in Zulip client as a {@link Notifier}. */
import { Effect, Layer, Ref } from "effect"
import type { NotifyFailed } from "../../domain/errors.ts"
import { provideQuietly } from "../delivery/quietClient.ts"
import { LooperConfig, type ZulipConfig } from "../config/LooperConfig.ts"
import { Notifier } from "../notifiers/Notifier.ts"
import { accessOf } from "./zulipAccess.ts"
import { addressOf, placeOf } from "./zulipAddress.ts"
import { zulipClient } from "./zulipClient.ts"
import { codePointLength } from "./zulipMessage.ts"
import { sendTo } from "./zulipSend.ts"

const send = Effect.fnUntraced(function* (config: ZulipConfig, message: string, newestId: Ref.Ref<number>) {
  yield* Effect.logInfo("zulip.send.start").pipe(Effect.annotateLogs({ message_len: codePointLength(message) }))
  const access = yield* accessOf(config)
  const address = yield* addressOf(access, config)
  const { id, output } = yield* sendTo(access, address, message, yield* Ref.get(newestId))
  yield* Ref.update(newestId, (newest) => Math.max(newest, id))
  return output
})

const logFailure = (error: NotifyFailed) =>
  Effect.logWarning("zulip.send.fail").pipe(Effect.annotateLogs({ reason: error.reason }))

/** Sends over the configured Zulip server. */
export const layerZulip = Layer.effect(
  Notifier,
  Effect.gen(function* () {
    const { zulip } = yield* LooperConfig
    const provide = provideQuietly(yield* zulipClient(zulip))
    const newestId = yield* Ref.make(0)
    return Notifier.of({
      announcesTo: placeOf(zulip),
      send: (message) => provide(send(zulip, message, newestId).pipe(Effect.tapError(logFailure)))
    })
  })
)
