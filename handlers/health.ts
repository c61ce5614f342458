/** GET /health: Looper answers. */
import { Effect } from "effect"
import { HealthAnswer } from "../src/domain/answers.ts"
import { EmptyRequest } from "../src/domain/RunRequest.ts"
import { handler } from "../src/runtime/Handler.ts"

/** Needs no token and asks nothing of the machine. */
export const health = handler({
  summary: "Looper answers",
  method: "GET",
  path: "/health",
  access: "public",
  request: EmptyRequest,
  success: HealthAnswer,
  errors: {},
  body: () => Effect.succeed({ ok: true as const })
})
