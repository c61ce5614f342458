/** POST /kill: stop every target. */
import { Effect } from "effect"
import { killCodex } from "../effects/killCodex.ts"
import { KillAnswer, killAnswer } from "../src/domain/answers.ts"
import { EmptyRequest } from "../src/domain/RunRequest.ts"
import { handler } from "../src/runtime/Handler.ts"
import { killErrors, lockErrors } from "./errors.ts"

export const kill = handler({
  method: "POST",
  path: "/kill",
  access: "token",
  request: EmptyRequest,
  isBodyOptional: true,
  success: KillAnswer,
  errors: { ...lockErrors, ...killErrors },
  body: (_, { requestId }) => killCodex({ requestId }).pipe(Effect.map(killAnswer))
})
