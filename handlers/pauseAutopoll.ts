/** POST /autopoll/pause: ticks start nothing until resumed. */
import { Effect } from "effect"
import { PauseAnswer } from "../src/domain/answers.ts"
import { EmptyRequest } from "../src/domain/RunRequest.ts"
import { handler } from "../src/runtime/Handler.ts"
import { Autopoll } from "../src/services/Autopoll.ts"

/** Takes no body; the pause outlives Looper, and live runs go on. */
export const pauseAutopoll = handler({
  summary: "Ticks start nothing until resumed",
  method: "POST",
  path: "/autopoll/pause",
  access: "token",
  request: EmptyRequest,
  isBodyOptional: true,
  success: PauseAnswer,
  errors: {},
  body: () =>
    Effect.as(
      Autopoll.use((autopoll) => autopoll.setPaused(true)),
      { ok: true as const, paused: true }
    )
})
