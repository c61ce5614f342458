/** POST /autopoll/tick: one tick now. */
import { Effect } from "effect"
import * as operation from "../effects/autopollTick.ts"
import { TickAnswer, tickAnswer } from "../src/domain/answers.ts"
import { EmptyRequest } from "../src/domain/RunRequest.ts"
import { handler } from "../src/runtime/Handler.ts"
import { cancelErrors, launchErrors, lockErrors } from "./errors.ts"

/** Takes no body; a backoff does not hold it up, a pause does. */
export const autopollTick = handler({
  summary: "One tick of autopoll now, also while it is off or backing off",
  method: "POST",
  path: "/autopoll/tick",
  access: "token",
  request: EmptyRequest,
  isBodyOptional: true,
  success: TickAnswer,
  errors: { ShuttingDown: lockErrors.ShuttingDown, ...cancelErrors, ...launchErrors },
  body: () => Effect.map(operation.autopollTick({ ignoresBackoff: true }), tickAnswer)
})
