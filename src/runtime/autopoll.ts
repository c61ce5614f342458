/** Ticks at start and then at the configured distance, as long as its scope is open. */
import { Clock, Duration, Effect, Layer, Schedule } from "effect"
import { autopollTick } from "../../effects/autopollTick.ts"
import { preflight, promptOf } from "../../effects/preflight.ts"
import { Autopoll } from "../services/Autopoll.ts"
import { LooperConfig } from "../services/config/LooperConfig.ts"
import { HttpServer } from "./server.ts"

/** Runs beside the server: a run that it starts knows where Looper listens. */
export const layerAutopoll = Layer.effectDiscard(
  Effect.gen(function* () {
    yield* HttpServer
    const { isAutopollOn, idlePollSeconds, defaultWorkspace, defaultPrompt } = yield* LooperConfig
    if (!isAutopollOn) {
      yield* Effect.logInfo("codex.exec.autopoll.disabled")
      return
    }
    yield* Effect.logInfo("codex.exec.autopoll.enabled").pipe(
      Effect.annotateLogs({
        first_tick: "now",
        every_seconds: idlePollSeconds,
        workspace: defaultWorkspace,
        prompt: "file" in defaultPrompt ? defaultPrompt.file : `${defaultPrompt.text.length} characters`,
        switch_off: "LOOPER_AUTO_START_WHEN_IDLE=0"
      })
    )
    yield* warnOfDefaults
    yield* expectTick(Duration.zero)
    yield* Effect.forkScoped(tickForever(Duration.seconds(idlePollSeconds)))
  })
)

/** What ticks would skip for is said at once, also where another reason comes first. */
const warnOfDefaults = promptOf({}).pipe(
  Effect.flatMap((prompt) => preflight({ prompt })),
  Effect.catch((error) =>
    Effect.logWarning("codex.exec.autopoll.misconfigured").pipe(Effect.annotateLogs({ error: error.message }))
  )
)

/** A tick that fails or dies is logged and never ends the loop. */
export const tickForever = (distance: Duration.Duration) =>
  autopollTick().pipe(
    // Somebody stopped it, or Looper stops.
    Effect.catchTag(["Cancelled", "ShuttingDown"], ({ message }) =>
      Effect.logWarning("codex.exec.autopoll.fail").pipe(Effect.annotateLogs({ error: message }))
    ),
    Effect.tapCause((cause) => Effect.logError("codex.exec.autopoll.fail", cause)),
    Effect.ignoreCause,
    Effect.andThen(expectTick(distance)),
    Effect.repeat(Schedule.spaced(distance))
  )

const expectTick = Effect.fnUntraced(function* (distance: Duration.Duration) {
  const autopoll = yield* Autopoll
  autopoll.expectTick((yield* Clock.currentTimeMillis) + Duration.toMillis(distance))
})
