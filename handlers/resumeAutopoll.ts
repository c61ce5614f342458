/** POST /autopoll/resume: ticks start work again. */
import { Effect } from "effect"
import { PauseAnswer } from "../src/domain/answers.ts"
import { EmptyRequest } from "../src/domain/RunRequest.ts"
import { handler } from "../src/runtime/Handler.ts"
import { Autopoll } from "../src/services/Autopoll.ts"

/** Takes no body; a backoff stays. */
export const resumeAutopoll = handler({
  summary: "Ticks start work again",
  method: "POST",
  path: "/autopoll/resume",
  access: "token",
  request: EmptyRequest,
  isBodyOptional: true,
  success: PauseAnswer,
  errors: {},
  body: () =>
    Effect.as(
      Autopoll.use((autopoll) => autopoll.setPaused(false)),
      { ok: true as const, paused: false }
    )
})
