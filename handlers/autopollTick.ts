/** POST /autopoll/tick: one tick now. */
import { Effect } from "effect"
import * as operation from "../effects/autopollTick.ts"
import { TickAnswer, tickAnswer } from "../src/domain/answers.ts"
import { EmptyRequest } from "../src/domain/RunRequest.ts"
import { handler } from "../src/runtime/Handler.ts"
import { launchErrors, lockErrors } from "./errors.ts"

/** Takes no body; a backoff does not hold it up, a pause does. */
export const autopollTick = handler({
  method: "POST",
  path: "/autopoll/tick",
  access: "token",
  request: EmptyRequest,
  isBodyOptional: true,
  success: TickAnswer,
  errors: { ShuttingDown: lockErrors.ShuttingDown, ...launchErrors },
  body: () => Effect.map(operation.autopollTick({ ignoresBackoff: true }), tickAnswer)
})
