/** POST /runs/:id/stop: stop that run and no other. */
import { Effect } from "effect"
import * as operation from "../effects/stopRun.ts"
import { StopAnswer } from "../src/domain/runAnswers.ts"
import { RunIdRequest } from "../src/domain/runQuery.ts"
import { handler } from "../src/runtime/Handler.ts"
import { historyErrors, killErrors, lockErrors } from "./errors.ts"

/** Takes no body; with the id of the sequence in progress it ends that one's wait. */
export const stopRun = handler({
  summary: "Stops this run and no other, or the sequence that is about to start it",
  method: "POST",
  path: "/runs/:id/stop",
  access: "token",
  request: RunIdRequest,
  isBodyOptional: true,
  success: StopAnswer,
  errors: { ...lockErrors, ...killErrors, ...historyErrors },
  body: ({ id }, { requestId }) =>
    Effect.map(operation.stopRun({ id, requestId }), ({ outcome, killedPids }) => ({
      ok: true as const,
      request_id: id,
      outcome,
      killed_codex_exec_pids: killedPids,
      remaining_codex_exec_pids: []
    }))
})
