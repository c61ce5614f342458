import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { layerLog } from "../../../src/services/notifiers/LogNotifier.ts"
import { Notifier } from "../../../src/services/notifiers/Notifier.ts"
import { makeLogs } from "../zulip/sending.ts"

it.effect("logs that there was a message, not what it said", () =>
  Effect.gen(function* () {
    const logs = makeLogs()
    const place = yield* Effect.map(Notifier, ({ announcesTo }) => announcesTo).pipe(Effect.provide(layerLog))
    assert.strictEqual(place, "the server log")
    const output = yield* Effect.flatMap(Notifier, (notifier) => notifier.send("secret 😀")).pipe(
      Effect.provide(Layer.merge(layerLog, logs.layer))
    )
    assert.strictEqual(output, "OK notifier=log")
    assert.deepStrictEqual(logs.lines, [{ level: "Info", event: "notify.log", annotations: { message_len: 8 } }])
  })
)
