/** POST /kill: stop every target. */
import { Effect, Schema } from "effect"
import { killCodex, planKill } from "../effects/killCodex.ts"
import { KillAnswer, KillPlanAnswer, killAnswer, killPlanAnswer } from "../src/domain/answers.ts"
import { KillRequest } from "../src/domain/RunRequest.ts"
import { handler } from "../src/runtime/Handler.ts"
import { killErrors, lockErrors } from "./errors.ts"

/** With `dry_run` it names what would be signalled, and takes no lock. */
export const kill = handler({
  summary: "Stops every target with its tree",
  method: "POST",
  path: "/kill",
  access: "token",
  request: KillRequest,
  isBodyOptional: true,
  success: Schema.Union([KillAnswer, KillPlanAnswer]),
  errors: { ...lockErrors, ...killErrors },
  body: (request, { requestId }) =>
    request.dry_run === true
      ? planKill().pipe(Effect.map(killPlanAnswer))
      : killCodex({ requestId }).pipe(Effect.map(killAnswer))
})
