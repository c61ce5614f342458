/** A notifier that only writes to Looper's own log, for trying Looper out. */
import { Effect, Layer } from "effect"
import { Notifier } from "./Notifier.ts"

/** Logs a message's length in code points, never its text. */
export const layerLog = Layer.succeed(Notifier, {
  announcesTo: "the server log",
  send: (message) =>
    Effect.logInfo("notify.log").pipe(
      Effect.annotateLogs({ message_len: Array.from(message).length }),
      Effect.as("OK notifier=log")
    )
})
